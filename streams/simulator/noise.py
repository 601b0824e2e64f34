"""Keyed randomness for whole arrays: a number depends on its key alone, on any machine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def noise(seed: int, stream: int, *keys: Any) -> NDArray[np.uint64]:
    """Splitmix64 of (seed, stream, keys); keys are integers or int64 arrays that broadcast."""
    mixed = _mix(np.asarray([seed & (2**64 - 1)], dtype=np.uint64))
    for key in (stream, *keys):
        mixed = _mix(mixed ^ np.asarray(key, dtype=np.int64).view(np.uint64))
    return mixed


def below(limit: Any, seed: int, stream: int, *keys: Any) -> Ints:
    """Integers in [0, limit), keyed as in `noise`."""
    drawn: Ints = (noise(seed, stream, *keys) >> np.uint64(1)).astype(np.int64) % limit
    return drawn


def _mix(key: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = key + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
