"""Implementation shortfall of parents, with what was left priced by the common sweep."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.simulator.synthetic.terms import Preset

Floats = NDArray[np.float64]


def shortfall_bps(results: NDArray[np.void], preset: Preset) -> Floats:
    """[s (sum px q + P_clean - Q mid) + fees] / (Q mid) in bps, shape (n,); nan without a mid."""
    return _bps(
        results,
        results["notional"] + results["clean_notional"],
        results["fees"] + results["clean_fees"],
        preset,
    )


def instant_bps(results: NDArray[np.void], preset: Preset) -> Floats:
    """What an instant fee-aware sweep of the true books would have cost at arrival, in bps."""
    return _bps(results, results["ideal_notional"], results["ideal_fees"], preset)


def _bps(results: Any, notional: Floats, fees: Floats, preset: Preset) -> Floats:
    ones = np.array([10.0**terms.decimals for terms in preset.instruments])
    per_one = ones[results["instrument"]]
    mid = np.where(results["mid_x2"] > 0, results["mid_x2"] / 2.0, np.nan)
    worth = results["units"] * mid
    cost = results["sign"] * (notional - worth) + fees * per_one
    return np.asarray(cost / worth * 1e4, dtype=np.float64)


def size_bucket(results: NDArray[np.void], touch_units: list[int]) -> NDArray[np.int64]:
    """Which of `parents.TENTHS` each parent is, by its share of the usual touch."""
    share = results["units"] / np.array(touch_units)[results["instrument"]]
    return np.asarray(np.digitize(share, [0.3, 0.75, 2.0, 6.0]), dtype=np.int64)
