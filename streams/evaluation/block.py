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
from streams.evaluation.truth import TrueMarket
from streams.evaluation.worlds import Shape, drawn_preset
from streams.simulator.synthetic.market import market_arguments
from streams.simulator.synthetic.terms import Preset

OURS = EngineArm()
LADDER = (
    EngineArm(name="fee-blind", fee_aware=False, miss_penalty_bps=0.0, frozen=True),
    EngineArm(name="+ fees", miss_penalty_bps=0.0, frozen=True),
    EngineArm(name="+ cost of missing", frozen=True),
    EngineArm(name="+ live quality"),
)


class BlockTask(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is asked for; `wants_all` False runs ours alone, for A and C."""

    shape: Shape
    seed: int
    orders: int
    wants_all: bool = True


def run_block(task: BlockTask) -> dict[str, Any]:
    """Mean shortfall in bps by arm (plain, by notional, by size) and the protocols' raw scores."""
    preset = drawn_preset(task.shape, task.seed)
    setting = Setting(preset=preset, seed=task.seed, orders=task.orders)
    market = TrueMarket(*market_arguments(preset, task.seed))
    watch = DecisionWatch(market)
    solver, choice = SolverScore(), ChoiceScore()
    ours = run_engine_in(market, setting, OURS, watch)
    score_solver(watch.seen, preset_terms(preset), OURS.miss_penalty_bps / 1e4, solver)
    score_choices(_small_decisions(task, preset), preset, choice)
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


def _small_decisions(task: BlockTask, preset: Preset) -> list[Seen]:
    """Decisions of a day of parents that one venue can take, in a market of the same habits."""
    setting = Setting(
        preset=preset, seed=task.seed, orders=3 * task.orders, gap_ms=60, is_small=True
    )
    market = TrueMarket(*market_arguments(preset, task.seed))
    watch = DecisionWatch(market)
    run_engine_in(market, setting, OURS, watch)
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
