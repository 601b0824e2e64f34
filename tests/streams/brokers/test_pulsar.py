"""The engine on a real Pulsar: the same bytes as embedded, through kills and poison."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.topics import DECISIONS, INPUTS, MARKET_DATA, ORDERS, REFERENCE_CHANGES
from schemas.wire import iter_inputs
from streams.brokers.reference_changes import change_frame
from streams.replay.sharding import shard_of
from streams.runtime_pulsar.admin import Admin
from tests.builders import Tape
from tests.servers.running import RunningServer, eventually
from tests.streams.brokers import json_flow
from tests.streams.brokers.flows import (
    counts_of,
    decision_hash,
    embedded,
    frames,
    poisons,
    tape_of,
    wanted_of,
)
from tests.streams.brokers.pulsar_harness import Installation, PulsarOutputs, installed

SHARDS = 4
pytestmark = pytest.mark.servers


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
    assert sorted(raw for raw, _ in outputs.dead) == sorted(poison)
    assert all(headers["reason"] for _, headers in outputs.dead)


@pytest.mark.promise(p=19)
def test_a_shard_of_another_engine_is_refused_and_the_others_go_on(install: Installation) -> None:
    """P19: the worker decides nothing for the shard, from the activation on."""
    tapes = {shard: bytes(tape_of(shard, 60).data) for shard in (0, 1)}
    foreign = Tape()
    foreign.engine(version_hash=b"f" * 32)
    outputs = PulsarOutputs(install)
    install.start("one")
    install.write(0, bytes(foreign.data))
    for shard, data in tapes.items():
        install.write(shard, data)
    install.flush()
    outputs.until(counts_of(wanted_of({1: tapes[1]})), 60, install)
    assert outputs.outputs(1) == embedded(1, tapes[1])
    outputs.poll(2)
    assert not outputs.records[0]
    assert "activates engine" in install.logs()


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
    patience_s = 600 if full_size else 120
    outputs.until_revived(counts_of(wanted), patience_s, install, "ProducerFenced")
    lost = sum(outputs.outputs(shard) != wanted[shard] for shard in range(SHARDS))
    inputs = sum(sum(1 for _ in iter_inputs(data)) for data in tapes.values())
    print(
        f"\nP5 (Pulsar): {kills} kills, {inputs} inputs, lost or differing shards {lost}, "
        f"repeated {outputs.repeated}, differing {outputs.differing}"
    )
    assert (lost, outputs.repeated, outputs.differing, outputs.dead) == (0, 0, 0, [])


def test_json_of_foreign_systems_is_routed_and_its_poison_is_set_aside(
    pulsar_server: RunningServer, tmp_path: Path
) -> None:
    """Reference by broadcast, market data and orders as JSON; then the reader reads again."""
    shard = shard_of("TEST", 2)
    for install in installed(pulsar_server, tmp_path, ingest=True, timer_ms=50, shards=2):
        install.write_raw(0, change_frame(json_flow.reference()), REFERENCE_CHANGES)
        outputs = PulsarOutputs(install)
        install.start("one")
        for raw in (*json_flow.POISON, *json_flow.quotes()):
            install.write_raw(0, raw, MARKET_DATA)
        install.flush()
        count = len(json_flow.POISON)
        eventually(lambda: len(outputs.polled().dead) >= count, 60)  # noqa: B023
        for raw in json_flow.orders():
            install.write_raw(1, raw, ORDERS)
        install.flush()
        eventually(lambda: json_flow.decided(outputs.polled(), shard) >= json_flow.NAMES, 60)  # noqa: B023
        faults = {raw: head["reason"].decode().partition(":")[0] for raw, head in outputs.dead}
        assert faults == dict(zip(json_flow.POISON, json_flow.FAULTS, strict=True))
        assert len(outputs.dead) == count
        rows = Admin(install.config).subscriptions(INPUTS)
        owners = {row["partition"]: row["consumers"] for row in rows}
        assert owners == {0: ["one-0"], 1: ["one-1"]}
        before = outputs.repeated
        Admin(install.config).reset(DECISIONS, "reader", 0)
        eventually(lambda: outputs.polled().repeated >= before + 5, 30)  # noqa: B023
        assert outputs.differing == 0
