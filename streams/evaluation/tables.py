"""Blocks become the rows of `sor evaluate --json`."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.evaluation.arms import ORACLE_PENALTIES_E9, SPLITS
from streams.evaluation.arrival import ArrivalScore
from streams.evaluation.block import LADDER
from streams.evaluation.parents import TENTHS
from streams.evaluation.score import Floats
from streams.evaluation.statistics import mean_interval, ratio_interval

MIN_BASE_BPS = 0.5
LATE_ORDERS = 60
"""Before so many orders of a block its venues are still strangers: C is told with and without."""
Block = dict[str, Any]
Row = dict[str, Any]


def costs(blocks: list[Block], arm: str, what: str = "bps") -> Floats:
    """One arm's mean cost by block."""
    return np.array([block["costs"][arm][what] for block in blocks])


def oracle_arm(blocks: list[Block]) -> str:
    """The oracle is the best of its penalties on these very blocks: the strictest comparison."""
    arms = [f"oracle {penalty}" for penalty in ORACLE_PENALTIES_E9]
    return min(arms, key=lambda arm: float(costs(blocks, arm).mean()))


def improvement(blocks: list[Block]) -> list[Row]:
    """Ours against each baseline: bps, percent, and the part of the gap to the oracle closed."""
    ours, oracle = costs(blocks, "ours"), costs(blocks, oracle_arm(blocks))
    rows = []
    for name in SPLITS:
        base = costs(blocks, name)
        saved, saved_ci = mean_interval(base - ours)
        weighted, weighted_ci = mean_interval(
            costs(blocks, name, "weighted_bps") - costs(blocks, "ours", "weighted_bps")
        )
        base_bps, base_ci = mean_interval(base)
        gap, gap_ci = ratio_interval(base - ours, base - oracle)
        row: Row = {"baseline": name, "baseline_bps": base_bps, "ours_bps": float(ours.mean())}
        row |= {"bps": saved, "bps_ci95": saved_ci, "percent": None, "percent_ci95": None}
        if base_bps > MIN_BASE_BPS and (base_ci is None or base_ci[0] > MIN_BASE_BPS):
            percent, percent_ci = ratio_interval(100.0 * (base - ours), base)
            row |= {"percent": percent, "percent_ci95": percent_ci}
        row |= {"weighted_bps": weighted, "weighted_bps_ci95": weighted_ci}
        row |= {"gap_closed": gap, "gap_ci95": gap_ci, "room_bps": float((base - oracle).mean())}
        row |= {"by_size": by_size(blocks, name), "n": len(blocks)}
        rows.append(row)
    return rows


def by_size(blocks: list[Block], name: str) -> list[Row]:
    """Bps saved by size of the parent, in tenths of the usual touch."""
    rows = []
    for at, tenths in enumerate(TENTHS):
        pairs = [
            (block["costs"][name]["by_size_bps"][at], block["costs"]["ours"]["by_size_bps"][at])
            for block in blocks
        ]
        saved = np.array([base - ours for base, ours in pairs if None not in (base, ours)])
        if not len(saved):
            continue
        mean, interval = mean_interval(saved)
        rows.append({"touches": tenths / 10, "bps": mean, "bps_ci95": interval, "n": len(saved)})
    return rows


def ladder(blocks: list[Block]) -> list[Row]:
    """What each ingredient saves on top of those before it."""
    arms = [f"ladder {arm.name}" for arm in LADDER[:-1]] + ["ours"]
    rows: list[Row] = []
    before: Floats | None = None
    for arm, name in zip(LADDER, arms, strict=True):
        now = costs(blocks, name)
        row: Row = {"step": arm.name, "cost_bps": float(now.mean()), "n": len(blocks)}
        if before is not None:
            saved, interval = mean_interval(before - now)
            row |= {"saves_bps": saved, "ci95": interval}
        rows.append(row)
        before = now
    return rows


def solver(blocks: list[Block]) -> Row:
    """Protocol A of one number of venues."""
    found = {name: _joined(blocks, "A", name) for name in ("overlap", "within", "random_overlap")}
    total = sum(block["A"]["n"] for block in blocks)
    trivial = sum(block["A"]["trivial"] for block in blocks)
    return {
        "overlap": _mean(found["overlap"]),
        "within_tolerance": _mean(found["within"]),
        "trivial_share": trivial / total if total else None,
        "random_overlap": _mean(found["random_overlap"]),
        "best_price_overlap": _mean(_joined(blocks, "A", "best_price_overlap")),
        "n": len(found["overlap"]),
        "left_out": sum(block["A"]["left_out"] for block in blocks),
    }


def arrival(blocks: list[Block]) -> Row:
    """Protocol B: above an instant all-in sweep of the true books at the parent's arrival."""
    value, interval = mean_interval(np.array([block["regret_bps"] for block in blocks]))
    return {"regret_bps": value, "ci95": interval, "n": len(blocks)}


def recorded_arrival(score: ArrivalScore) -> Row:
    """Protocol B of a run over recorded data; days are too few for an interval."""
    regret = np.array(score.regret_bps)
    return {
        "regret_bps": _mean(score.regret_bps),
        "regret_bps_p90": float(np.quantile(regret, 0.9)) if len(regret) else None,
        "decision_time_bps": _mean(score.decision_time_bps),
        "ci95": None,
        "n": len(regret),
        "left_out": score.left_out,
    }


def dark(blocks: list[Block]) -> Row:
    """Protocol C where pools may have whole children, and who of the pools got children."""
    halves = {
        name: np.mean([block["pools"][name] for block in blocks], axis=0).tolist()
        for name in ("leaking", "discreet")
    }
    return {"C": choice(blocks, "C_dark"), "children_by_half": halves, "n": len(blocks)}


def choice(blocks: list[Block], protocol: str = "C") -> Row:
    """Protocol C of one number of venues.

    `accuracy_known` is what the router's form of cost would reach with the true habits,
    `accuracy_late` what ours reaches after the first orders.
    """
    right = _joined(blocks, protocol, "right")
    judged = sum(block[protocol]["judged"] for block in blocks)
    by_block = [np.mean(block[protocol]["right"]) for block in blocks if block[protocol]["right"]]
    _, interval = mean_interval(np.array(by_block)) if by_block else (0.0, None)
    return {
        "accuracy": _mean(right),
        "accuracy_ci95": interval,
        "accuracy_known": _mean(_joined(blocks, protocol, "known")),
        "accuracy_late": _mean([r for r, when in _paired(blocks, protocol) if when > LATE_ORDERS]),
        "regret_bps": _mean(_joined(blocks, protocol, "all_regret_bps")),
        "share_left_out": 1.0 - len(right) / judged if judged else None,
        "n": len(right),
    }


def _paired(blocks: list[Block], protocol: str) -> list[tuple[float, int]]:
    return [
        (float(right), when)
        for block in blocks
        for right, when in zip(block[protocol]["right"], block[protocol]["when"], strict=True)
    ]


def _joined(blocks: list[Block], protocol: str, name: str) -> list[float]:
    return [float(value) for block in blocks for value in block[protocol][name]]


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
