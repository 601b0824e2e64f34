"""A finished run, and a store of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.rebuild import rebuild
from tests.projections.store.world import HISTORY_NS, LivingRun
from tests.servers.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of two shards with orders of every kind of end."""
    living = LivingRun(tmp_path_factory.mktemp("projected") / "run", shards=2)
    living.write(32)
    return living.finish()


@pytest.fixture(scope="session")
def projected(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URL of the run's read models on SQLite; tests only read them."""
    url = f"sqlite:///{tmp_path_factory.mktemp('store')}"
    rebuild(finished_run, url, HISTORY_NS)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
