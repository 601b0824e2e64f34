"""A real service on a free port, shared by the tests of the API; and the same API with a gate."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.testing import TestClient

from projections.api.access import AccessRules, Gate
from projections.api.app import make_app
from projections.api.services import Services
from streams.clock import SystemClock
from streams.config.service import Api, ReferenceStore, Service, ServiceConfig, SimulatedMarket
from streams.observability.logs import logger
from streams.service.api_process import make_services
from streams.service.serve import Processes


@dataclass(frozen=True)
class Running:
    """A service that runs, and where."""

    config: ServiceConfig
    url: str
    log: Path

    def client(self) -> httpx.Client:
        """A client of it."""
        # Shorter than the service keeps an idle connection, so that no request meets its end.
        limits = httpx.Limits(keepalive_expiry=1.0)
        return httpx.Client(base_url=self.url, timeout=60, limits=limits)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def wait_until(is_true: Any, seconds: float = 120.0) -> None:
    """Wait for a condition; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def is_ready(url: str) -> bool:
    """Whether the service says that it is."""
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def started(folder: Path, database: str = "") -> Iterator[Running]:
    """A whole service over a small market; read models and reference data in one database."""
    port = free_port()
    config = ServiceConfig(
        service=Service(run=str(folder / "run"), snapshot_s=10),
        api=Api(port=port, requests_per_s=100_000, orders_per_s=100_000, database=database),
        reference=ReferenceStore(store=database),
        market=SimulatedMarket(venues=6, instruments=2, records_per_s=500, orders_per_s=10),
    )
    log = folder / "log.jsonl"
    with Processes(config, log):
        running = Running(config, f"http://127.0.0.1:{port}", log)
        wait_until(lambda: is_ready(running.url), 60)
        with running.client() as client:
            wait_until(lambda: len(client.get("/v1/fills").json()["items"]) > 5, 60)
            wait_until(lambda: len(client.get("/v1/quality").json()["items"]) > 5, 60)
        yield running


RUNNING = ExitStack()
"""Services that run until the last test of this folder: their market trades all the while."""


def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Stop the services once no test of this folder follows."""
    if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
        RUNNING.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Running:
    """Start a service that keeps its read models in SQLite."""
    return RUNNING.enter_context(started(tmp_path_factory.mktemp("service")))


@pytest.fixture(scope="session")
def postgres_service(tmp_path_factory: pytest.TempPathFactory, postgres_server: Any) -> Running:
    """Start a service that keeps its read models and reference data in PostgreSQL."""
    folder = tmp_path_factory.mktemp("service")
    return RUNNING.enter_context(started(folder, postgres_server.url))


@pytest.fixture
def api(service: Running) -> Iterator[httpx.Client]:
    """Return a client of the running service."""
    with service.client() as client:
        yield client


@pytest.fixture
def services(service: Running) -> Iterator[Services]:
    """Return what an API in this process needs to speak with the running engine."""
    made = make_services(service.config, SystemClock(), logger("test", "error"))
    yield made
    made.close()


@pytest.fixture
def guarded(services: Services) -> Any:
    """Return a function that makes a client of the API behind access rules."""

    def make(rules: AccessRules, **bounds: Any) -> TestClient[Any]:
        services.gate = Gate(rules, services.now_ns)
        services.bounds = replace(services.bounds, **{"hosts": (), **bounds})
        return TestClient(make_app(services), raise_server_exceptions=False)

    return make
