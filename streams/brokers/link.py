"""What a service beside the workers needs of a broker, whichever it is.

A place is opaque text: where a message is in its partition, to read on from behind it later.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from streams.brokers.shard_fold import Outgoing

BEGINNING, NOW = "", "now"
"""Places before the first message, and behind the last that is there now."""

Partition = tuple[str, int]


@dataclass(frozen=True)
class Said:
    """A message that was read. `topic` is its name in `schemas.topics`."""

    topic: str
    partition: int
    place: str
    value: bytes
    key: bytes = b""


class Link(Protocol):
    """Topics of one installation; one partition's messages keep the order of `send`."""

    shards: int

    async def create(self) -> None:
        """Create the topics that are missing."""

    async def send(self, out: Outgoing) -> Awaitable[Any]:
        """Hand over one message; awaiting the answer waits until the broker has it.

        Its `id`, where the broker can drop repeats by it, rises within a topic's partition.
        """

    async def flush(self) -> None:
        """Wait until the broker has everything sent; raises what was lost."""

    async def history(self, topic: str, partition: int = 0) -> list[Said]:
        """Every message that is there now."""

    def follow(self, places: Mapping[Partition, str]) -> AsyncGenerator[Said]:
        """Messages behind the places, old and new, for ever."""

    async def close(self) -> None:
        """Give back what was opened."""
