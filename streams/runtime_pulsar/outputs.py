"""Publishes outputs with `out_seq` as sequence id: the broker drops what it already has."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

import pulsar
from pulsar.asyncio import Client, Producer, PulsarException

from streams.brokers.shard_fold import Outgoing
from streams.runtime_pulsar.config import PulsarConfig


class Publisher:
    """Producers of one shard; a new owner's fence off those of the owner before."""

    def __init__(self, config: PulsarConfig, client: Client, shard: int) -> None:
        self.config, self.client, self.shard = config, client, shard
        self._producers: dict[str, Producer] = {}
        self.pending: deque[asyncio.Task[pulsar.MessageId]] = deque()

    async def send(self, out: Outgoing) -> asyncio.Task[pulsar.MessageId]:
        """Hands over one message; `confirm` waits for it. Sending order is calling order."""
        producer = self._producers.get(out.topic) or await self._open(out)
        options: dict[str, object] = {"properties": {k: v.decode() for k, v in out.headers}}
        if out.id:
            options["sequence_id"] = out.id
        send = producer.send(out.value, partition_key=out.key.decode(), **options)
        self.pending.append(asyncio.create_task(send))
        return self.pending[-1]

    async def confirm(self, most: int = 0) -> None:
        """Waits until at most `most` are unconfirmed; a lost one raises."""
        while len(self.pending) > most:
            await self.pending.popleft()

    async def close(self) -> None:
        """Closes the producers; what is still unconfirmed is owed to the next owner."""
        await asyncio.gather(*self.pending, return_exceptions=True)
        self.pending.clear()
        for producer in self._producers.values():
            with suppress(PulsarException):  # fenced off by the next owner, and so closed
                await producer.close()
        self._producers.clear()

    async def _open(self, out: Outgoing) -> Producer:
        topic = self.config.name(out.topic, out.shard)
        named = {}
        if out.id:
            named = {
                "producer_name": f"{self.config.subscription}-{out.topic}-{self.shard}",
                "access_mode": pulsar.ProducerAccessMode.ExclusiveWithFencing,
            }
        producer = await self.client.create_producer(
            topic,
            max_pending_messages=self.config.max_pending * 2,
            # A batch is dropped whole when its first message is known: batches cut otherwise after
            # a restart would lose what came behind.
            batching_enabled=False,
            **named,
        )
        self._producers[out.topic] = producer
        return producer
