"""The engine on a real Kafka: the same bytes as embedded, through kills and poison."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.running import RunningServer
from tests.streams.brokers.flows import decision_hash, embedded, frames, tape_of
from tests.streams.brokers.kafka_harness import Installation, OutputCollector, installed

SHARDS = 4


@pytest.fixture
def install(kafka_server: RunningServer, tmp_path: Path) -> Iterator[Installation]:
    yield from installed(kafka_server.url, tmp_path)


@pytest.mark.promise(p=8)
def test_the_same_log_gives_the_same_decisions(install: Installation) -> None:
    tapes = {shard: bytes(tape_of(shard, 400).data) for shard in range(SHARDS)}
    wanted = {shard: embedded(shard, data) for shard, data in tapes.items()}
    install.start("one")
    for shard, data in tapes.items():
        for frame in frames(data, 2_000, shard):
            install.write(shard, frame)
    install.producer.flush(30)
    outputs = OutputCollector(install.config)
    counts = {shard: out.count(b"") and _count(out) for shard, out in wanted.items()}
    outputs.until(counts, 60, install)
    for shard in range(SHARDS):
        assert outputs.outputs(shard) == wanted[shard]
        assert decision_hash(outputs.outputs(shard)) == decision_hash(wanted[shard])
    assert not outputs.dead


def _count(outputs: bytes) -> int:
    from schemas.wire import iter_raw_outputs

    return sum(1 for _ in iter_raw_outputs(outputs))
