"""Snapshots in a compacted Pulsar topic, one partition a shard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulsar
from pulsar.asyncio import Client, Producer

from schemas.topics import SNAPSHOTS
from streams.runtime_pulsar.config import PulsarConfig


class TopicStore:
    """Blobs of a shard by key; the newest message of a key is its blob."""

    def __init__(self, config: PulsarConfig, client: Client) -> None:
        self.config, self.client = config, client
        self._producers: dict[int, Producer] = {}

    async def put(self, shard: int, blobs: list[tuple[str, bytes]]) -> None:
        """Sends in order; returns when the broker has confirmed the last."""
        if shard not in self._producers:
            name = self.config.name(SNAPSHOTS, shard)
            self._producers[shard] = await self.client.create_producer(name, batching_enabled=False)
        for key, blob in blobs:
            await self._producers[shard].send(blob, partition_key=key)

    async def load(self, shards: Sequence[int]) -> Mapping[int, Mapping[str, bytes]]:
        """Reads the shards' partitions to their ends."""
        return {shard: await self._read(shard) for shard in shards}

    async def _read(self, shard: int) -> dict[str, bytes]:
        topic = self.config.name(SNAPSHOTS, shard)
        blobs: dict[str, bytes] = {}
        reader: Any = await self.client.create_reader(
            topic, pulsar.MessageId.earliest, is_read_compacted=True
        )
        while await reader.has_message_available():
            message = await reader.read_next()
            blobs[message.partition_key()] = message.data()
        await reader.close()
        return blobs
