"""The engine on a real Pulsar: the same bytes as embedded, through kills and poison."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.wire import iter_inputs
from tests.servers.running import RunningServer, eventually
from tests.streams.brokers.flows import (
    counts_of,
    decision_hash,
    frames,
    poisons,
    tape_of,
    wanted_of,
)
from tests.streams.brokers.pulsar_harness import Installation, PulsarOutputs, installed

SHARDS = 4


@pytest.fixture
def install(pulsar_server: RunningServer, tmp_path: Path) -> Iterator[Installation]:
    yield from installed(pulsar_server, tmp_path)


@pytest.mark.promise(p=8)
def test_the_same_log_gives_the_same_decisions_and_poison_stops_nothing(
    install: Installation,
) -> None:
    tapes = {shard: bytes(tape_of(shard, 400).data) for shard in range(SHARDS)}
    wanted = wanted_of(tapes)
    poison = poisons(tapes[0])
    outputs = PulsarOutputs(install)
    install.start("one")
    for shard, data in tapes.items():
        for number, frame in enumerate(frames(data, 2_000, shard)):
            if shard == 0 and number < len(poison):
                install.write_raw(0, poison[number])
            install.write(shard, frame)
    install.flush()
    outputs.until(counts_of(wanted), 60, install)
    for shard in range(SHARDS):
        assert outputs.outputs(shard) == wanted[shard]
        assert decision_hash(outputs.outputs(shard)) == decision_hash(wanted[shard])
    eventually(lambda: len(outputs.polled().dead) >= len(poison), 20)
    assert [raw for raw, _ in outputs.dead] == poison
    assert all(headers["reason"] for _, headers in outputs.dead)


@pytest.mark.promise(p=5)
def test_kills_lose_nothing_and_publish_nothing_twice(
    install: Installation, full_size: bool
) -> None:
    """Two workers, four shards; the broker drops what the dead worker had published."""
    kills, quotes = (20, 75_000) if full_size else (2, 1_000)
    draw = random.Random(kills)
    tapes = {shard: bytes(tape_of(shard, quotes).data) for shard in range(SHARDS)}
    wanted = wanted_of(tapes)
    pieces = {shard: list(frames(data, 2_000, shard)) for shard, data in tapes.items()}
    outputs = PulsarOutputs(install)
    for name in ("one", "two"):
        install.start(name)
    rounds = kills + 1
    for number in range(rounds):
        for shard, every in pieces.items():
            share = -(-len(every) // rounds)
            for frame in every[number * share : (number + 1) * share]:
                install.write(shard, frame)
        install.flush()
        before = outputs.total
        eventually(lambda: outputs.polled().total > before, 60)  # noqa: B023
        if number < kills:
            victim = draw.choice(("one", "two"))
            install.kill(victim)
            install.start(victim)
    outputs.until(counts_of(wanted), 120, install)
    lost = sum(outputs.outputs(shard) != wanted[shard] for shard in range(SHARDS))
    inputs = sum(sum(1 for _ in iter_inputs(data)) for data in tapes.values())
    print(
        f"\nP5 (Pulsar): {kills} kills, {inputs} inputs, lost or differing shards {lost}, "
        f"repeated {outputs.repeated}, differing {outputs.differing}"
    )
    assert (lost, outputs.repeated, outputs.differing, outputs.dead) == (0, 0, 0, [])
