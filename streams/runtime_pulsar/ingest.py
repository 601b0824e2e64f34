"""Ingest on Pulsar: foreign JSON of the contract topics to `sor.inputs`, bad messages aside."""

from __future__ import annotations

import asyncio
from typing import Any

import pulsar
from pulsar.asyncio import Client

from schemas.topic_envelope import Envelope, EnvelopeError, MessageKind, open_envelope, seal
from schemas.topics import EXECUTION_REPORTS, INPUTS, MARKET_DATA, ORDERS, REFERENCE
from streams.brokers.frames import seal_frame
from streams.brokers.ingest import Ingest
from streams.runtime_pulsar.config import PulsarConfig
from streams.runtime_pulsar.outputs import Publisher

READ_TOPICS = (MARKET_DATA, ORDERS, EXECUTION_REPORTS)
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
        topic = self.config.name(REFERENCE, 0)
        reader: Any = await self.client.create_reader(topic, pulsar.MessageId.earliest)
        while await reader.has_message_available():
            self._learn((await reader.read_next()).data())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(reader))
            for name in READ_TOPICS:
                for partition in range(self.config.shards):
                    group.create_task(self._read(name, partition))

    async def _follow(self, reader: Any) -> None:
        while True:
            self._learn((await reader.read_next()).data())

    async def _read(self, topic: str, partition: int) -> None:
        consumer = await self.client.subscribe(
            self.config.name(topic, partition),
            SUBSCRIPTION,
            consumer_type=pulsar.ConsumerType.Failover,
            consumer_name=f"{self.name}-{topic}-{partition}",
            initial_position=pulsar.InitialPosition.Earliest,
        )
        publishers: dict[int, Publisher] = {}
        while True:
            message = await consumer.receive()
            place = message.message_id()
            number = place.ledger_id() << ENTRY_BITS | place.entry_id() << 10
            number |= max(0, place.batch_index())
            for out in self.ingest.take(topic, partition, number, message.data()):
                if out.shard not in publishers:
                    publishers[out.shard] = Publisher(self.config, self.client, out.shard)
                await publishers[out.shard].send(out)
            for publisher in publishers.values():
                await publisher.confirm()
            await consumer.acknowledge(message)

    def _learn(self, raw: bytes) -> None:
        try:
            self.ingest.learn(bytes(open_envelope(raw, REFERENCE).payload))
        except EnvelopeError:
            return  # what is no broadcast names nothing; every shard writes its dead letter


def broadcast(client: pulsar.Client, config: PulsarConfig, version: int, records: bytes) -> None:
    """Appends reference records to the reference topic, then to every partition of the inputs.

    `records` carry dense versions from `version` on. Called again after a crash it repeats them,
    which every shard drops.
    """
    kind = MessageKind.FRAME
    whole = seal(Envelope(kind=kind, topic=REFERENCE, shard=0, id=version, payload=records))
    frames = [seal_frame(shard, version, records) for shard in range(config.shards)]
    places = [(config.name(REFERENCE, 0), whole)]
    places += [(config.name(INPUTS, shard), frame) for shard, frame in enumerate(frames)]
    for topic, message in places:
        producer = client.create_producer(topic)
        producer.send(message)
        producer.close()
