"""One test body, both cores: a native core that is missing fails every test that asks for it."""

from __future__ import annotations

import pytest

from aggregates import kernel
from aggregates.kernel import Engine


@pytest.fixture(scope="session", params=["reference", "native"])
def core(request: pytest.FixtureRequest) -> str:
    """Return the name of the core under test."""
    return str(request.param)


@pytest.fixture
def engine(core: str) -> Engine:
    """Return an empty engine of shard 0."""
    return kernel.load(core)
