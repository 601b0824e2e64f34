"""Whether quality is learned: live against frozen over the day, and after a regime switch."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from streams.evaluation.arms import EngineArm, Setting, run_engine
from streams.evaluation.block import LIT, small_decisions
from streams.evaluation.choice import ChoiceScore, score_choices
from streams.evaluation.score import shortfall_bps
from streams.evaluation.statistics import mean_interval
from streams.evaluation.worlds import Shape, drawn_preset
from streams.simulator.synthetic.terms import Preset

FROZEN = msgspec.structs.replace(LIT, frozen=True)
QUARTERS = 4
SMALL_GAP_MS = 60
SMALL_PER_ORDER = 3
"""Small parents of the second comparison for each parent of the first."""
BIN_ORDERS = 30
RECOVERED = 0.97
"""Recovered: the share of right choices is back at so much of what it was before the switch."""


def day_gain(venues: int, seed: int, orders: int) -> dict[str, list[float]]:
    """Frozen minus live by quarter of the day: `bps` of shortfall, and `regret_bps`.

    The second is that of small parents in a market of the same habits, by the true expected costs
    of protocol C: no luck of fills is in it.
    """
    preset = drawn_preset(Shape(venues=venues), seed)
    setting = Setting(preset=preset, seed=seed, orders=orders)
    live = shortfall_bps(run_engine(setting, LIT), preset)
    frozen = shortfall_bps(run_engine(setting, FROZEN), preset)
    cost = [float(np.nanmean(part)) for part in np.array_split(frozen - live, QUARTERS)]
    of_live, of_frozen = (
        _regrets(preset, seed, SMALL_PER_ORDER * orders, arm) for arm in (LIT, FROZEN)
    )
    return {"bps": cost, "regret_bps": [b - a for a, b in zip(of_live, of_frozen, strict=True)]}


def _regrets(preset: Preset, seed: int, orders: int, arm: EngineArm) -> list[float]:
    """Mean regret by quarter of the day."""
    score = ChoiceScore()
    score_choices(small_decisions(preset, seed, orders, arm), preset, score)
    quarter = np.minimum(np.array(score.all_when) * QUARTERS // (orders + 1), QUARTERS - 1)
    regrets = np.array(score.all_regret_bps)
    return [float(regrets[quarter == at].mean()) for at in range(QUARTERS)]


def choices_around_switch(venues: int, seed: int, orders: int) -> dict[str, Any]:
    """Clear decisions of small parents, (order number, right); habits rotate at half of the day."""
    switch_s = 2 + orders * SMALL_GAP_MS // 2000
    preset = drawn_preset(Shape(venues=venues, regime_s=switch_s), seed)
    score = ChoiceScore()
    score_choices(small_decisions(preset, seed, orders, LIT), preset, score)
    return {"when": score.when, "right": score.right, "switch": orders // 2}


def gains(days: list[dict[str, list[float]]]) -> dict[str, Any]:
    """Frozen minus live by quarter, and how much more the last saves than the first."""
    rows: dict[str, Any] = {}
    for name in ("bps", "regret_bps"):
        found = np.array([day[name] for day in days])
        parts = [mean_interval(found[:, at]) for at in range(QUARTERS)]
        quarters = [{"quarter": at + 1, "bps": m, "ci95": ci} for at, (m, ci) in enumerate(parts)]
        more, more_ci = mean_interval(found[:, -1] - found[:, 0])
        day, day_ci = mean_interval(found.mean(axis=1))
        rows[name] = {
            "day_bps": day,
            "day_ci95": day_ci,
            "quarters": quarters,
            "last_minus_first": more,
            "ci95": more_ci,
        }
    return rows


def recovery(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """Share of right choices by bins of orders, and after how many orders it was back."""
    when = np.concatenate([np.array(block["when"], dtype=int) for block in blocks])
    right = np.concatenate([np.array(block["right"], dtype=float) for block in blocks])
    switch = int(blocks[0]["switch"])
    before = right[(when > switch // 2) & (when <= switch)]
    level = float(before.mean()) if len(before) else float("nan")
    shares, back = [], None
    for start in range(switch, int(when.max(initial=switch)), BIN_ORDERS):
        part = right[(when > start) & (when <= start + BIN_ORDERS)]
        share = float(part.mean()) if len(part) else float("nan")
        shares.append(share)
        if back is None and share >= RECOVERED * level:
            back = start + BIN_ORDERS - switch
    return {
        "before": level,
        "after_by_bin": shares,
        "bin_orders": BIN_ORDERS,
        "orders": back,
        "n": len(right),
    }
