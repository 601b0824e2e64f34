"""One block: a market seed, every arm through it, and what protocols A, B and C say of ours."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from streams.evaluation.arms import (
    ORACLE_PENALTIES_E9,
    SPLITS,
    TOUCH_DEPTHS,
    EngineArm,
    Setting,
    run_baseline,
    run_engine,
    run_engine_in,
)
from streams.evaluation.choice import ChoiceScore, score_choices
from streams.evaluation.decisions import DecisionWatch, Seen
from streams.evaluation.score import instant_bps, shortfall_bps, size_bucket
from streams.evaluation.solver import SolverScore, preset_terms, score_solver
from streams.evaluation.worlds import Shape, drawn_preset
from streams.simulator.synthetic.terms import Preset

OURS = EngineArm()
PLAIN = (0.0, 0.0)
LADDER = (
    EngineArm(name="fee-blind", fee_aware=False, miss_ticks=PLAIN, frozen=True),
    EngineArm(name="+ fees", miss_ticks=PLAIN, frozen=True),
    EngineArm(name="+ cost of missing", frozen=True),
    EngineArm(name="+ live quality"),
)
SOLVED = 30
"""Decisions of a block that protocol A solves again."""


class BlockTask(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is asked for; `wants_all` False runs ours alone, for A and C."""

    shape: Shape
    seed: int
    orders: int
    small_orders: int
    wants_all: bool = True


def run_block(task: BlockTask) -> dict[str, Any]:
    """Mean shortfall in bps by arm (plain, by notional, by size) and the protocols' raw scores."""
    preset = drawn_preset(task.shape, task.seed)
    setting = Setting(preset=preset, seed=task.seed, orders=task.orders)
    market = setting.market()
    watch = DecisionWatch(market, most=SOLVED, every=max(1, 2 * task.orders // SOLVED))
    solver, choice = SolverScore(), ChoiceScore()
    ours = run_engine_in(market, setting, OURS, watch)
    score_solver(watch.seen, preset_terms(preset), setting.penalty_of(OURS), solver)
    small = small_decisions(preset, task.seed, task.small_orders, OURS)
    score_choices(small, preset, choice, OURS.miss_ticks[0])
    costs = {"ours": _summary(ours, setting)}
    if task.wants_all:
        costs |= _others(setting)
    return {
        "venues": task.shape.venues,
        "family": task.shape.family,
        "seed": task.seed,
        "costs": costs,
        "regret_bps": float(np.nanmean(shortfall_bps(ours, preset) - instant_bps(ours, preset))),
        "A": vars(solver),
        "C": vars(choice),
        "unfilled_share": float(ours["clean_units"].sum() / ours["units"].sum()),
        "decisions": watch.count,
    }


def small_decisions(preset: Preset, seed: int, orders: int, arm: EngineArm) -> list[Seen]:
    """First decisions of a day of parents that one venue can take, in a market of these habits."""
    setting = Setting(preset=preset, seed=seed, orders=orders, gap_ms=60, is_small=True)
    market = setting.market()
    watch = DecisionWatch(market, is_first_only=True)
    run_engine_in(market, setting, arm, watch)
    return watch.seen


def _others(setting: Setting) -> dict[str, Any]:
    found = {
        name: _summary(run_baseline(setting, split), setting) for name, split in SPLITS.items()
    }
    for penalty in ORACLE_PENALTIES_E9:
        found[f"oracle {penalty}"] = _summary(run_baseline(setting, 6, penalty), setting)
    for arm in LADDER[:-1]:
        found[f"ladder {arm.name}"] = _summary(run_engine(setting, arm), setting)
    return found


def _summary(results: Any, setting: Setting) -> dict[str, Any]:
    cost = shortfall_bps(results, setting.preset)
    worth = results["units"] * results["mid_x2"] / 2.0
    known = ~np.isnan(cost)
    touch = [TOUCH_DEPTHS * terms.depth_units for terms in setting.preset.instruments]
    bucket = size_bucket(results, touch)
    by_size = [cost[known & (bucket == at)] for at in range(5)]
    return {
        "bps": float(cost[known].mean()),
        "weighted_bps": float(np.average(cost[known], weights=worth[known])),
        "by_size_bps": [float(part.mean()) if len(part) else None for part in by_size],
        "n": int(known.sum()),
    }
