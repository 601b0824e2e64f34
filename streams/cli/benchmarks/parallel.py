"""Shards side by side: how much a second core gives when each shard has an engine of its own."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from aggregates.kernel import Engine
from schemas.units import NS_PER_MS
from streams.cli.benchmarks.engine import require
from streams.cli.benchmarks.timing import Result
from streams.cli.benchmarks.world import START_NS, World

TICKS = 200_000
INSTRUMENTS, VENUES = 250, 24


class Shard:
    """An engine with a stretch of ticks of its own; a step holds no lock that another needs."""

    def __init__(self, seed: int) -> None:
        self.world = World(INSTRUMENTS, VENUES, seed)
        self.engine: Engine = self.world.engine()
        last_seq = np.zeros(256, dtype=np.uint64)
        now_ns = START_NS + NS_PER_MS
        self.engine.step(self.world.books(now_ns, last_seq).tobytes())
        self.batches = []
        for _ in range(10):
            ticks = self.world.ticks(TICKS, now_ns, last_seq)
            now_ns = int(ticks["log_ns"][-1])
            self.batches.append(ticks.tobytes())

    def run(self) -> None:
        """Folds everything."""
        for batch in self.batches:
            consumed, _ = self.engine.step(batch)
            require(consumed == len(batch), "every tick is folded")


def parallel(threads: int) -> Result:
    """Ticks a second over `threads` shards, a thread each."""
    shards = [Shard(seed) for seed in range(1, threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        started_ns = time.perf_counter_ns()
        list(pool.map(Shard.run, shards))
        elapsed_ns = time.perf_counter_ns() - started_ns
    count = threads * TICKS * len(shards[0].batches)
    value = round(count * 1e9 / elapsed_ns)
    return Result(name=f"parallel.{threads}", unit="ticks/s", value=value, n=count)


def thread_counts(cores: int) -> list[int]:
    """1, 2, 4 and so on up to the machine's cores; two at least, so that sharing a core shows."""
    return [1 << n for n in range(max(2, cores.bit_length()))]
