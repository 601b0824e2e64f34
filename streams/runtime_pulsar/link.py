"""A link to Pulsar: a producer and a reader for each partition that is used."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Mapping
from typing import Any

import msgspec
import pulsar
import pulsar.schema
from pulsar.asyncio import Client, Producer, PulsarException

from schemas.errors import VenuefoldError
from schemas.json_decisions import avro_schema
from schemas.topics import DECISIONS_JSON
from streams.brokers.link import BEGINNING, NOW, Partition, Said
from streams.brokers.shard_fold import Outgoing
from streams.runtime_pulsar.admin import Admin
from streams.runtime_pulsar.config import PulsarConfig

HELD = 1_000
"""Messages that were read and not taken yet, and messages that were sent and not confirmed yet."""


class PulsarLink:
    """Topics of one installation on Pulsar; a place is ledger, entry and place in the batch.

    With a `name`, the broker drops a message whose number is not above the last one of the name.
    """

    def __init__(self, config: PulsarConfig, name: str = "") -> None:
        self.config, self.shards, self.name = config, config.shards, name
        self.client = Client(config.url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
        self._producers: dict[Partition, Producer] = {}
        self._pending: deque[asyncio.Task[Any]] = deque()

    async def create(self) -> None:
        await asyncio.to_thread(Admin(self.config).create)

    async def send(self, out: Outgoing) -> Awaitable[Any]:
        place = (out.topic, out.shard)
        producer = self._producers.get(place) or await self._open(place)
        options: dict[str, Any] = {"properties": {k: v.decode() for k, v in out.headers}}
        if out.id and self.name:
            options["sequence_id"] = out.id
        if out.key:
            options["partition_key"] = out.key.decode()
        task = asyncio.create_task(producer.send(out.value, **options))
        self._pending.append(task)
        await asyncio.sleep(0)  # the task hands the message over in the order of calls
        while len(self._pending) > HELD or (self._pending and self._pending[0].done()):
            await self._pending.popleft()
        return task

    async def flush(self) -> None:
        while self._pending:
            await self._pending.popleft()

    async def history(self, topic: str, partition: int = 0) -> list[Said]:
        reader = await self._reader(topic, partition, BEGINNING)
        found = []
        while await reader.has_message_available():
            found.append(said(topic, partition, await reader.read_next()))
        await reader.close()
        return found

    async def follow(self, places: Mapping[Partition, str]) -> AsyncGenerator[Said]:
        waiting: asyncio.Queue[Said | Exception] = asyncio.Queue(HELD)
        tasks = [asyncio.create_task(self._pump(*p, at, waiting)) for p, at in places.items()]
        try:
            while True:
                found = await waiting.get()
                if isinstance(found, Exception):
                    raise found
                yield found
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        await asyncio.gather(*self._pending, return_exceptions=True)
        await self.client.close()
        # The answer comes from a thread of the client that is not done yet: a process that ended
        # now would be aborted. This waits for its threads.
        await asyncio.to_thread(self.client.shutdown)

    async def _pump(
        self, topic: str, partition: int, place: str, waiting: asyncio.Queue[Said | Exception]
    ) -> None:
        try:
            reader = await self._reader(topic, partition, place)
            try:
                while True:
                    await waiting.put(said(topic, partition, await reader.read_next()))
            finally:
                await reader.close()
        except (PulsarException, VenuefoldError) as error:
            await waiting.put(error)

    async def _reader(self, topic: str, partition: int, place: str) -> Any:
        start = {BEGINNING: pulsar.MessageId.earliest, NOW: pulsar.MessageId.latest}.get(place)
        if start is None:
            start = pulsar.MessageId(partition, *map(int, place.split(",")))
        return await self.client.create_reader(self.config.name(topic, partition), start)

    async def _open(self, place: Partition) -> Producer:
        named: dict[str, Any] = {}
        if self.name:
            mode = pulsar.ProducerAccessMode.ExclusiveWithFencing
            label = f"{self.name}-{place[0]}-{place[1]}"
            named = {"producer_name": label, "access_mode": mode}
        producer = await self.client.create_producer(
            self.config.name(*place),
            schema=DecisionSchema() if place[0] == DECISIONS_JSON else None,
            batching_enabled=False,
            max_pending_messages=2 * HELD,
            **named,
        )
        self._producers[place] = producer
        return producer


class DecisionSchema(pulsar.schema.Schema):  # type: ignore[misc]
    """SmartRoutingDecisionEvent for Pulsar; what is sent is JSON already."""

    def __init__(self) -> None:
        kind = pulsar._pulsar.SchemaType.JSON
        super().__init__(bytes, kind, avro_schema(), "SmartRoutingDecisionEvent")

    def encode(self, obj: bytes) -> bytes:
        """As it is."""
        return obj

    def decode(self, data: bytes) -> Any:
        """Plain values."""
        return msgspec.json.decode(data)


def said(topic: str, partition: int, message: Any) -> Said:
    """A message of Pulsar."""
    where = message.message_id()
    place = f"{where.ledger_id()},{where.entry_id()},{where.batch_index()}"
    return Said(topic, partition, place, message.data(), message.partition_key().encode())
