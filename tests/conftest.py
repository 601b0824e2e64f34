"""What every test may ask for: the recorded markets, the size to run in, one Hypothesis profile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Real servers, each started by the first test that asks for it.
pytest_plugins = ["tests.servers.kafka", "tests.servers.postgres", "tests.servers.pulsar"]

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"

SERVERS = {"kafka_server", "pulsar_server"}
"""Fixtures that take seconds and hundreds of megabytes to start."""

# The same profile on every machine: a failure prints the blob that repeats it.
settings.register_profile(
    "venuefold",
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("venuefold")


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the checkout's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of recorded markets; skips where it is absent and may be."""
    if SHARED_DATA.is_dir():
        return SHARED_DATA
    if os.environ.get("SOR_REQUIRE_DATA") == "1":
        pytest.fail("SOR_REQUIRE_DATA=1 but ../shared/data is absent")
    pytest.skip("no recorded markets: ../shared/data is absent")


@pytest.fixture(scope="session")
def full_size() -> bool:
    """Return whether a promise runs in its full size (`make prove`) or its quick one."""
    return os.environ.get("SOR_PROVE") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a real server run in one process each, so that the server starts once."""
    for item in items:
        parts = item.path.relative_to(ROOT).parts
        needed = SERVERS & set(getattr(item, "fixturenames", ()))
        if needed or "servers" in parts or item.get_closest_marker("servers"):
            item.add_marker(pytest.mark.xdist_group("servers"))
        elif "api" in parts:
            item.add_marker(pytest.mark.xdist_group("api"))


@pytest.fixture(scope="session")
def seed() -> int:
    """Return what shifts the seeds of the promises' tests (SOR_SEED); 0 unless asked."""
    return int(os.environ.get("SOR_SEED", "0"))
