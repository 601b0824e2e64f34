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

OURS = EngineArm(dark_percent=100)
LIT = msgspec.structs.replace(OURS, dark_percent=0)
PLAIN = (0.0, 0.0)
LADDER = (
    EngineArm(name="fee-blind", fee_aware=False, miss_ticks=PLAIN, frozen=True),
    EngineArm(name="+ fees", miss_ticks=PLAIN, frozen=True),
    EngineArm(name="+ cost of missing", frozen=True),
    msgspec.structs.replace(LIT, name="+ live quality"),
    msgspec.structs.replace(OURS, name="+ dark pools"),
)
LEAKY = 0.3
"""A pool that tells of so many of its orders is one to leave alone."""
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
    solver, choice, dark = SolverScore(), ChoiceScore(), ChoiceScore()
    ours = run_engine_in(market, setting, OURS, watch)
    score_solver(watch.seen, preset_terms(preset), setting.penalty_of(OURS), solver)
    small = small_decisions(preset, task.seed, task.small_orders, LIT)
    score_choices(small, preset, choice, LIT.miss_ticks[0])
    if task.wants_all:
        tenths = small_decisions(preset, task.seed, task.small_orders, OURS, is_tenth=True)
        score_choices(tenths, preset, dark, OURS.dark_miss_ticks)
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
        "C_dark": vars(dark),
        "pools": pool_visits(watch.children, setting),
        "unfilled_share": float(ours["clean_units"].sum() / ours["units"].sum()),
        "decisions": watch.count,
    }


def pool_visits(children: list[tuple[int, int]], setting: Setting) -> dict[str, list[float]]:
    """Children sent to a pool in each half of the day: to one that leaks, to one that does not."""
    start_ns = setting.preset.market.start_ns
    middle_ns = (start_ns + setting.end_ns) // 2
    found = {}
    for name, is_leaky in (("leaking", True), ("discreet", False)):
        pools = {
            at
            for at, venue in enumerate(setting.preset.venues)
            if venue.kind == "dark" and (venue.leak > LEAKY) == is_leaky
        }
        halves = [0.0, 0.0]
        for sent_ns, venue in children:
            if venue in pools:
                halves[sent_ns >= middle_ns] += 1.0 / len(pools)
        found[name] = halves
    return found


def small_decisions(
    preset: Preset, seed: int, orders: int, arm: EngineArm, *, is_tenth: bool = False
) -> list[Seen]:
    """First decisions of a day of parents that one venue can take, in a market of these habits;
    of a tenth of a touch each, which no pool takes for a ping, if `is_tenth`.
    """
    setting = Setting(
        preset=preset,
        seed=seed,
        orders=orders,
        gap_ms=60,
        is_small=not is_tenth,
        is_tenth=is_tenth,
    )
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
