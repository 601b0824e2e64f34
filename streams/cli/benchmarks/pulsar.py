"""Benchmarks on a real Pulsar, fsync on, with one worker."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

import pulsar
from pulsar.asyncio import Client

from schemas.topics import DECISIONS, INPUTS, ORDERS, REFERENCE_CHANGES, REFUSALS
from streams.brokers.reference_changes import change_frame
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
from streams.cli.benchmarks.timing import Result
from streams.runtime_pulsar.admin import Admin
from streams.runtime_pulsar.config import PulsarConfig

MODULE = "streams.runtime_pulsar.run"
TICKS_PER_S, ORDERS_PER_S = 50_000, 200
MOST_PENDING = 500


class PulsarPort(Port):
    """A producer of inputs and a reader of decisions."""

    def __init__(self, config: PulsarConfig) -> None:
        super().__init__()
        self.config = config
        quiet = pulsar.ConsoleLogger(pulsar.LoggerLevel.Error)
        self.client = Client(config.url, logger=quiet)
        self.pending: deque[asyncio.Task[Any]] = deque()

    async def __aenter__(self) -> Self:
        name = self.config.name
        self.inputs = await self.client.create_producer(name(INPUTS, 0), batching_enabled=False)
        self.orders = await self.client.create_producer(name(ORDERS, 0), batching_enabled=False)
        self._reading = [
            asyncio.ensure_future(self._read(topic)) for topic in (DECISIONS, REFUSALS)
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for reading in self._reading:
            reading.cancel()
        await self.client.close()

    async def send(self, raw: bytes) -> None:
        await self._put(self.inputs, raw)

    async def send_json(self, raw: bytes) -> None:
        await self._put(self.orders, raw)

    async def flush(self) -> None:
        while self.pending:
            await self.pending.popleft()

    async def _put(self, producer: Any, raw: bytes) -> None:
        self.pending.append(asyncio.create_task(producer.send(raw)))
        await asyncio.sleep(0)
        while len(self.pending) > MOST_PENDING:
            await self.pending.popleft()

    async def _read(self, topic: str) -> None:
        first = pulsar.MessageId.earliest
        reader: Any = await self.client.create_reader(self.config.name(topic, 0), first)
        while True:
            message = await reader.read_next()
            self.take(topic, message.data(), message.publish_timestamp())


Run = Callable[[PulsarPort, BrokerFlow], Awaitable[list[Result]]]


def pulsar_ticks(folder: Path, is_full: bool) -> list[Result]:
    """Ticks through one worker."""

    async def run(port: PulsarPort, flow: BrokerFlow) -> list[Result]:
        return [await ticks("pulsar.ticks", port, flow)]

    with broker("pulsar") as facts:
        return measure(facts, folder, "ticks", 200_000, 10.0 if is_full else 3.0, run)


def pulsar_orders(folder: Path, is_full: bool) -> list[Result]:
    """Order to decision on the topic: straight to the inputs, and as JSON through ingest."""
    name = "pulsar.order_to_decision"

    async def direct(port: PulsarPort, flow: BrokerFlow) -> list[Result]:
        return await order_to_decision(name, port, flow, ORDERS_PER_S)

    async def ingest(port: PulsarPort, flow: BrokerFlow) -> list[Result]:
        return await order_to_decision(f"{name}.ingest", port, flow, ORDERS_PER_S, as_json=True)

    seconds = 20.0 if is_full else 8.0
    with broker("pulsar") as facts:
        return [
            *measure(facts, folder, "orders", TICKS_PER_S, seconds, direct),
            *measure(facts, folder, "ingest", TICKS_PER_S, seconds, ingest),
        ]


def measure(
    facts: dict[str, Any], folder: Path, name: str, rate_per_s: int, seconds: float, run: Run
) -> list[Result]:
    """One figure with a namespace and a worker of its own."""
    config = PulsarConfig(
        url=facts["url"],
        admin_url=facts["admin_url"],
        namespace=f"bench-{name}",
        shards=1,
        timer_ms=0,
        snapshot_s=30.0,
        ingest=name == "ingest",
    )
    is_live = name != "ticks"
    flow = BrokerFlow(rate_per_s, seconds + TAIL_S * is_live, is_live=is_live)
    Admin(config).create()

    async def timed() -> list[Result]:
        async with PulsarPort(config) as port:
            if name == "ticks":
                await preload(port, flow)
            if config.ingest:
                change = change_frame(flow.reference)
                producer = await port.client.create_producer(config.name(REFERENCE_CHANGES, 0))
                await producer.send(change)
            with worker(MODULE, config, folder):
                return await run(port, flow)

    return asyncio.run(timed())
