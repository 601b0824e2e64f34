"""More than a worker can take: quotes give way by the logged policy, old orders are refused."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from schemas.codes import AlarmKind, ExecType, OutputType, Reason, Side
from schemas.decisions import CHILD
from schemas.orders import SHED
from schemas.topic_envelope import open_envelope
from schemas.topics import INPUTS, MARKET_DATA, ORDERS, REFERENCE_CHANGES
from schemas.units import NS_PER_S
from streams.brokers.backlog import Backlog
from streams.brokers.frames import sequence
from streams.brokers.ingest import Ingest
from streams.brokers.meters import Ages
from streams.brokers.reference_changes import change_frame
from streams.brokers.shard_fold import ShardFold
from streams.clock import ManualClock
from streams.config.service import Gateway, ServiceConfig, SimulatedMarket
from streams.gateways.process import SimulatedVenues
from streams.gateways.venues import HELD_BACK, HELD_BACK_TEXT
from streams.replay.sharding import shard_of
from streams.runtime_kafka.config import KafkaConfig
from streams.runtime_kafka.worker import OwnedShard, Worker
from tests.aggregates.parity import Twins
from tests.builders import START_NS, Tape, of_type, set_up
from tests.servers.running import RunningServer, eventually
from tests.streams.brokers import kafka_harness, pulsar_harness
from tests.streams.brokers.memory_link import MemoryLink

SHARDS, QUOTES = 2, 400
LATE = 'bucket{le="2.0"', 'bucket{le="+Inf"'


def reference(conflate_ms: int) -> bytes:
    """Two venues and one instrument; quotes older than that may be left out."""
    tape = Tape()
    set_up(tape, stale_ns=600 * 10**9)
    tape.settings(conflate_ms=conflate_ms, publish_ns=10**8)
    return bytes(tape.data)


def quote(number: int, venue: str = "XAAA", **more: Any) -> bytes:
    fields: dict[str, Any] = {"type": "quote", "instrument": "TEST", "venue": venue}
    fields |= {"bid_px_nanos": 99 * 10**9}
    fields |= {"bid_size_units": 1 + number, "ask_px_nanos": 100 * 10**9, "ask_size_units": 500}
    return json.dumps(fields | more).encode()


def order(name: str) -> bytes:
    fields: dict[str, Any] = {"type": "new_order", "instrument": "TEST", "cl_ord_id": name}
    fields |= {"account": "ACC"}
    fields |= {"side": "buy", "order_qty_units": 10, "ord_type": "market"}
    return json.dumps(fields | {"transact_time_ns": time.time_ns()}).encode()


class Line:
    """One partition in front of ingest."""

    def __init__(self, conflate_ms: int = 100, shed_after_s: float = 2.0) -> None:
        self.backlog = Backlog(Ingest(1), shed_after_s)
        self.backlog.ingest.learn(reference(conflate_ms))
        self.number = 0

    def take(self, raw: bytes, age_s: float, topic: str = MARKET_DATA) -> list[tuple[int, bytes]]:
        """(message, its record or nothing) of what is due."""
        self.number += 1
        due = self.backlog.take((topic, 0, self.number), raw, age_s, self.number)
        return [(message, _record(outgoing)) for message, outgoing in due]

    def release(self) -> list[tuple[int, bytes]]:
        return [(message, _record(outgoing)) for message, outgoing in self.backlog.release()]


def _record(outgoing: list[Any]) -> bytes:
    if not outgoing:
        return b""
    return bytes(open_envelope(outgoing[0].value, INPUTS).payload)


def test_an_old_quote_gives_way_to_a_newer_one_of_its_level() -> None:
    line = Line()
    assert line.take(quote(1), 1.0) == []
    assert line.take(quote(2, "XBBB"), 1.0) == []
    assert line.take(quote(3), 1.0) == [(1, b"")]
    released = line.release()
    assert [message for message, _ in released] == [2, 3]
    numbers = [int.from_bytes(raw[8:16], "little") for _, raw in released]
    assert numbers == [3, 4]
    assert line.release() == []
    assert line.backlog.counts.conflated == 1


@pytest.mark.parametrize(
    ("between", "age_s"),
    [
        (quote(9, level=1), 1.0),
        (quote(9, more=True), 1.0),
        (quote(9), 0.01),
        (b'{"type": "status", "venue": "XAAA", "status": "halted"}', 1.0),
    ],
)
def test_what_is_no_old_top_keeps_its_place(between: bytes, age_s: float) -> None:
    line = Line()
    line.take(quote(1), 1.0)
    assert [message for message, _ in line.take(between, age_s)] == [1, 2]


def test_without_a_policy_nothing_is_conflated() -> None:
    line = Line(conflate_ms=0)
    assert [message for message, _ in line.take(quote(1), 1.0)] == [1]
    line.backlog.ingest.learn(reference(50))
    assert line.take(quote(1), 1.0) == []


def test_an_order_that_waited_too_long_is_refused_by_the_engine_once() -> None:
    """And taken when it comes again in time; a cancel is never refused."""
    line, twins = Line(), Twins()
    twins.step(reference(100))
    for venue in ("XAAA", "XBBB"):
        ((_, raw),) = line.take(quote(1, venue), 0.0)
        twins.step(bytes(sequence(raw, twins.native.log_ns, time.time_ns()).records))
    ((_, shed),) = line.take(order("A"), 3.0, ORDERS)
    assert shed[1] == SHED
    outputs = twins.step(bytes(sequence(shed, twins.native.log_ns, time.time_ns()).records))[1]
    (refused,) = of_type(outputs, OutputType.REFUSAL)
    assert refused.reason == Reason.OVERLOADED
    ((_, fresh),) = line.take(order("A"), 1.0, ORDERS)
    outputs = twins.step(bytes(sequence(fresh, twins.native.log_ns, time.time_ns()).records))[1]
    assert of_type(outputs, OutputType.DECISION)
    cancel = {"type": "cancel_order", "instrument": "TEST", "account": "ACC"}
    raw = json.dumps({**cancel, "cl_ord_id": "C", "orig_cl_ord_id": "A"}).encode()
    ((_, taken),) = line.take(raw, 60.0, ORDERS)
    assert taken[1] == 0
    assert line.backlog.counts.refused == 1


@pytest.fixture(params=["kafka", "pulsar"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    """An installation and a reader of its outputs."""
    server: RunningServer = request.getfixturevalue(f"{request.param}_server")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    settings = {"ingest": True, "timer_ms": 50, "shards": SHARDS, "metrics_port": port}
    settings |= {"shed_after_s": 1.5}
    if request.param == "kafka":
        for kafka in kafka_harness.installed(server.url, tmp_path, session_s=30.0, **settings):
            yield kafka, kafka_harness.KafkaOutputs(kafka.config)
    else:
        for other in pulsar_harness.installed(server, tmp_path, **settings):
            yield other, pulsar_harness.PulsarOutputs(other)


@pytest.mark.servers
def test_a_worker_that_stands_still_sheds_and_says_so(installation: tuple[Any, Any]) -> None:
    """It is stopped while quotes and orders come; afterwards it knows what it left out."""
    install, outputs = installation
    shard = shard_of("TEST", SHARDS)
    install.say(REFERENCE_CHANGES, change_frame(reference(200)))
    install.start("one")
    for venue in ("XAAA", "XBBB"):
        install.say(MARKET_DATA, quote(0, venue))

    def said(kind: OutputType) -> list[Any]:
        outputs.poll()
        found = outputs.records[shard]
        return of_type(b"".join(found[n] for n in sorted(found)), kind)

    def named(kind: OutputType, name: bytes) -> list[Any]:
        return [r for r in said(kind) if r.cl_ord_id.rstrip(b"\0") == name]

    eventually(lambda: said(OutputType.QUALITY), 90)
    install.workers["one"].send_signal(signal.SIGSTOP)
    for number in range(QUOTES):
        write(install, number)
    install.say(ORDERS, order("LATE"))
    install.write(shard, trusted())
    install.flush()
    time.sleep(2.5)
    install.workers["one"].send_signal(signal.SIGCONT)
    late = eventually(lambda: named(OutputType.REFUSAL, b"LATE"), 60)
    assert [r.reason for r in late] == [Reason.OVERLOADED]
    # What a trusted gateway wrote is the log: decided however late, refused where it says so.
    eventually(lambda: named(OutputType.DECISION, b"TRUSTED"), 60)
    shed = eventually(lambda: named(OutputType.REFUSAL, b"SHED"), 60)
    assert [r.reason for r in shed] == [Reason.OVERLOADED]

    def is_decided() -> bool:
        name = f"T{time.time_ns()}"
        install.say(ORDERS, order(name))
        time.sleep(1.0)
        return bool(named(OutputType.DECISION, name.encode()))

    eventually(is_decided, 60)
    counts = metrics(install.config.metrics_port)
    ages = [counts[f'sor_shard_decision_seconds_{at},shard="{shard}"}}'] for at in LATE]
    assert ages[1] > ages[0], "the metric tells of the decision that came late"
    assert counts["sor_ingest_refused_total"] >= 1
    assert counts["sor_ingest_conflated_total"] > QUOTES // 2
    assert counts["sor_ingest_waiting"] <= install.config.max_pending
    gaps = [r for r in said(OutputType.ALARM) if r.kind == AlarmKind.SOURCE_GAP]
    assert sum(r.value for r in gaps) >= counts["sor_ingest_conflated_total"]
    (row,) = [r for r in said(OutputType.QUALITY) if r.venue == 0][-1:]
    assert row.quotes < QUOTES // 2


def trusted() -> bytes:
    """Two orders as a gateway of its own writes them into the inputs; it gave the second one up."""
    tape = Tape()
    more = {"log_ns": 0, "transact_ns": time.time_ns()}
    tape.order(0, "TRUSTED", Side.BUY, 10, **more)
    tape.order(0, "SHED", Side.BUY, 10, flags=SHED, **more)
    return bytes(tape.data)


def write(install: Any, number: int) -> None:
    """Without waiting for the broker."""
    raw = quote(1 + number)
    if isinstance(install, kafka_harness.Installation):
        install.write_raw(MARKET_DATA, 0, raw)
    else:
        install.write_raw(0, raw, MARKET_DATA)


def metrics(port: int) -> dict[str, float]:
    """Metrics of a worker."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    lines = [line.split() for line in text.splitlines() if line.startswith("sor_")]
    return {name: float(value) for name, value in lines}


