"""What a client of every contract topic has read, each record once."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Self

from schemas.topics import CONTRACT_OUT, DEAD_LETTERS
from streams.brokers.read_side import OnceReader
from tests.streams.brokers.processes import Processes


class Collected(ABC):
    """Records by shard and out_seq, dead letters, and what came again."""

    def __init__(self, shards: int) -> None:
        self.readers = {topic: OnceReader(topic, check=True) for topic in CONTRACT_OUT}
        self.records: dict[int, dict[int, bytes]] = {shard: {} for shard in range(shards)}
        self.dead: list[tuple[bytes, dict[str, bytes]]] = []

    @abstractmethod
    def poll(self, seconds: float = 0.2) -> None:
        """Takes what has come."""

    def polled(self) -> Self:
        """Itself, after a poll."""
        self.poll()
        return self

    def take(self, topic: str, value: bytes, headers: dict[str, bytes]) -> None:
        """One message."""
        if topic == DEAD_LETTERS:
            self.dead.append((value, headers))
            return
        taken = self.readers[topic].take(value)
        if taken is not None:
            self.records[taken.shard][taken.id] = bytes(taken.payload)

    def outputs(self, shard: int) -> bytes:
        """All records of a shard in order; fails at a hole."""
        found = self.records[shard]
        assert sorted(found) == list(range(1, len(found) + 1))
        return b"".join(found[number] for number in sorted(found))

    @property
    def total(self) -> int:
        """Records read."""
        return sum(len(found) for found in self.records.values())

    @property
    def repeated(self) -> int:
        """Messages that came again."""
        return sum(reader.repeated for reader in self.readers.values())

    @property
    def differing(self) -> int:
        """Messages that came again with other bytes."""
        return sum(reader.differing for reader in self.readers.values())

    def until(self, wanted: dict[int, int], patience_s: float, install: Processes) -> None:
        """Polls until each shard has its number of records; no worker may end meanwhile."""
        end = time.monotonic() + patience_s
        while self._lacks(wanted):
            self.poll()
            if install.have_ended() or time.monotonic() > end:
                raise AssertionError(self._told(wanted, install))

    def until_revived(
        self, wanted: dict[int, int], patience_s: float, install: Processes, excuse: str = ""
    ) -> None:
        """The same with a supervisor: a worker that gave up is started again.

        Its log must tell of the excuse; whatever else ends a worker is a failure.
        """
        end = time.monotonic() + patience_s
        while self._lacks(wanted):
            self.poll()
            install.revive(excuse)
            if time.monotonic() > end:
                raise AssertionError(self._told(wanted, install))

    def _lacks(self, wanted: dict[int, int]) -> bool:
        return any(len(self.records[shard]) < count for shard, count in wanted.items())

    def _told(self, wanted: dict[int, int], install: Processes) -> str:
        have = {shard: len(found) for shard, found in self.records.items()}
        return f"have {have} of {wanted}\n{install.logs()}"
