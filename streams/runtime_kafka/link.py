"""A link to Kafka: one idempotent producer, consumers without a group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streams.brokers.link import BEGINNING, NOW, Partition, Said
from streams.brokers.shard_fold import Outgoing
from streams.runtime_kafka.admin import create_topics
from streams.runtime_kafka.config import KafkaConfig
from streams.runtime_kafka.store import MAX_REQUEST

WAIT_MS = 200


class KafkaLink:
    """Topics of one installation on Kafka; a place is the offset of a message."""

    def __init__(self, config: KafkaConfig) -> None:
        self.config, self.shards = config, config.shards
        self._names: dict[str, str] = {}
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def create(self) -> None:
        await create_topics(self.config)

    async def send(self, out: Outgoing) -> Awaitable[Any]:
        producer = self._producer or await self._started()
        sent: Awaitable[Any] = await producer.send(
            self.config.name(out.topic),
            out.value,
            key=out.key or None,
            partition=out.shard,
            headers=list(out.headers),
        )
        return sent

    async def flush(self) -> None:
        if self._producer is not None:
            await self._producer.flush()

    async def history(self, topic: str, partition: int = 0) -> list[Said]:
        place = TopicPartition(self.config.name(topic), partition)
        consumer = await self._consumer({(topic, partition): BEGINNING})
        found: list[Said] = []
        try:
            end = (await consumer.end_offsets([place]))[place]
            while await consumer.position(place) < end:
                found += await self._some(consumer)
        finally:
            await consumer.stop()
        return found

    async def follow(self, places: Mapping[Partition, str]) -> AsyncGenerator[Said]:
        consumer = await self._consumer(places)
        try:
            while True:
                for said in await self._some(consumer):
                    yield said
        finally:
            await consumer.stop()

    async def close(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def _some(self, consumer: Any) -> list[Said]:
        found = (await consumer.getmany(timeout_ms=WAIT_MS)).items()
        return [
            Said(self._names[tp.topic], tp.partition, str(m.offset), m.value or b"", m.key or b"")
            for tp, messages in found
            for m in messages
        ]

    async def _consumer(self, places: Mapping[Partition, str]) -> Any:
        self._names |= {self.config.name(topic): topic for topic, _ in places}
        consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=self.config.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        found = {TopicPartition(self.config.name(t), p): at for (t, p), at in places.items()}
        consumer.assign(list(found))
        for tp, at in found.items():
            if at == NOW:
                consumer.seek(tp, (await consumer.end_offsets([tp]))[tp])
            else:
                consumer.seek(tp, 0 if at == BEGINNING else int(at) + 1)
        return consumer

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self.config.bootstrap,
                    acks="all",
                    enable_idempotence=True,  # a retry never overtakes
                    linger_ms=self.config.linger_ms,
                    max_request_size=MAX_REQUEST,
                )
                await producer.start()
                self._producer = producer
        return self._producer
