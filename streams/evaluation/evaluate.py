"""Runs an evaluation in parallel processes over market seeds and gathers its result."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson

from streams.clock import SystemClock
from streams.evaluation import controls, learner, tables
from streams.evaluation.block import OURS
from streams.evaluation.jobs import Job, Kept, jobs, main_blocks, of_family, run
from streams.evaluation.plan import Plan
from streams.evaluation.statistics import mean_interval
from streams.evaluation.worlds import TUNING_FAMILY, Shape, drawn_preset
from streams.replay.replay import Progress, no_progress

TRIED = "configurations_tried.jsonl"
Results = list[tuple[Job, Any]]


def evaluate(
    plan: Plan, out: Path | None = None, progress: Progress = no_progress
) -> dict[str, Any]:
    """The object of `sor evaluate --json`; keeps blocks, tables and what was tried under `out`.

    Pieces that `out` has from an earlier run of the same code are not run again.
    """
    asked = list(jobs(plan))
    with Kept(out) as kept:
        results = [
            (job, value)
            for job, value in zip(asked, _all(asked, plan, kept, progress), strict=True)
        ]
    result = _gather(plan, results)
    result["configurations_tried"] = _note_tried(plan, out)
    if out is not None:
        (out / "blocks.json").write_bytes(orjson.dumps(_of_kind(results, "block")))
        (out / "result.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    return result


def _all(asked: list[Job], plan: Plan, kept: Kept, progress: Progress) -> list[Any]:
    """Every piece's result, in the order of `asked`."""
    keys = [kept.key(job) for job in asked]
    left = [job for job, key in zip(asked, keys, strict=True) if key not in kept.done]
    count = len(asked) - len(left)
    progress("evaluating", count, len(asked))
    if not left:
        return [kept.done[key] for key in keys]
    with ProcessPoolExecutor(plan.workers or os.cpu_count(), get_context("spawn")) as pool:
        futures = {pool.submit(run, job): job for job in left}
        try:
            for future in as_completed(futures):
                kept.add(futures[future], future.result())
                count += 1
                progress("evaluating", count, len(asked))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [kept.done[key] for key in keys]


def _of_kind(results: Results, kind: str) -> list[Any]:
    return [value for job, value in results if job.kind == kind]


def _gather(plan: Plan, results: Results) -> dict[str, Any]:
    """Tables of what was run; a part that was not asked for is empty."""
    blocks = _of_kind(results, "block")
    main = main_blocks(blocks, plan)
    found = {
        venues: of_family(blocks, venues, TUNING_FAMILY)
        for venues in sorted({*plan.venues, plan.headline})
    }
    by_venues = {venues: part for venues, part in found.items() if part}
    families = (TUNING_FAMILY, *plan.families)
    return {
        "A": [{"venues": venues, **tables.solver(part)} for venues, part in by_venues.items()],
        "B": [{"venues": venues, **tables.arrival(part)} for venues, part in by_venues.items()],
        "C": [{"venues": venues, **tables.choice(part)} for venues, part in by_venues.items()],
        "improvement": tables.improvement(main) if main else [],
        "oracle": tables.oracle_arm(main) if main else None,
        "ladder": tables.ladder(main) if main else [],
        "dark": tables.dark(main) if main else None,
        "controls": _controls(plan, results),
        "families": [
            _family(part, family)
            for family in families
            if (part := of_family(blocks, plan.headline, family))
        ],
        "learning": _learning(results),
        "seeds": {
            name: value
            for name, value in msgspec.to_builtins(plan).items()
            if name not in ("families", "venues", "workers")
        },
        "ours": msgspec.to_builtins(OURS),
    }


def _family(part: list[dict[str, Any]], family: str) -> dict[str, Any]:
    return {
        "family": family,
        "C": tables.choice(part),
        "A": tables.solver(part),
        "improvement": tables.improvement(part),
    }


def _controls(plan: Plan, results: Results) -> list[dict[str, Any]]:
    """A pass has its whole interval within what counts as nothing; too few blocks never pass."""
    rows = []
    bound = controls.tolerance_bps(drawn_preset(Shape(venues=plan.headline), plan.first_seed))
    for at, control in enumerate(controls.CONTROLS):
        found = [v for job, v in results if job.kind == "control" and job.what[0] == at]
        if not found:
            continue
        effect, interval = mean_interval(np.array(found, dtype=float))
        passes = interval is not None and interval[1] <= bound
        if interval is not None and not control.one_sided:
            passes = passes and interval[0] >= -bound
        row = {"name": control.name, "effect_bps": effect, "ci95": interval, "passes": passes}
        rows.append({**row, "bound_bps": bound, "n": len(found)})
    return rows


def _learning(results: Results) -> dict[str, Any] | None:
    days = _of_kind(results, "day")
    if not days:
        return None
    switch = learner.recovery(_of_kind(results, "switch"))
    return {"frozen_minus_live": learner.gains(days), "after_switch": switch, "n": len(days)}


def _note_tried(plan: Plan, out: Path | None) -> int:
    """Appends what was tried to the record beside the results; how many different there are."""
    if out is None:
        return 1
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
