"""Ingest on Pulsar: foreign JSON of the contract topics to `sor.inputs`, bad messages aside."""

from __future__ import annotations

import asyncio
from typing import Any

import pulsar
from pulsar.asyncio import Client

from schemas.topics import CONTRACT_IN, partitions_of
from streams.brokers.broadcaster import Broadcaster
from streams.brokers.ingest import Ingest
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
        publishers: dict[int, Publisher] = {}
        try:
            while True:
                message = await consumer.receive()
                await self._take(topic, partition, message, publishers)
                await consumer.acknowledge(message)
        finally:
            await consumer.close()

    async def _take(
        self, topic: str, partition: int, message: Any, publishers: dict[int, Publisher]
    ) -> None:
        place = message.message_id()
        number = place.ledger_id() << ENTRY_BITS | place.entry_id() << 10
        number |= max(0, place.batch_index())
        for out in self.ingest.take(topic, partition, number, message.data()):
            if out.shard not in publishers:
                publishers[out.shard] = Publisher(self.config, self.client, out.shard)
            await publishers[out.shard].send(out)
        for publisher in publishers.values():
            await publisher.confirm()
