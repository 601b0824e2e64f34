"""A real Pulsar for the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.servers.running import RunningServer, running


@pytest.fixture(scope="session")
def pulsar_server() -> Iterator[RunningServer]:
    """Return a running broker that tests share: each uses topics of its own."""
    with running("pulsar", Path(mkdtemp(prefix="sor-pulsar-"))) as server:
        yield server
