"""Paired block bootstrap: a block is a market seed, policies are paired within it (DOMAIN 28)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from streams.evaluation.score import Floats

MIN_BLOCKS = 30
RESAMPLES = 2_000
Interval = list[float] | None
"""[low, high] of 95 %, None when there are too few blocks."""


def mean_interval(blocks: Floats) -> tuple[float, Interval]:
    """Mean over blocks with its interval; `blocks` has shape (n,)."""
    return statistic_interval([blocks], lambda columns: columns[0].mean(axis=-1))


def ratio_interval(top: Floats, bottom: Floats) -> tuple[float, Interval]:
    """Ratio of the means, resampled as a ratio."""
    return statistic_interval(
        [top, bottom], lambda columns: columns[0].mean(axis=-1) / columns[1].mean(axis=-1)
    )


def statistic_interval(
    columns: list[Floats], statistic: Callable[[list[Floats]], Floats]
) -> tuple[float, Interval]:
    """A statistic of paired columns of shape (n,), blocks drawn with replacement."""
    blocks = len(columns[0])
    value = float(statistic(columns))
    if blocks < MIN_BLOCKS:
        return value, None
    chosen = np.random.default_rng(20_260_101).integers(0, blocks, size=(RESAMPLES, blocks))
    drawn = statistic([column[chosen] for column in columns])
    low, high = np.quantile(drawn, [0.025, 0.975])
    return value, [float(low), float(high)]
