"""The ingest agents: foreign JSON of the contract topics to `sor.inputs`, bad messages aside."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topic_envelope import Envelope, EnvelopeError, MessageKind, open_envelope, seal
from schemas.topics import EXECUTION_REPORTS, INPUTS, MARKET_DATA, ORDERS, REFERENCE
from streams.brokers.frames import seal_frame
from streams.brokers.ingest import Ingest
from streams.runtime_kafka.config import KafkaConfig

READ_TOPICS = (MARKET_DATA, ORDERS, EXECUTION_REPORTS)


class IngestAgents:
    """Agents of one worker; a message is acknowledged when what it became is confirmed."""

    def __init__(self, app: faust.App, config: KafkaConfig) -> None:
        self.app, self.config = app, config
        self.ingest = Ingest(config.shards)
        self.plain_names = {config.name(topic): topic for topic in READ_TOPICS}
        self._is_ready = asyncio.Event()
        for topic in READ_TOPICS:
            channel = app.topic(config.name(topic), key_serializer="raw", value_serializer="raw")
            app.agent(channel, name=f"ingest-{topic}")(self.read)
        app.task(self.follow_reference)

    async def follow_reference(self) -> None:
        """Reads every broadcast from the first on, and goes on with each new one."""
        place = TopicPartition(self.config.name(REFERENCE), 0)
        consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=self.config.bootstrap, enable_auto_commit=False
        )
        await consumer.start()
        try:
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            await consumer.seek_to_beginning(place)
            while not self.app.should_stop:
                if await consumer.position(place) >= end:
                    self._is_ready.set()
                for messages in (await consumer.getmany(timeout_ms=200)).values():
                    for message in messages:
                        self._learn(message.value or b"")
        finally:
            await consumer.stop()

    async def read(self, stream: Any) -> None:
        """Messages in order of their partition; up to `max_pending` are on their way at once."""
        await self._is_ready.wait()
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

    def _learn(self, raw: bytes) -> None:
        try:
            self.ingest.learn(bytes(open_envelope(raw, REFERENCE).payload))
        except EnvelopeError:
            return  # what is no broadcast names nothing; every shard writes its dead letter


async def broadcast(producer: Any, config: KafkaConfig, version: int, records: bytes) -> None:
    """Appends reference records to the reference topic, then to every partition of the inputs.

    `records` carry dense versions from `version` on. Called again after a crash it repeats them,
    which every shard drops.
    """
    envelope = Envelope(
        kind=MessageKind.FRAME, topic=REFERENCE, shard=0, id=version, payload=records
    )
    await producer.send_and_wait(config.name(REFERENCE), seal(envelope), partition=0)
    for shard in range(config.shards):
        frame = seal_frame(shard, version, records)
        await producer.send_and_wait(config.name(INPUTS), frame, partition=shard)
