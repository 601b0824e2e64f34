"""Which shard an instrument belongs to, and each shard's part of the recorded stream."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.units import INSTRUMENT_NONE
from streams.sources.merge import merge
from streams.sources.records import Records, number


def shard_of(instrument_key: str, shards: int) -> int:
    """Stable: depends on the key's text and the number of shards, on nothing else."""
    digest = hashlib.sha256(instrument_key.encode()).digest()
    return int.from_bytes(digest[:8], "big") % shards


class ShardFeed:
    """Cuts one shard's batches out of the recorded stream, orders in their place.

    Broadcasts (records without an instrument) go to every shard; each source is numbered densely
    within the shard. An order for an instrument that does not exist goes to shard 0, which refuses.
    """

    def __init__(
        self, shard: int, shards: int, instrument_keys: Sequence[str], orders: NDArray[np.void]
    ) -> None:
        owner = [shard_of(key, shards) for key in instrument_keys]
        self.is_ours = np.array([place == shard for place in owner], dtype=np.bool_)
        self.is_alone = shards == 1
        self.last_seq = np.zeros(256, dtype=np.uint64)
        known = orders["instrument"] < len(owner)
        ours = np.where(known, False, shard == 0)
        ours[known] = self.is_ours[orders["instrument"][known]]
        self.orders = orders[ours].copy()
        self.orders["source_seq"] = np.arange(1, len(self.orders) + 1)
        self.done = 0

    def batches(self, chunk: Records) -> Iterator[NDArray[np.uint8]]:
        """The shard's bytes of the next chunk of the whole market."""
        until = np.searchsorted(self.orders["log_ns"][self.done :], chunk["log_ns"][-1], "left")
        due = self.orders[self.done : self.done + int(until)]
        self.done += len(due)
        mine = self._mine(chunk)
        yield from merge([mine] if len(mine) else [], due)

    def rest(self) -> Iterator[NDArray[np.uint8]]:
        """Orders after the last market record."""
        due, self.done = self.orders[self.done :], len(self.orders)
        yield from merge([], due)

    def _mine(self, chunk: Records) -> Records:
        if self.is_alone:
            return chunk
        instrument = chunk["instrument"]
        everywhere = instrument == INSTRUMENT_NONE
        known = np.minimum(instrument, len(self.is_ours) - 1)
        mine: Records = chunk[everywhere | self.is_ours[known]]
        number(mine, self.last_seq)
        return mine
