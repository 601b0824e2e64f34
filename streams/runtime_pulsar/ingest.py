"""Ingest on Pulsar: foreign JSON of the contract topics to `sor.inputs`, bad messages aside."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

import pulsar
from pulsar.asyncio import Client

from schemas.topics import CONTRACT_IN, partitions_of
from schemas.units import NS_PER_MS, NS_PER_S
from streams.brokers.backlog import HOLD_S, Backlog, Due
from streams.brokers.broadcaster import Broadcaster
from streams.brokers.ingest import Ingest
from streams.brokers.shard_fold import Outgoing
from streams.clock import SystemClock
from streams.runtime_pulsar.arrivals import Arrivals
from streams.runtime_pulsar.config import PulsarConfig
from streams.runtime_pulsar.link import PulsarLink
from streams.runtime_pulsar.outputs import Publisher

SUBSCRIPTION = "ingest"
ENTRY_BITS = 32
"""A message's number in its source: ledger, then entry; rising in a partition, and never reused."""


class PulsarIngest:
    """One failover consumer a partition; a message is acknowledged once it is in the inputs."""

    def __init__(self, client: Client, config: PulsarConfig, name: str) -> None:
        self.client, self.config, self.name = client, config, name
        self.ingest = Ingest(config.shards)
        self.backlog = Backlog(self.ingest, config.shed_after_s)
        self.wall = SystemClock()
        self.waiting = 0

    async def run(self) -> None:
        """Learns the reference, then reads every partition until cancelled."""
        broadcaster = Broadcaster(PulsarLink(self.config), self.ingest)
        async with asyncio.TaskGroup() as group:
            group.create_task(broadcaster.run())
            await broadcaster.is_ready.wait()
            for name in CONTRACT_IN:
                for partition in range(partitions_of(name, self.config.shards)):
                    group.create_task(self._read(name, partition))

    async def _read(self, topic: str, partition: int) -> None:
        consumer = await self.client.subscribe(
            self.config.name(topic, partition),
            SUBSCRIPTION,
            consumer_type=pulsar.ConsumerType.Failover,
            consumer_name=f"{self.name}-{topic}-{partition}",
            initial_position=pulsar.InitialPosition.Earliest,
        )
        reading = Reading(self, topic, partition, consumer)
        try:
            await reading.run()
        finally:
            await consumer.close()


class Reading:
    """One partition; what it became is with the broker before a message is acknowledged.

    Up to `max_pending` are on their way at once: waiting for each would leave one a round trip.
    """

    def __init__(self, owner: PulsarIngest, topic: str, partition: int, consumer: Any) -> None:
        self.owner, self.consumer = owner, consumer
        self.topic, self.partition = topic, partition
        self.publishers: dict[int, Publisher] = {}
        self.waiting: deque[tuple[Any, list[asyncio.Task[pulsar.MessageId]]]] = deque()
        self.acknowledging: deque[asyncio.Future[None]] = deque()

    async def run(self) -> None:
        """Until cancelled; quotes that were held go on when nothing comes for a while."""
        backlog, arrivals = self.owner.backlog, Arrivals(self.consumer)
        try:
            while True:
                is_idle = not (backlog.held or self.waiting or self.acknowledging)
                message = await arrivals.next(None if is_idle else HOLD_S)
                if message is None:
                    await self._forward(backlog.release((self.topic, self.partition)))
                    continue
                now_ns = self.owner.wall.now_ns()
                age_s = max(0, now_ns - message.publish_timestamp() * NS_PER_MS) / NS_PER_S
                place = (self.topic, self.partition, number_of(message.message_id()))
                due = backlog.take(place, message.data(), age_s, message)
                await self._forward(due)
        finally:
            await arrivals.close()
            await asyncio.gather(*self.acknowledging, return_exceptions=True)
            for publisher in self.publishers.values():
                await publisher.close()

    async def _forward(self, due: Iterable[Due]) -> None:
        for message, outgoing in due:
            self.waiting.append((message, [await self._send(out) for out in outgoing]))
            self.owner.waiting += 1
        for publisher in self.publishers.values():
            await publisher.confirm(self.owner.config.max_pending)
        await self._acknowledge()

    async def _send(self, out: Outgoing) -> asyncio.Task[pulsar.MessageId]:
        if out.shard not in self.publishers:
            self.publishers[out.shard] = Publisher(self.owner.config, self.owner.client, out.shard)
        return await self.publishers[out.shard].send(out)

    async def _acknowledge(self) -> None:
        """Everything that the broker has, in order; raises for what it could not take."""
        while self.waiting and all(sent.done() for sent in self.waiting[0][1]):
            message, confirmed = self.waiting.popleft()
            self.owner.waiting -= 1
            for sent in confirmed:
                sent.result()
            self.acknowledging.append(asyncio.ensure_future(self.consumer.acknowledge(message)))
        while self.acknowledging and self.acknowledging[0].done():
            self.acknowledging.popleft().result()


def number_of(place: Any) -> int:
    """A message's number in its source."""
    number: int = place.ledger_id() << ENTRY_BITS | place.entry_id() << 10
    return number | max(0, int(place.batch_index()))
