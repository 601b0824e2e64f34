"""Runs an evaluation in parallel processes over market seeds and gathers its result."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import orjson

from streams.clock import SystemClock
from streams.evaluation import controls, learner, tables
from streams.evaluation.block import OURS, BlockTask, run_block
from streams.evaluation.statistics import mean_interval
from streams.evaluation.worlds import HELD_OUT, TUNING_FAMILY, Shape, drawn_preset
from streams.replay.replay import Progress, no_progress
from streams.simulator.synthetic.terms import Family

VENUES = (5, 10, 20, 32, 50)
MIN_ORDERS = 6
TRIED = "configurations_tried.jsonl"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much is run. `*_blocks` are market seeds, `*_orders` parents of each.

    `blocks` by family of the headline, `side_blocks` of A, B and C by number of venues.
    """

    venues: tuple[int, ...] = VENUES
    headline: int = 24
    orders: int = 60
    small_orders: int = 90
    blocks: int = 30
    side_blocks: int = 12
    control_blocks: int = 30
    control_orders: int = 32
    learn_blocks: int = 30
    learn_orders: int = 40
    switch_orders: int = 300
    first_seed: int = 1
    families: tuple[Family, ...] = HELD_OUT
    workers: int = 0


QUICK = Plan()
FULL = Plan(
    orders=200,
    small_orders=400,
    blocks=100,
    side_blocks=60,
    control_blocks=200,
    control_orders=150,
    learn_blocks=100,
    learn_orders=160,
    switch_orders=600,
)


def confirmation_seed(commit: str) -> int:
    """First of the seeds that a commit names; nobody can choose it."""
    return int.from_bytes(hashlib.sha256(commit.encode()).digest()[:5], "big")


