"""The engine on a real Kafka: the same bytes as embedded, through kills and poison."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from faust.types import TP

from schemas.topics import INPUTS, MARKET_DATA, ORDERS, REFERENCE_CHANGES
from schemas.wire import iter_inputs
from streams.brokers.reference_changes import change_frame
from streams.replay.sharding import shard_of
from streams.runtime_kafka.transport import Consumer as GroupConsumer
from tests.builders import Tape
from tests.servers.running import RunningServer, eventually, running
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
from tests.streams.brokers.kafka_harness import QUIET, Installation, KafkaOutputs, installed

SHARDS = 4
pytestmark = pytest.mark.servers


@pytest.fixture
def install(kafka_server: RunningServer, tmp_path: Path) -> Iterator[Installation]:
    yield from installed(kafka_server.url, tmp_path)


@pytest.mark.promise(p=8)
def test_the_same_log_gives_the_same_decisions_and_poison_stops_nothing(
    install: Installation,
) -> None:
    tapes = {shard: bytes(tape_of(shard, 400).data) for shard in range(SHARDS)}
    wanted = wanted_of(tapes)
    poison = poisons(tapes[0])
    install.start("one")
    for shard, data in tapes.items():
        for number, frame in enumerate(frames(data, 2_000, shard)):
            if shard == 0 and number < len(poison):
                install.write_raw(INPUTS, 0, poison[number])
            install.write(shard, frame)
    install.producer.flush(30)
    outputs = KafkaOutputs(install.config)
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
    install.start("one")
    install.write(0, bytes(foreign.data))
    for shard, data in tapes.items():
        install.write(shard, data)
    install.producer.flush(30)
    outputs = KafkaOutputs(install.config)
    outputs.until(counts_of(wanted_of({1: tapes[1]})), 60, install)
    assert outputs.outputs(1) == embedded(1, tapes[1])
    outputs.poll(2)
    assert not outputs.records[0]
    assert "activates engine" in install.logs()


@pytest.mark.promise(p=5)
def test_kills_lose_nothing_and_change_nothing(install: Installation, full_size: bool) -> None:
    """Two workers, four shards; one is killed again and again while orders flow."""
    kills, quotes = (20, 75_000) if full_size else (3, 1_500)
    draw = random.Random(kills)
    tapes = {shard: bytes(tape_of(shard, quotes).data) for shard in range(SHARDS)}
    wanted = wanted_of(tapes)
    pieces = {shard: list(frames(data, 2_000, shard)) for shard, data in tapes.items()}
    outputs = KafkaOutputs(install.config)
    for name in ("one", "two"):
        install.start(name)
    rounds = kills + 1
    for number in range(rounds):
        for shard, every in pieces.items():
            share = -(-len(every) // rounds)
            for frame in every[number * share : (number + 1) * share]:
                install.write(shard, frame)
        install.producer.flush(30)
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
        f"\nP5: {kills} kills, {inputs} inputs, lost or differing shards {lost}, "
        f"repeated {outputs.repeated}, differing {outputs.differing}"
    )
    assert (lost, outputs.differing, outputs.dead) == (0, 0, [])


@pytest.mark.promise(p=5)
def test_kills_at_any_moment_lose_nothing(install: Installation, full_size: bool) -> None:
    """Workers die while they join, while they start a shard, before anything was committed."""
    kills = 60 if full_size else 3
    draw = random.Random(kills)
    tapes = {shard: bytes(tape_of(shard, 60 * kills).data) for shard in range(SHARDS)}
    wanted = wanted_of(tapes)
    outputs = KafkaOutputs(install.config)
    for name in ("one", "two"):
        install.start(name)
    pieces = {shard: list(frames(data, 500, shard)) for shard, data in tapes.items()}
    for number in range(kills):
        for shard, every in pieces.items():
            share = -(-len(every) // kills)
            for frame in every[number * share : (number + 1) * share]:
                install.write(shard, frame)
        install.flush()
        outputs.poll(draw.uniform(0.1, 3.0))
        victim = draw.choice(("one", "two"))
        install.kill(victim)
        install.start(victim)
    outputs.until(counts_of(wanted), 120, install)
    lost = sum(outputs.outputs(shard) != wanted[shard] for shard in range(SHARDS))
    assert (lost, outputs.differing, outputs.dead) == (0, 0, [])


@pytest.mark.promise(p=5)
def test_a_committed_offset_is_a_hint(kafka_server: RunningServer, tmp_path: Path) -> None:
    """The group's offset stands at the end and no snapshot does: the shard is read from its own."""
    tapes = {0: bytes(tape_of(0, 60).data)}
    for install in installed(kafka_server.url, tmp_path, stall_s=1.0):
        install.write(0, tapes[0])
        install.flush()
        place = TopicPartition(install.config.name(INPUTS), 0, 1)
        group = Consumer(
            {"bootstrap.servers": kafka_server.url, "group.id": install.config.group, **QUIET}
        )
        group.commit(offsets=[place], asynchronous=False)
        group.close()
        install.start("one")
        outputs = KafkaOutputs(install.config)
        outputs.until(counts_of(wanted_of(tapes)), 60, install)
        assert outputs.outputs(0) == embedded(0, tapes[0])


