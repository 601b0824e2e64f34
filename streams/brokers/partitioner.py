"""Which partition a record belongs to: its instrument's shard; broadcasts belong to all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from schemas.envelope import HEADER
from schemas.units import INSTRUMENT_NONE, SOURCE_REFERENCE
from streams.replay.sharding import shard_of


class Partitioner:
    """Places of records by dense instrument id; `keys` are the ids' instrument keys."""

    def __init__(self, shards: int) -> None:
        self.shards = shards
        self._owner: dict[int, int] = {}

    def learn(self, instrument: int, key: str) -> None:
        """From reference data: a dense id and its key."""
        self._owner[instrument] = shard_of(key, self.shards)

    def shards_of(self, record: bytes) -> Iterable[int]:
        """Shards that must get the record; an unknown instrument goes to 0, which refuses it."""
        head = HEADER.unpack(record)
        if head.source == SOURCE_REFERENCE or head.instrument == INSTRUMENT_NONE:
            return range(self.shards)
        return (self._owner.get(head.instrument, 0),)

    def split(self, records: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        """(shard, its records in order) of whole records."""
        parts: defaultdict[int, list[bytes]] = defaultdict(list)
        for record in records:
            for shard in self.shards_of(record):
                parts[shard].append(record)
        for shard in sorted(parts):
            yield shard, b"".join(parts[shard])
