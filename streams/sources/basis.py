"""Makes books of near-fungible markets comparable: each market's usual gap is taken off its prices.

The gap of mids (market minus reference) is sampled at the edges of an absolute time grid, from rows
strictly before the edge. A row at time t uses the median of the samples at edges at or before t, so
it depends on rows strictly before t only. The shift is rounded to the market's tick: prices stay on
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.units import NS_PER_MS
from streams.sources.config import Basis
from streams.sources.rows import Bools, Ints, QuoteRows


@dataclass(frozen=True)
class MidSeries:
    """Doubled mids (bid + ask, nanos) of one book at its two-sided rows, by time."""

    log_ns: Ints
    doubled: Ints

    def last_before(self, times_ns: Ints) -> tuple[Ints, Bools]:
        """Doubled mid of the last row strictly before each time, and whether there is one."""
        index = np.searchsorted(self.log_ns, times_ns, side="left") - 1
        known = index >= 0
        if not len(self.log_ns):
            return np.zeros(len(times_ns), dtype=np.int64), known
        return self.doubled[np.maximum(index, 0)], known


@dataclass(frozen=True)
class Shift:
    """Basis of one market in nanos, step by step: `values[k]` holds from edge k to edge k + 1."""

    first_edge_ns: int
    step_ns: int
    values: NDArray[np.float64]

    def at(self, times_ns: Ints) -> NDArray[np.float64]:
        """Basis at each time, NaN while there is too little history."""
        if not len(self.values):
            return np.full(len(times_ns), np.nan)
        index = (times_ns - self.first_edge_ns) // self.step_ns
        found = self.values[np.clip(index, 0, len(self.values) - 1)]
        return np.where(index >= 0, found, np.nan)


def mid_series(rows: QuoteRows, chosen: Bools) -> MidSeries:
    """Mids of the chosen rows that are two-sided and not crossed; rows are sorted by time."""
    usable = chosen & (rows.bid_units > 0) & (rows.ask_units > 0) & (rows.bid <= rows.ask)
    return MidSeries(rows.log_ns[usable], rows.bid[usable] + rows.ask[usable])


def joined_mids(parts: Sequence[MidSeries]) -> MidSeries:
    """Mids of several files as one series by time."""
    if len(parts) == 1:
        return parts[0]
    log_ns = np.concatenate([part.log_ns for part in parts])
    order = np.argsort(log_ns, kind="stable")
    return MidSeries(log_ns[order], np.concatenate([part.doubled for part in parts])[order])


def basis_shift(market: MidSeries, reference: MidSeries, settings: Basis, tick_nanos: int) -> Shift:
    """The market's rolling median gap to the reference, rounded to its tick."""
    step_ns = settings.sample_ms * NS_PER_MS
    if not len(market.log_ns) or not len(reference.log_ns):
        return Shift(0, step_ns, np.empty(0))
    first = int(market.log_ns[0]) // step_ns * step_ns
    edges = np.arange(first, int(market.log_ns[-1]) + 1, step_ns, dtype=np.int64)
    ours, has_ours = market.last_before(edges)
    theirs, has_theirs = reference.last_before(edges)
    gaps = pl.Series(np.where(has_ours & has_theirs, (ours - theirs).astype(float), np.nan))
    samples = max(1, settings.window_ms // settings.sample_ms)
    median = gaps.fill_nan(None).rolling_median(samples, min_samples=settings.min_samples)
    doubled = median.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return Shift(first, step_ns, np.rint(doubled / (2 * tick_nanos)) * tick_nanos)
