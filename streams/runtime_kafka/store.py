"""Snapshots in a compacted topic, one partition a shard: any machine can take a shard over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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

    async def load(self, shards: Sequence[int]) -> dict[int, dict[str, bytes]]:
        """Reads the shards' partitions to their ends, all at once."""
        blobs: dict[int, dict[str, bytes]] = {shard: {} for shard in shards}
        places = [TopicPartition(self.topic, shard) for shard in shards]
        async with self._loading:
            consumer = await self._reading()
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            await consumer.seek_to_beginning(*places)
            for place, end in ends.items():
                while await consumer.position(place) < end:
                    found = await consumer.getmany(timeout_ms=1000)
                    for tp, messages in found.items():
                        blobs[tp.partition] |= {m.key.decode(): m.value for m in messages}
        return blobs

    async def close(self) -> None:
        """Ends the producer."""
        for each in (self._producer, self._consumer):
            if each is not None:
                await each.stop()
        self._producer = self._consumer = None

    async def _reading(self) -> Any:
        if self._consumer is None:
            consumer: Any = AIOKafkaConsumer(
                bootstrap_servers=self.config.bootstrap, enable_auto_commit=False
            )
            await consumer.start()
            self._consumer = consumer
        return self._consumer

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self.config.bootstrap,
                acks="all",
                max_request_size=MAX_REQUEST,
            )
            await self._producer.start()
        return self._producer