def test_a_partition_without_a_committed_offset_is_sought_too() -> None:
    """Faust drops what it fetched in a rebalance: what never was committed begins anew."""
    sought: list[TP] = []

    class Thread:
        async def seek_to_committed(self) -> dict[TP, int | None]:
            return {TP("in", 0): None, TP("in", 1): 0, TP("in", 2): 7}

        async def seek_to_beginning(self, *places: TP) -> None:
            sought.extend(places)

    consumer = GroupConsumer.__new__(GroupConsumer)
    consumer._thread = Thread()  # type: ignore[assignment]
    found = asyncio.run(consumer.seek_to_committed())
    assert (found[TP("in", 2)], sought) == (7, [TP("in", 0), TP("in", 1)])


def test_json_of_foreign_systems_is_routed_and_its_poison_is_set_aside(
    kafka_server: RunningServer, tmp_path: Path
) -> None:
    """Reference by broadcast, market data and orders as JSON."""
    shard = shard_of("TEST", SHARDS)
    for install in installed(kafka_server.url, tmp_path, ingest=True, timer_ms=50):
        install.write_raw(REFERENCE_CHANGES, 0, change_frame(json_flow.reference()))
        install.start("one")
        for raw in (*json_flow.POISON, *json_flow.quotes()):
            install.write_raw(MARKET_DATA, 0, raw)
        install.producer.flush(30)
        outputs = KafkaOutputs(install.config)
        count = len(json_flow.POISON)
        eventually(lambda: len(outputs.polled().dead) >= count, 60)  # noqa: B023
        for raw in json_flow.orders():
            install.write_raw(ORDERS, 1, raw)
        install.producer.flush(30)
        eventually(lambda: json_flow.decided(outputs.polled(), shard) >= json_flow.NAMES, 60)  # noqa: B023
        faults = {raw: head["reason"].decode().partition(":")[0] for raw, head in outputs.dead}
        assert faults == dict(zip(json_flow.POISON, json_flow.FAULTS, strict=True))
        assert len(outputs.dead) == count


@pytest.mark.promise(p=5)
def test_a_broker_that_stops_or_pauses_changes_nothing(tmp_path: Path, full_size: bool) -> None:
    """A broker of its own: SIGSTOP while orders flow, then a restart; two workers, one added late.

    The added worker moves partitions; every shard stays with one owner at a time.
    """
    tapes = {shard: bytes(tape_of(shard, 600).data) for shard in range(SHARDS)}
    wanted = wanted_of(tapes)
    pieces = {shard: list(frames(data, 2_000, shard)) for shard, data in tapes.items()}
    pause_s = 30 if full_size else 3
    with running("kafka", tmp_path / "broker") as server:
        for install in installed(server.url, tmp_path):
            outputs = KafkaOutputs(install.config)
            install.start("one")
            _write_third(install, pieces, 0)
            eventually(lambda: outputs.polled().total > 0, 60)  # noqa: B023
            with server.paused():
                _write_third(install, pieces, 1, flush=False)
                time.sleep(pause_s)
            install.start("two")
            install.producer.flush(60)
            outputs.poll()
            server.stop()
            server.start()
            _write_third(install, pieces, 2)
            outputs.until_revived(counts_of(wanted), 120, install)
            lost = sum(outputs.outputs(shard) != wanted[shard] for shard in range(SHARDS))
            assert (lost, outputs.differing, outputs.dead) == (0, 0, [])


def _write_third(
    install: Installation, pieces: dict[int, list[bytes]], part: int, flush: bool = True
) -> None:
    for shard, every in pieces.items():
        share = -(-len(every) // 3)
        for frame in every[part * share : (part + 1) * share]:
            install.write(shard, frame)
    if flush:
        install.producer.flush(60)
