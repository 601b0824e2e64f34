"""Efficient prices: one random walk per instrument on a grid of quarter ticks."""

from __future__ import annotations

import numpy as np

from streams.simulator.noise import Ints, noise
from streams.simulator.plain_config import QUARTERS, PlainConfig

_WALK, _START = 2, 3
_FLOOR_QUARTERS = 500 * QUARTERS
_CHUNK_STEPS = 4096
_MOVE_ONE_IN = 16


class Walk:
    """Prices in quarter ticks by (instrument, step); step 0 lies a second before the start."""

    def __init__(self, config: PlainConfig) -> None:
        self.seed = config.seed
        self.instruments = np.arange(config.instruments)[:, None]
        ticks = 4_000 + (noise(self.seed, _START, self.instruments) % np.uint64(20_000))
        self.prices: Ints = ticks.astype(np.int64) * QUARTERS
        self.first_step = 0

    def at(self, instrument: Ints, step: Ints) -> Ints:
        """Prices at steps that were not forgotten; the walk is drawn as far as they reach."""
        if len(step):
            while self.first_step + self.prices.shape[1] <= int(step.max()):
                self._extend()
        return self.prices[instrument, step - self.first_step]

    def forget(self, before_step: int) -> None:
        """Drops what lies before a step, which must not be asked for again."""
        spare = min(before_step - self.first_step, self.prices.shape[1] - 1)
        if spare > _CHUNK_STEPS:
            self.prices = self.prices[:, spare:].copy()
            self.first_step += spare

    def skip_to(self, step: int) -> None:
        """Draws and forgets what lies before a step."""
        while self.first_step + self.prices.shape[1] <= step:
            self._extend()
            self.forget(step)

    def _extend(self) -> None:
        last = self.first_step + self.prices.shape[1]
        drawn = noise(self.seed, _WALK, self.instruments, np.arange(last, last + _CHUNK_STEPS))
        moves = drawn % np.uint64(_MOVE_ONE_IN) == 0
        signs = 1 - 2 * (drawn >> np.uint64(63)).astype(np.int64)
        path = self.prices[:, -1:] + np.cumsum(moves * signs, axis=1)
        self.prices = np.hstack([self.prices, np.maximum(path, _FLOOR_QUARTERS)])
