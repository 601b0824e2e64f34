"""Whether quality is learned: live against frozen over the day, and after a regime switch."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.evaluation.arms import EngineArm, Setting, run_engine, run_engine_in
from streams.evaluation.choice import ChoiceScore, score_choices
from streams.evaluation.decisions import DecisionWatch
from streams.evaluation.score import shortfall_bps
from streams.evaluation.truth import TrueMarket
from streams.evaluation.worlds import Shape, drawn_preset
from streams.simulator.synthetic.market import market_arguments

QUARTERS = 4
SMALL_GAP_MS = 60
BIN_ORDERS = 30
RECOVERED = 0.95
"""Recovered: the share of right choices is back at so much of what it was before the switch."""


def day_gain(venues: int, seed: int, orders: int) -> list[float]:
    """Frozen minus live in bps by quarter of the day."""
    setting = Setting(preset=drawn_preset(Shape(venues=venues), seed), seed=seed, orders=orders)
    live = shortfall_bps(run_engine(setting, EngineArm()), setting.preset)
    frozen = shortfall_bps(run_engine(setting, EngineArm(frozen=True)), setting.preset)
    return [float(np.nanmean(part)) for part in np.array_split(frozen - live, QUARTERS)]


def choices_around_switch(venues: int, seed: int, orders: int) -> dict[str, Any]:
    """Clear decisions of small parents, (order number, right); habits rotate at half of the day."""
    switch_s = 2 + orders * SMALL_GAP_MS // 2000
    preset = drawn_preset(Shape(venues=venues, regime_s=switch_s), seed)
    setting = Setting(preset=preset, seed=seed, orders=orders, gap_ms=SMALL_GAP_MS, is_small=True)
    market = TrueMarket(*market_arguments(preset, seed))
    watch = DecisionWatch(market)
    run_engine_in(market, setting, EngineArm(), watch)
    score = ChoiceScore()
    score_choices(watch.seen, preset, score)
    return {"when": score.when, "right": score.right, "switch": orders // 2}


def recovery(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """Share of right choices by bins of orders, and after how many orders it was back."""
    when = np.concatenate([np.array(block["when"], dtype=int) for block in blocks])
    right = np.concatenate([np.array(block["right"], dtype=float) for block in blocks])
    switch = int(blocks[0]["switch"])
    before = right[(when > switch - 2 * BIN_ORDERS) & (when <= switch)]
    level = float(before.mean()) if len(before) else float("nan")
    shares, back = [], None
    for start in range(switch, int(when.max(initial=switch)), BIN_ORDERS):
        part = right[(when > start) & (when <= start + BIN_ORDERS)]
        share = float(part.mean()) if len(part) else float("nan")
        shares.append(share)
        if back is None and share >= RECOVERED * level:
            back = start + BIN_ORDERS - switch
    return {"before": level, "after_by_bin": shares, "bin_orders": BIN_ORDERS, "orders": back}
