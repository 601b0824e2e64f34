"""The comparison of `sor whatif`: the model's error first, then what the other policy changes.

A block is a UTC day of all instruments together; with fewer than 30 there is no interval. A
difference no larger than the model's error is not distinguishable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from projections.views.names import Names
from streams.evaluation.statistics import MIN_BLOCKS, mean_interval
from streams.log.run import RunDirectory
from streams.replay.replay import Progress, no_progress
from streams.replay.summary import fold_names
from streams.replay.verify import require_generation
from streams.whatif.arms import LoggedMarket, logged_tally, run_arm
from streams.whatif.clean_up import CleanUp
from streams.whatif.policy_file import OtherPolicy
from streams.whatif.tally import Key, Parent, Tally

DAY_NS = 86_400 * 10**9
BUCKETS = ("a quarter or less", "a quarter to 1", "1 to 3", "3 to 10", "beyond 10")
OF_THE_MEDIAN = " times the median"
EDGES = (0.25, 1.0, 3.0, 10.0)


@dataclass(frozen=True)
class Outcome:
    """One parent in all three tellings, shortfall in bps."""

    key: Key
    parent: Parent
    logged: float
    original: float
    other: float
    venues: tuple[dict[int, int], dict[int, int]]

    @property
    def error(self) -> float:
        """Original as simulated minus original as logged."""
        return self.original - self.logged

    @property
    def change(self) -> float:
        """Other policy minus original, both simulated."""
        return self.other - self.original


def whatif(path: Path, policy: Path, progress: Progress = no_progress) -> dict[str, Any]:
    """The object of `sor whatif --json`."""
    outcomes: list[Outcome] = []
    names = Names()
    with RunDirectory.open(path) as run:
        require_generation(run.manifest)
        for shard in run.shards():
            log = run.shard(shard)
            fold_names(names, log)
            market = LoggedMarket(log)
            other = OtherPolicy(policy, market.reference)
            clean = CleanUp(market.reference, market.touches())
            tallies = (
                logged_tally(log),
                run_arm(market, None, run.manifest, progress),
                run_arm(market, other, run.manifest, progress),
            )
            outcomes += _outcomes(tallies, clean)
    return _result(path, outcomes, names)


def _outcomes(tallies: tuple[Tally, Tally, Tally], clean: CleanUp) -> list[Outcome]:
    found = []
    for key, logged in tallies[0].parents.items():
        original, other = tallies[1].parents.get(key), tallies[2].parents.get(key)
        if original is None or other is None:
            continue
        costs = [clean.shortfall_bps(parent) for parent in (logged, original, other)]
        if None in costs:
            continue
        first, second, third = (float(cost or 0.0) for cost in costs)
        venues = original.by_venue, other.by_venue
        found.append(Outcome(key, logged, first, second, third, venues))
    return found


def _result(path: Path, outcomes: list[Outcome], names: Names) -> dict[str, Any]:
    error = _estimate(outcomes, lambda one: one.error)
    change = _estimate(outcomes, lambda one: one.change)
    return {
        "run": str(path),
        "what": "the decisions are exact, the outcomes are modelled",
        "orders": len(outcomes),
        "blocks": error["blocks"],
        "model_error": error,
        "difference": change | {"verdict": verdict(error, change)},
        "by": {
            "instrument": _split(
                outcomes, lambda one: names.instrument(one.parent.instrument).key, error
            ),
            "side": _split(outcomes, lambda one: "buy" if one.parent.sign > 0 else "sell", error),
            "size": _split(outcomes, _bucket(outcomes), error),
            "venue": _venues(outcomes, names),
        },
        "per_order": [
            {
                "cl_ord_id": one.key[1],
                "account": one.key[0],
                "logged_bps": one.logged,
                "original_bps": one.original,
                "other_bps": one.other,
                "difference_bps": one.change,
            }
            for one in outcomes
        ],
    }


def verdict(error: dict[str, Any], change: dict[str, Any]) -> str:
    """Smaller than the model's error, or than its own interval: nothing can be said."""
    if change["bps"] is None or abs(change["bps"]) <= abs(error["bps"]):
        return "not distinguishable"
    interval = change["ci95"]
    if interval is None:
        return "no interval: too few blocks"
    if interval[0] <= 0.0 <= interval[1]:
        return "not distinguishable"
    return "cheaper" if change["bps"] < 0 else "dearer"


def _estimate(outcomes: list[Outcome], value: Callable[[Outcome], float]) -> dict[str, Any]:
    """Mean over orders; its interval is that of the blocks' means."""
    if not outcomes:
        return {"bps": None, "ci95": None, "why": "no orders", "blocks": 0, "n": 0}
    days: dict[int, list[float]] = {}
    for one in outcomes:
        days.setdefault(one.parent.arrival_ns // DAY_NS, []).append(value(one))
    means = np.array([np.mean(day) for _, day in sorted(days.items())])
    _, interval = mean_interval(means)
    return {
        "bps": float(np.mean([value(one) for one in outcomes])),
        "ci95": interval,
        "why": None if len(means) >= MIN_BLOCKS else "too few blocks",
        "blocks": len(means),
        "n": len(outcomes),
    }


def _split(
    outcomes: list[Outcome], part: Callable[[Outcome], str], error: dict[str, Any]
) -> list[dict[str, Any]]:
    groups: dict[str, list[Outcome]] = {}
    for one in outcomes:
        groups.setdefault(part(one), []).append(one)
    rows = []
    for name, group in sorted(groups.items(), key=_place):
        change = _estimate(group, lambda one: one.change)
        mine = _estimate(group, lambda one: one.error)
        rows.append(
            {
                "name": name,
                **change,
                "model_error_bps": mine["bps"],
                "verdict": verdict(mine, change),
            }
        )
    return rows if error["n"] else []


def _place(item: tuple[str, Any]) -> tuple[int, str]:
    """Sizes from small to large, everything else by name."""
    name = item[0]
    sizes = [at for at, words in enumerate(BUCKETS) if name == words + OF_THE_MEDIAN]
    return (sizes[0] if sizes else -1), name


def _bucket(outcomes: list[Outcome]) -> Callable[[Outcome], str]:
    """Sizes as multiples of the instrument's median parent."""
    sizes: dict[int, list[int]] = {}
    for one in outcomes:
        sizes.setdefault(one.parent.instrument, []).append(one.parent.units)
    usual = {instrument: float(np.median(units)) for instrument, units in sizes.items()}

    def name(one: Outcome) -> str:
        multiple = one.parent.units / usual[one.parent.instrument]
        return BUCKETS[int(np.searchsorted(EDGES, multiple, "left"))] + OF_THE_MEDIAN

    return name


def _venues(outcomes: list[Outcome], names: Names) -> list[dict[str, Any]]:
    """Units filled by venue in both arms, with the change of the orders that traded there."""
    venues = sorted({venue for one in outcomes for arm in one.venues for venue in arm})
    rows = []
    for venue in venues:
        there = [one for one in outcomes if any(venue in arm for arm in one.venues)]
        units = [sum(one.venues[arm].get(venue, 0) for one in there) for arm in (0, 1)]
        change = _estimate(there, lambda one: one.change)
        row = {"name": names.venue(venue), "original_units": units[0], "other_units": units[1]}
        rows.append({**row, **change})
    return rows
