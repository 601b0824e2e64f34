"""The ingest agents: foreign JSON of the contract topics to `sor.inputs`, bad messages aside."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import faust

from schemas.topics import CONTRACT_IN
from schemas.units import NS_PER_S
from streams.brokers.backlog import HOLD_S, Backlog
from streams.brokers.broadcaster import Broadcaster
from streams.brokers.ingest import Ingest
from streams.brokers.shard_fold import Outgoing
from streams.clock import SystemClock
from streams.runtime_kafka.config import KafkaConfig
from streams.runtime_kafka.link import KafkaLink


class IngestAgents:
    """Agents of one worker; a message is acknowledged when what it became is confirmed."""

    def __init__(self, app: faust.App, config: KafkaConfig) -> None:
        self.app, self.config = app, config
        self.ingest = Ingest(config.shards)
        self.backlog = Backlog(self.ingest, config.shed_after_s)
        self.waiting: deque[tuple[Any, list[Any]]] = deque()
        self.wall = SystemClock()
        self._turn = asyncio.Lock()
        self.plain_names = {config.name(topic): topic for topic in CONTRACT_IN}
        self.broadcaster = Broadcaster(KafkaLink(config), self.ingest)
        for topic in CONTRACT_IN:
            channel = app.topic(config.name(topic), key_serializer="raw", value_serializer="raw")
            app.agent(channel, name=f"ingest-{topic}")(self.read)
        app.task(self.broadcast)
        app.timer(HOLD_S)(self.release)

    async def broadcast(self) -> None:
        """Takes changes of reference data to every shard, and learns the names in them."""
        await self.broadcaster.run()

    async def read(self, stream: Any) -> None:
        """Messages in order of their partition; up to `max_pending` are on their way at once."""
        await self.broadcaster.is_ready.wait()
        async for event in stream.noack().events():
            message = event.message
            topic = self.plain_names[message.topic]
            place = (topic, message.partition, message.offset)
            age_s = max(0.0, self.wall.now_ns() / NS_PER_S - message.timestamp)
            raw, message.value = message.value or b"", None
            async with self._turn:
                for due in self.backlog.take(place, raw, age_s, message):
                    await self._forward(*due)

    async def release(self) -> None:
        """Quotes that were held for a newer one go on now."""
        async with self._turn:
            for due in self.backlog.release():
                await self._forward(*due)
            await self._acknowledge(len(self.waiting))

    async def _forward(self, message: Any, outgoing: list[Outgoing]) -> None:
        self.waiting.append((message, [await self._send(out) for out in outgoing]))
        await self._acknowledge(self.config.max_pending)

    async def _acknowledge(self, most: int) -> None:
        """Everything that the broker has, and the oldest until at most `most` wait."""
        waiting = self.waiting
        while waiting and (len(waiting) > most or all(f.done() for f in waiting[0][1])):
            first, futures = waiting.popleft()
            for future in futures:
                await future
            first.ack(self.app.consumer)

    async def _send(self, out: Any) -> Any:
        return await self.app.producer.send(
            self.config.name(out.topic),
            out.key or None,
            out.value,
            out.shard,
            None,
            list(out.headers),
        )
