"""The ingest agents: foreign JSON of the contract topics to `sor.inputs`, bad messages aside."""

from __future__ import annotations

from collections import deque
from typing import Any

import faust

from schemas.topics import CONTRACT_IN
from streams.brokers.broadcaster import Broadcaster
from streams.brokers.ingest import Ingest
from streams.runtime_kafka.config import KafkaConfig
from streams.runtime_kafka.link import KafkaLink


class IngestAgents:
    """Agents of one worker; a message is acknowledged when what it became is confirmed."""

    def __init__(self, app: faust.App, config: KafkaConfig) -> None:
        self.app, self.config = app, config
        self.ingest = Ingest(config.shards)
        self.plain_names = {config.name(topic): topic for topic in CONTRACT_IN}
        self.broadcaster = Broadcaster(KafkaLink(config), self.ingest)
        for topic in CONTRACT_IN:
            channel = app.topic(config.name(topic), key_serializer="raw", value_serializer="raw")
            app.agent(channel, name=f"ingest-{topic}")(self.read)
        app.task(self.broadcast)

    async def broadcast(self) -> None:
        """Takes changes of reference data to every shard, and learns the names in them."""
        await self.broadcaster.run()

    async def read(self, stream: Any) -> None:
        """Messages in order of their partition; up to `max_pending` are on their way at once."""
        await self.broadcaster.is_ready.wait()
        waiting: deque[tuple[Any, list[Any]]] = deque()
        async for event in stream.noack().events():
            message = event.message
            topic = self.plain_names[message.topic]
            outgoing = self.ingest.take(
                topic, message.partition, message.offset, message.value or b""
            )
            sent = [await self._send(out) for out in outgoing]
            message.value = None
            waiting.append((message, sent))
            while waiting and (
                len(waiting) > self.config.max_pending or all(f.done() for f in waiting[0][1])
            ):
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
