"""What is near a touch that goes to and fro, over levels that change behind it."""

from __future__ import annotations

import numpy as np

from aggregates import kernel
from schemas.units import NS_PER_MS
from streams.cli.benchmarks.world import START_NS, World


def test_bands_of_what_is_near_follow_the_levels() -> None:
    world, last_seq = World(3, 4), np.zeros(256, dtype=np.uint64)
    inputs = world.setup()
    for turn in range(1, 4):
        # The native core keeps what is near by bands of prices; the reference sums it each time.
        levels = world.books(START_NS + 2 * turn * NS_PER_MS, last_seq)
        levels["bid_units"] += 50 * turn
        levels["ask_units"] += 70 * turn
        ticks = world.ticks(400, START_NS + (2 * turn + 1) * NS_PER_MS, last_seq)
        inputs += levels.tobytes() + ticks.tobytes()
        engines = [kernel.load(core) for core in ("native", "reference")]
        for engine in engines:
            assert engine.step(inputs)[0] == len(inputs)
        native, reference = (kernel.state_hash(engine) for engine in engines)
        assert native == reference, f"turn {turn}"
