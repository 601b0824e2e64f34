"""Workers that come and go, brokers that stand still: nothing lost, nothing different."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.events import RefusalEvent, SmartRoutingDecisionEvent
from schemas.topics import INPUTS
from schemas.wire import decode_output
from tests.servers.running import RunningServer, eventually, running
from tests.streams.brokers.flows import counts_of, frames, repeating_tape, tape_of, wanted_of
from tests.streams.brokers.kafka_harness import Installation, KafkaOutputs, installed
from tests.streams.brokers.pulsar_harness import Installation as PulsarInstallation
from tests.streams.brokers.pulsar_harness import PulsarOutputs
from tests.streams.brokers.pulsar_harness import installed as pulsar_installed

SHARDS = 4
pytestmark = pytest.mark.servers


@pytest.fixture
def install(kafka_server: RunningServer, tmp_path: Path) -> Iterator[Installation]:
    yield from installed(kafka_server.url, tmp_path)


def pieces_of(quotes: int) -> tuple[dict[int, bytes], dict[int, list[bytes]]]:
    """What the embedded engine makes of each shard's tape, and the tape's frames."""
    tapes = {shard: bytes(tape_of(shard, quotes).data) for shard in range(SHARDS)}
    pieces = {shard: list(frames(data, 2_000, shard)) for shard, data in tapes.items()}
    return wanted_of(tapes), pieces


def write_part(
    write: Callable[[int, bytes], None], pieces: dict[int, list[bytes]], part: int, parts: int
) -> None:
    """One of `parts` equal stretches of every shard."""
    for shard, every in pieces.items():
        share = -(-len(every) // parts)
        for frame in every[part * share : (part + 1) * share]:
            write(shard, frame)


def owners(install: Installation) -> dict[str, set[int]]:
    """Partitions of the inputs by member of the group, while the group is stable and answers."""
    admin = AdminClient({"bootstrap.servers": install.config.bootstrap})
    group = install.config.group
    try:
        described = admin.describe_consumer_groups([group], request_timeout=20)[group].result()
    except KafkaException:
        return {}
    if described.state.name != "STABLE":
        return {}
    name = install.config.name(INPUTS)
    return {
        member.member_id: {
            place.partition for place in member.assignment.topic_partitions if place.topic == name
        }
        for member in described.members
    }


def share_out(install: Installation, workers: int) -> bool:
    """Whether so many members own disjoint shards that are all of them."""
    found = [shards for shards in owners(install).values() if shards]
    whole = sorted(shard for shards in found for shard in shards)
    return len(found) == workers and whole == list(range(SHARDS))


@pytest.mark.promise(p=5)
def test_one_two_and_four_workers_share_the_shards_out(install: Installation) -> None:
    """Each size owns disjoint shards, all of them; adding a worker changes no decision."""
    wanted, pieces = pieces_of(400)
    outputs = KafkaOutputs(install.config)
    names = iter(("one", "two", "three", "four"))
    for part, workers in enumerate((1, 2, 4)):
        while len(install.workers) < workers:
            install.start(next(names))
        eventually(lambda: share_out(install, workers), 90, 0.5)  # noqa: B023
        write_part(install.write, pieces, part, 3)
        install.producer.flush(30)
    outputs.until(counts_of(wanted), 90, install)
    assert {shard: outputs.outputs(shard) for shard in range(SHARDS)} == wanted
    assert (outputs.differing, outputs.dead) == (0, [])


@pytest.mark.promise(p=5)
def test_a_storm_of_rebalances_changes_nothing(install: Installation, full_size: bool) -> None:
    """Workers join and leave, politely or not, while orders flow; one stays."""
    turns, quotes = (20, 20_000) if full_size else (4, 600)
    draw = random.Random(turns)
    wanted, pieces = pieces_of(quotes)
    outputs = KafkaOutputs(install.config)
    install.start("one")
    for turn in range(turns):
        write_part(install.write, pieces, turn, turns)
        install.producer.flush(30)
        name = draw.choice(("two", "three"))
        if name not in install.workers:
            install.start(name)
        elif draw.random() < 0.5:
            install.kill(name)
        else:
            worker = install.workers.pop(name)
            worker.send_signal(signal.SIGTERM)
            worker.wait(90)
        time.sleep(draw.uniform(0.2, 2.0))
        outputs.poll()
    outputs.until(counts_of(wanted), 120, install)
    lost = sum(outputs.outputs(shard) != wanted[shard] for shard in range(SHARDS))
    print(f"\nstorm: {turns} turns, lost {lost}, repeated {outputs.repeated}, differing 0")
    assert (lost, outputs.differing, outputs.dead) == (0, 0, [])


@pytest.mark.promise(p=6)
def test_a_command_said_again_is_one_order_whoever_owns_its_shard(
    install: Installation, full_size: bool
) -> None:
    """P6 across workers: a tenth of the commands are repeats; a worker is killed in between."""
    commands, parts = (250_000, 6) if full_size else (300, 3)
    tapes = {shard: bytes(repeating_tape(shard, commands).data) for shard in range(SHARDS)}
    pieces = {shard: list(frames(data, 4_000, shard)) for shard, data in tapes.items()}
    wanted = wanted_of(tapes)
    outputs = KafkaOutputs(install.config)
    for name in ("one", "two"):
        install.start(name)
    for part in range(parts):
        write_part(install.write, pieces, part, parts)
        install.producer.flush(60)
        before = outputs.total
        eventually(lambda: outputs.polled().total > before, 90)  # noqa: B023
        victim = ("one", "two")[part % 2]
        install.kill(victim)
        install.start(victim)
    outputs.until(counts_of(wanted), 600 if full_size else 90, install)
    doubled, repeats = 0, 0
    for shard in range(SHARDS):
        events = [decode_output(raw) for raw in outputs.records[shard].values()]
        decided = [e for e in events if isinstance(e, SmartRoutingDecisionEvent)]
        orders = {(e.cl_ord_id, e.order_id) for e in decided}
        doubled += len(orders) - len({name for name, _ in orders})
        repeats += sum(isinstance(e, RefusalEvent) for e in events)
        assert outputs.outputs(shard) == wanted[shard]
    said = SHARDS * commands
    print(f"\nP6: {said} commands, {repeats} repeats told, {parts} kills, double sends {doubled}")
    assert (doubled, outputs.differing, outputs.dead) == (0, 0, [])
    assert repeats > said // 20


@pytest.mark.promise(p=5)
def test_a_pulsar_broker_that_pauses_and_restarts_changes_nothing(
    tmp_path: Path, full_size: bool
) -> None:
    """A broker of its own: SIGSTOP while orders flow, then a restart; two workers."""
    wanted, pieces = pieces_of(300)
    with running("pulsar", tmp_path / "broker") as server:
        for install in pulsar_installed(server, tmp_path):
            outputs = PulsarOutputs(install)
            for name in ("one", "two"):
                install.start(name)
            write_part(install.write, pieces, 0, 3)
            eventually(lambda: outputs.polled().total > 0, 90)  # noqa: B023
            with server.paused():
                write_part(install.write, pieces, 1, 3)
                time.sleep(30 if full_size else 3)
            install.flush()
            outputs.poll()
            server.stop()
            server.start()
            write_part(install.write, pieces, 2, 3)
            install.flush()
            until_revived(install, outputs, counts_of(wanted))
            lost = sum(outputs.outputs(shard) != wanted[shard] for shard in range(SHARDS))
            assert (lost, outputs.differing, outputs.dead) == (0, 0, [])


def until_revived(
    install: PulsarInstallation, outputs: PulsarOutputs, counts: dict[int, int]
) -> None:
    """Reads to the end as a supervisor would: a worker that gave up is started again."""
    until = time.monotonic() + 120
    while any(len(outputs.records[shard]) < count for shard, count in counts.items()):
        outputs.poll()
        for name, process in list(install.workers.items()):
            if process.poll() is not None:
                install.start(name)
        assert time.monotonic() < until, install.logs()
