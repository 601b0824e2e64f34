"""The gateway contract against a real Pulsar, shown on the reference gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.running import RunningServer
from tests.streams.brokers.desk import SHARDS, Desk, check_contract, check_kill, desk_on
from tests.streams.brokers.pulsar_harness import PulsarOutputs, installed

pytestmark = pytest.mark.servers


@pytest.fixture
def desk(pulsar_server: RunningServer, tmp_path: Path) -> Iterator[Desk]:
    for install in installed(
        pulsar_server, tmp_path, ingest=True, timer_ms=50, shards=SHARDS, snapshot_s=2.0
    ):
        yield from desk_on("pulsar", install, PulsarOutputs(install), tmp_path)


def test_the_gateway_contract(desk: Desk) -> None:
    """Requests, their answers, repeats, a gateway that dies, and drop copies that agree."""
    check_contract(desk)


def test_a_kill_latches_at_the_gateway_and_in_every_shard(desk: Desk) -> None:
    """The acknowledgement names who has it; nothing leaves afterwards; a release lets it go on."""
    check_kill(desk)
