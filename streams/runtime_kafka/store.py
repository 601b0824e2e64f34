"""Snapshots in a compacted topic, one partition a shard: any machine can take a shard over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.topics import SNAPSHOTS
from streams.runtime_kafka.config import KafkaConfig

MAX_REQUEST = 16 << 20


class TopicStore:
    """Blobs of a shard by key; the newest message of a key is its blob."""

    def __init__(self, config: KafkaConfig) -> None:
        self.config = config
        self.topic = config.name(SNAPSHOTS)
        self._producer: AIOKafkaProducer | None = None
        self._consumer: Any = None
        self._loading = asyncio.Lock()

    async def put(self, shard: int, blobs: list[tuple[str, bytes]]) -> None:
        """Sends in order; returns when the broker has confirmed the last."""
        producer = await self._started()
        for key, blob in blobs:
            await producer.send_and_wait(self.topic, blob, key=key.encode(), partition=shard)

    async def load(self, shard: int) -> Mapping[str, bytes]:
        """Reads the shard's partition to its end."""
        async with self._loading:
            if self._consumer is None:
                consumer: Any = AIOKafkaConsumer(
                    bootstrap_servers=self.config.bootstrap, enable_auto_commit=False
                )
                await consumer.start()
                self._consumer = consumer
            return await self._read(self._consumer, TopicPartition(self.topic, shard))

    async def close(self) -> None:
        """Ends the producer."""
        for each in (self._producer, self._consumer):
            if each is not None:
                await each.stop()
        self._producer = self._consumer = None

    async def _read(self, consumer: Any, place: TopicPartition) -> dict[str, bytes]:
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        await consumer.seek_to_beginning(place)
        blobs: dict[str, bytes] = {}
        while await consumer.position(place) < end:
            for messages in (await consumer.getmany(timeout_ms=1000)).values():
                blobs.update({m.key.decode(): m.value for m in messages if m.key and m.value})
        return blobs

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self.config.bootstrap,
                acks="all",
                max_request_size=MAX_REQUEST,
            )
            await self._producer.start()
        return self._producer
