"""A real PostgreSQL for the session, and a fresh database for each test that asks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.servers.running import RunningServer, running

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[RunningServer]:
    """Return a running server; `url` is that of the superuser `sor`."""
    # pytest's own folders are closed to the user who runs the server where we are root.
    with running("postgres", Path(tempfile.mkdtemp(prefix="sor-postgres-"))) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: RunningServer) -> Iterator[str]:
    """Return the URL (postgresql://...) of a new empty database, dropped after the test."""
    import psycopg

    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    yield postgres_server.url.rpartition("/")[0] + "/" + name
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