def test_a_shard_says_how_old_what_it_did_not_fold_may_be(tmp_path: Path) -> None:
    """Nothing waits: no age; two messages wait: at most the time since the last one folded."""
    worker = Worker(KafkaConfig(data=str(tmp_path), shards=1, ingest=False))
    now_s = time.time()
    worker.shards[0] = OwnedShard(ShardFold(0), 5, appended_s=now_s - 10)
    for end, behind in ((5, 0), (7, 2)):
        seen: Any = SimpleNamespace(highwater=lambda _tp, end=end: end)
        worker.app.consumer = seen
        (facts,) = worker.facts()
        assert facts.behind_messages == behind
        assert (facts.oldest_s >= 10) == (behind > 0)


def test_ages_are_told_as_prometheus_has_them() -> None:
    ages = Ages()
    for age_s in (0.001, 0.002, 0.003, 61.0):
        ages.take(age_s)
    told = dict(ages.buckets())
    assert [told["0.002"], told["0.005"], told["60.0"], told["+Inf"]] == [2, 3, 3, 4]
    assert ages.total_s == pytest.approx(61.006)


def test_a_child_that_comes_too_late_is_answered_and_not_sent(tmp_path: Path) -> None:
    """Five seconds are allowed: one decided six seconds ago stays here, one of four goes out."""
    clock = ManualClock(START_NS)
    gateway = Gateway(data=str(tmp_path), late_child_s=5.0)
    market = SimulatedMarket(records_per_s=1_000)
    settings = ServiceConfig(gateway=gateway, market=market)
    venues = SimulatedVenues(settings, MemoryLink(1), clock)
    (shard,) = venues.shards.values()
    shard.resume(clock.now_ns())
    for number, age_s in enumerate((6, 4), 1):
        more = {"out_seq": number, "child_id": number, "log_ns": START_NS - age_s * NS_PER_S}
        head = {"size": CHILD.size, "type": OutputType.CHILD, "version": 1, "units": 100}
        venues._take(shard, CHILD.pack(**head, **more, side=Side.BUY, limit_nanos=10**9))
    kinds = [entry.kind for entry in shard.sent.read()]
    assert kinds.count(HELD_BACK) == 1
    (answer,) = [r for r in shard.poll(START_NS + 1).reports if r["text"] == HELD_BACK_TEXT]
    assert (answer["child_id"], answer["exec_type"]) == (1, ExecType.REJECTED)
    shard.close()
