"""Benchmarks on a real Kafka with one Faust worker.

`processor_ms_broker` and `processor_ms_worker` are what both took of the processors from the
worker's start to its last decision.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.topics import DECISIONS, INPUTS, ORDERS, REFERENCE_CHANGES, REFUSALS
from streams.brokers.reference_changes import change_frame
from streams.cli.benchmarks.api import processor_ms
from streams.cli.benchmarks.broker_flow import BrokerFlow
from streams.cli.benchmarks.broker_run import (
    TAIL_S,
    Port,
    broker,
    order_to_decision,
    preload,
    ticks,
    worker,
)
from streams.cli.benchmarks.plain_faust import plain_ticks
from streams.cli.benchmarks.timing import Result
from streams.cli.benchmarks.traced_kafka import hops
from streams.runtime_kafka.admin import create_topics
from streams.runtime_kafka.config import KafkaConfig

MODULE = "streams.runtime_kafka.run"
TRACED = "streams.cli.benchmarks.traced_kafka"
TICKS_PER_S, ORDERS_PER_S = 50_000, 200


class KafkaPort(Port):
    """A producer of inputs and a reader of decisions."""

    def __init__(self, config: KafkaConfig) -> None:
        super().__init__()
        self.config = config
        self.plain_names = {config.name(topic): topic for topic in (DECISIONS, REFUSALS)}
        where = {"bootstrap_servers": config.bootstrap}
        self.producer: Any = AIOKafkaProducer(**where, linger_ms=0, acks="all")
        self.consumer: Any = AIOKafkaConsumer(**where, enable_auto_commit=False)

    async def __aenter__(self) -> Self:
        await self.producer.start()
        await self.consumer.start()
        self.consumer.assign([TopicPartition(name, 0) for name in self.plain_names])
        await self.consumer.seek_to_beginning()
        self._reading = asyncio.ensure_future(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        await self.producer.stop()
        await self.consumer.stop()

    def stages(self, order: str, sent_s: float, heard_s: float) -> dict[str, float]:
        """By the worker's own stamps: to the broker, read from it, through Faust, fold, publish."""
        logged = self.logged[order]
        read, taken, handed = self.hops[order]
        return {
            "append": logged - sent_s,
            "fetch": read - logged,
            "hop": taken - read,
            "fold": handed - taken,
            "publish": heard_s - handed,
        }

    @cached_property
    def hops(self) -> dict[str, list[float]]:
        """What the traced worker wrote."""
        return hops(Path(self.config.data))

    async def send(self, raw: bytes) -> None:
        await self.producer.send(self.config.name(INPUTS), raw, partition=0)

    async def send_json(self, raw: bytes) -> None:
        await self.producer.send(self.config.name(ORDERS), raw, partition=0)

    async def flush(self) -> None:
        await self.producer.flush()

    async def _read(self) -> None:
        async for message in self.consumer:
            self.take(self.plain_names[message.topic], message.value, message.timestamp)


def kafka_ticks(folder: Path, is_full: bool) -> list[Result]:
    """Ticks through one worker, the plain way on the same broker, and the ratio."""
    with broker("kafka") as facts:
        (caught_up,) = measure(facts, folder, "ticks", 400_000, 10.0 if is_full else 3.0, _ticks)
        plain = plain_ticks(facts["url"], folder)
    ratio = Result(
        name="kafka.ticks.ratio",
        unit="x the plain way",
        value=round(caught_up.value / max(1.0, plain.value), 1),
        n=caught_up.n,
    )
    return [caught_up, plain, ratio]


def kafka_orders(folder: Path, is_full: bool) -> list[Result]:
    """Order to decision on the topic: straight to the inputs, and as JSON through ingest."""
    seconds = 20.0 if is_full else 8.0
    with broker("kafka") as facts:
        return [
            *measure(facts, folder, "order_to_decision", TICKS_PER_S, seconds, _direct),
            *measure(facts, folder, "order_to_decision.ingest", TICKS_PER_S, seconds, _ingest),
        ]


Run = Callable[[KafkaPort, BrokerFlow], Awaitable[list[Result]]]


async def _ticks(port: KafkaPort, flow: BrokerFlow) -> list[Result]:
    return [await ticks("kafka.ticks", port, flow)]


async def _direct(port: KafkaPort, flow: BrokerFlow) -> list[Result]:
    return await order_to_decision("kafka.order_to_decision", port, flow, ORDERS_PER_S)


async def _ingest(port: KafkaPort, flow: BrokerFlow) -> list[Result]:
    name = "kafka.order_to_decision.ingest"
    return await order_to_decision(name, port, flow, ORDERS_PER_S, as_json=True)


def measure(
    facts: dict[str, Any], folder: Path, name: str, rate_per_s: int, seconds: float, run: Run
) -> list[Result]:
    """One figure with topics and a worker of its own."""
    config = KafkaConfig(
        bootstrap=facts["url"],
        group=f"bench-{name}",
        prefix=f"{name}-",
        shards=1,
        timer_ms=0,
        snapshot_s=30.0,
        data=str(folder / name),
        ingest="ingest" in name,
    )
    is_live = name != "ticks"
    flow = BrokerFlow(rate_per_s, seconds + TAIL_S * is_live, is_live=is_live)

    async def timed() -> list[Result]:
        await create_topics(config)
        async with KafkaPort(config) as port:
            if name == "ticks":
                await preload(port, flow)
            if config.ingest:
                change = change_frame(flow.reference)
                await port.producer.send_and_wait(config.name(REFERENCE_CHANGES), change)
            with worker(TRACED if run is _direct else MODULE, config, folder) as process:
                since_ms = processor_ms(facts["pid"])
                results = await run(port, flow)
                results[0].more |= {
                    "processor_ms_broker": round(processor_ms(facts["pid"]) - since_ms),
                    "processor_ms_worker": round(processor_ms(process)),
                }
                return results

    return uvloop.run(timed())
