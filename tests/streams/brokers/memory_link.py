"""Topics in memory, for tests that place every delay and every crash themselves."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Mapping
from typing import Any

from streams.brokers.link import Partition, Said
from streams.brokers.shard_fold import Outgoing


class MemoryLink:
    """One list a partition; nothing is lost, and reading is up to the test."""

    def __init__(self, shards: int) -> None:
        self.shards = shards
        self.topics: defaultdict[Partition, list[bytes]] = defaultdict(list)

    async def create(self) -> None:
        """Nothing to create."""

    async def send(self, out: Outgoing) -> Awaitable[Any]:
        self.topics[out.topic, out.shard].append(out.value)
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def flush(self) -> None:
        """Everything is there at once."""

    async def history(self, topic: str, partition: int = 0) -> list[Said]:
        return [self.at(topic, partition, n) for n in range(len(self.topics[topic, partition]))]

    def at(self, topic: str, partition: int, number: int) -> Said:
        """One message."""
        return Said(topic, partition, str(number), self.topics[topic, partition][number])

    def follow(self, places: Mapping[Partition, str]) -> AsyncGenerator[Said]:
        """Reading on is the test's own."""
        raise NotImplementedError(f"a test that follows {sorted(places)} reads topics itself")

    async def close(self) -> None:
        """Nothing to give back."""
