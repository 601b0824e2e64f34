"""How the broker benchmarks part an order's way into stages, without a broker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from schemas.codes import Side
from schemas.topics import INPUTS
from streams.brokers.frames import seal_frame
from streams.brokers.shard_fold import ShardFold
from streams.cli.benchmarks.broker_run import LEAD_S, Port, _spans
from streams.cli.benchmarks.kafka import KafkaPort
from streams.cli.benchmarks.traced_kafka import TracedWorker, hops
from streams.runtime_kafka.config import KafkaConfig
from streams.runtime_kafka.worker import OwnedShard, Worker
from tests.builders import START_NS, Tape, set_up

HOUR_NS = 3600 * 10**9


class Unheard(Port):
    """A port that sends nowhere."""

    async def send(self, raw: bytes) -> None: ...

    async def send_json(self, raw: bytes) -> None: ...

    async def flush(self) -> None: ...


def frame() -> bytes:
    """An order that is decided."""
    tape = Tape()
    set_up(tape)
    for venue in range(2):
        tape.quote(0, venue, ("99.00", 500), ("100.00", 500))
    tape.order(0, "A", Side.BUY, 100)
    return seal_frame(0, 1, bytes(tape.data))


def test_a_traced_worker_notes_when_an_order_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tp = TP(INPUTS, 0)

    async def fetched(*_: Any, **__: Any) -> dict[TP, list[Any]]:
        return {tp: [SimpleNamespace(offset=4)]}

    async def sent(*_: Any) -> None: ...

    async def folded(self: Worker, event: Any) -> None:
        fold = ShardFold(0)
        for out in fold.fold(event.message.value, (INPUTS, 0, 4), START_NS + HOUR_NS):
            await self._send(OwnedShard(fold, 5), out)

    monkeypatch.setattr(AIOKafkaConsumerThread, "_fetch_records", fetched)
    monkeypatch.setattr(Worker, "take", folded)
    monkeypatch.setattr(Worker, "_send", sent)
    worker = TracedWorker(KafkaConfig(data=str(tmp_path), shards=1, ingest=False), "one")

    async def passes() -> None:
        thread: Any = AIOKafkaConsumerThread
        await thread._fetch_records(None, None, None)
        message = SimpleNamespace(tp=tp, offset=4, value=frame())
        for _ in range(2):
            await worker.take(SimpleNamespace(message=message))

    asyncio.run(passes())
    worker.out.close()
    found = hops(tmp_path)
    read_s, taken_s, handed_s = found["A"]
    assert list(found) == ["A"]
    assert 0 < read_s <= taken_s <= handed_s


def test_stages_add_up_to_the_whole() -> None:
    port = KafkaPort.__new__(KafkaPort)  # its clients would want a broker
    port.hops, port.logged = {"A": [3.0, 4.5, 4.75]}, {"A": 2.0}
    stages = port.stages("A", 1.0, 6.0)
    assert stages == {"append": 1.0, "fetch": 1.0, "hop": 1.5, "fold": 0.25, "publish": 1.25}
    assert sum(stages.values()) == 6.0 - 1.0


def test_orders_of_the_lead_are_not_counted() -> None:
    port, sent = Unheard(), {}
    for number, at_s in enumerate((0.0, LEAD_S / 2, LEAD_S, LEAD_S + 1)):
        name = f"O{number}"
        sent[name] = at_s, 100 + at_s
        port.heard[name], port.logged[name] = at_s + 0.002, 100.001 + at_s
        port.stamped[name] = 100.0015 + at_s
    whole, append, fold, publish = _spans("x", port, sent, has_stages=True)
    assert {result.n for result in (whole, append, fold, publish)} == {2}
    assert [round(r.max or 0, 3) for r in (whole, append, fold, publish)] == [2.0, 1.0, 0.5, 0.5]
