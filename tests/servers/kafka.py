"""A real Kafka for the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.servers.running import RunningServer, running


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[RunningServer]:
    """Return a running broker that tests share: each uses topics of its own."""
    with running("kafka", Path(mkdtemp(prefix="sor-kafka-"))) as server:
        yield server
