"""One simulated market cut into the shards of an installation, made once for all of them."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from schemas.units import INSTRUMENT_NONE, NS_PER_MS
from streams.replay.sharding import shard_of
from streams.runtime_embedded.gateway import Rows, no_market
from streams.simulator.plain import PlainMarket

SPAN_NS = 20 * NS_PER_MS


class SharedFeed:
    """Market records of each shard that has instruments; a record without one is in all of them."""

    def __init__(self, plain: PlainMarket, shards: int) -> None:
        self.plain = plain
        owner = [shard_of(key, shards) for key in plain.instruments()]
        self.shards = tuple(sorted(set(owner)))
        self.masks = {shard: np.array([place == shard for place in owner]) for shard in self.shards}
        self._ready: defaultdict[int, list[Rows]] = defaultdict(list)
        self.begin(plain.config.start_ns)

    def begin(self, from_ns: int) -> None:
        """Starts again with the records from `from_ns` on."""
        start_ns = self.plain.config.start_ns
        first_ns = max(0, from_ns - start_ns)
        self._chunks = self.plain.chunks(span_ns=SPAN_NS, first_ns=first_ns)
        self._made_ns = start_ns + first_ns
        self._ready.clear()

    def take(self, shard: int, since_ns: int, until_ns: int) -> Rows:
        """Records after `since_ns` through `until_ns`, each given once."""
        while self._made_ns <= until_ns:
            chunk = next(self._chunks)
            self._made_ns = int(chunk["log_ns"][-1]) + 1
            instrument = chunk["instrument"]
            is_broadcast = instrument == INSTRUMENT_NONE
            known = np.where(is_broadcast, 0, instrument)
            for each in self.shards:
                rows = chunk[is_broadcast | self.masks[each][known]]
                if len(rows):
                    self._ready[each].append(rows)
        parts = self._ready[shard]
        if not parts:
            return no_market()
        ready = parts[0] if len(parts) == 1 else np.concatenate(parts)
        first = int(np.searchsorted(ready["log_ns"], since_ns, "right"))
        end = int(np.searchsorted(ready["log_ns"], until_ns, "right"))
        self._ready[shard] = [ready[end:]] if end < len(ready) else []
        return ready[first:end]
