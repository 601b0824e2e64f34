"""What every test may ask for: the recorded markets, the size to run in, one Hypothesis profile."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Real servers, each started by the first test that asks for it.
pytest_plugins = ["tests.servers.kafka", "tests.servers.postgres", "tests.servers.pulsar"]

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"

UNITS = {
    "servers": (
        "tests/servers/",
        "tests/streams/brokers/",
        "tests/projections/store/",
        "tests/streams/reference/test_service.py",
    ),
    "api": ("tests/projections/api/",),
}
"""Tests that start a real server or a whole service, which takes seconds and 100s of MB."""

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


def pytest_configure() -> None:
    """Take Ctrl-C even where a shell runs the tests in the background and has it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneProcessPerFixture:
    """Hand the tests to the workers in units that never split what shares a costly fixture."""
    return OneProcessPerFixture(config, log)


class OneProcessPerFixture(LoadScopeScheduling):
    """A file's tests run in one process, and so do all files that share a real server.

    Chosen by path: the marks of `--dist loadgroup` are written into a node id that pytest 9.2
    no longer reads, so they group nothing.
    """

    def _split_scope(self, nodeid: str) -> str:
        """Return the name of the unit that a test belongs to."""
        path = nodeid.partition("::")[0]
        return next((unit for unit in UNITS if path.startswith(UNITS[unit])), path)


@pytest.fixture(scope="session")
def seed() -> int:
    """Return what shifts the seeds of the promises' tests (SOR_SEED); 0 unless asked."""
    return int(os.environ.get("SOR_SEED", "0"))