def evaluate(
    plan: Plan, out: Path | None = None, progress: Progress = no_progress
) -> dict[str, Any]:
    """The object of `sor evaluate --json`; keeps blocks, tables and what was tried under `out`."""
    with ProcessPoolExecutor(plan.workers or os.cpu_count(), get_context("spawn")) as pool:
        jobs = list(_jobs(plan))
        done = {}
        futures = {pool.submit(_run, job): place for place, job in enumerate(jobs)}
        for count, future in enumerate(as_completed(futures), start=1):
            done[futures[future]] = future.result()
            progress("evaluating", count, len(jobs))
    results = [(job, done[place]) for place, job in enumerate(jobs)]
    result = _gather(plan, results)
    result["configurations_tried"] = _note_tried(plan, out)
    if out is not None:
        blocks = [value for (kind, _), value in results if kind == "block"]
        (out / "blocks.json").write_bytes(orjson.dumps(blocks, option=orjson.OPT_SERIALIZE_NUMPY))
        (out / "result.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    return result


Job = tuple[str, Any]


def _jobs(plan: Plan) -> Iterable[Job]:
    """Work in pieces of a block each."""
    seeds = range(plan.first_seed, plan.first_seed + plan.blocks)
    side = range(plan.first_seed, plan.first_seed + plan.side_blocks)

    def block(shape: Shape, seed: int, *, wants_all: bool) -> Job:
        task = BlockTask(
            shape=shape,
            seed=seed,
            orders=plan.orders,
            small_orders=plan.small_orders,
            wants_all=wants_all,
        )
        return "block", task

    for seed in seeds:
        yield block(Shape(venues=plan.headline), seed, wants_all=True)
    for family in plan.families:
        for seed in seeds:
            yield block(Shape(venues=plan.headline, family=family), seed, wants_all=True)
    for venues in plan.venues:
        if venues != plan.headline:
            yield from (block(Shape(venues=venues), seed, wants_all=False) for seed in side)
    for at, control in enumerate(controls.CONTROLS):
        orders = max(MIN_ORDERS, plan.control_orders // (4 if control.is_exact else 1))
        for seed in range(plan.first_seed, plan.first_seed + plan.control_blocks):
            yield "control", (at, plan.headline, seed, orders)
    for seed in range(plan.first_seed, plan.first_seed + plan.learn_blocks):
        yield "day", (plan.headline, seed, plan.learn_orders)
        yield "switch", (plan.headline, seed, plan.switch_orders)


def _run(job: Job) -> Any:
    """One piece, in a worker."""
    kind, what = job
    if kind == "block":
        return run_block(what)
    if kind == "control":
        at, venues, seed, orders = what
        return controls.CONTROLS[at].difference(venues, seed, orders)
    run: Callable[..., Any] = learner.day_gain if kind == "day" else learner.choices_around_switch
    return run(*what)


def _gather(plan: Plan, results: list[tuple[Job, Any]]) -> dict[str, Any]:
    blocks = [value for (kind, _), value in results if kind == "block"]
    main = _of(blocks, plan.headline, TUNING_FAMILY)
    by_venues = {
        venues: _of(blocks, venues, TUNING_FAMILY)
        for venues in sorted({*plan.venues, plan.headline})
    }
    return {
        "A": [{"venues": venues, **tables.solver(part)} for venues, part in by_venues.items()],
        "B": [{"venues": venues, **tables.arrival(part)} for venues, part in by_venues.items()],
        "C": [{"venues": venues, **tables.choice(part)} for venues, part in by_venues.items()],
        "improvement": tables.improvement(main),
        "oracle": tables.oracle_arm(main),
        "ladder": tables.ladder(main),
        "controls": _controls(plan, results),
        "families": [
            _family(blocks, plan.headline, family) for family in (TUNING_FAMILY, *plan.families)
        ],
        "learning": _learning(results),
        "seeds": {
            name: value
            for name, value in msgspec.to_builtins(plan).items()
            if name not in ("families", "venues", "workers")
        },
        "ours": msgspec.to_builtins(OURS),
    }


def _of(blocks: list[dict[str, Any]], venues: int, family: str) -> list[dict[str, Any]]:
    return [b for b in blocks if b["venues"] == venues and b["family"] == family]


def _family(blocks: list[dict[str, Any]], venues: int, family: str) -> dict[str, Any]:
    part = _of(blocks, venues, family)
    return {
        "family": family,
        "C": tables.choice(part),
        "A": tables.solver(part),
        "improvement": tables.improvement(part),
    }


def _controls(plan: Plan, results: list[tuple[Job, Any]]) -> list[dict[str, Any]]:
    """A pass has its whole interval within what counts as nothing; too few blocks never pass."""
    import numpy as np

    rows = []
    bound = controls.tolerance_bps(drawn_preset(Shape(venues=plan.headline), plan.first_seed))
    for at, control in enumerate(controls.CONTROLS):
        found = [v for (kind, what), v in results if kind == "control" and what[0] == at]
        effect, interval = mean_interval(np.array(found))
        passes = interval is not None and interval[1] <= bound
        if interval is not None and not control.one_sided:
            passes = passes and interval[0] >= -bound
        row = {"name": control.name, "effect_bps": effect, "ci95": interval, "passes": passes}
        rows.append({**row, "bound_bps": bound, "n": len(found)})
    return rows


def _learning(results: list[tuple[Job, Any]]) -> dict[str, Any]:
    days = [value for (kind, _), value in results if kind == "day"]
    switch = learner.recovery([value for (kind, _), value in results if kind == "switch"])
    return {"frozen_minus_live": learner.gains(days), "after_switch": switch, "n": len(days)}


def _note_tried(plan: Plan, out: Path | None) -> int:
    """Appends what was tried to the record beside the results; how many different there are."""
    if out is None:
        return 1
    out.mkdir(parents=True, exist_ok=True)
    line = {
        "at_ns": SystemClock().now_ns(),
        "ours": msgspec.to_builtins(OURS),
        "plan": msgspec.to_builtins(plan),
    }
    record = out / TRIED
    with record.open("ab") as file:
        file.write(orjson.dumps(line) + b"\n")
    lines = [orjson.loads(text) for text in record.read_bytes().splitlines()]
    return len({orjson.dumps(tried["ours"], option=orjson.OPT_SORT_KEYS) for tried in lines})
