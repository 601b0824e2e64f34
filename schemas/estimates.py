"""Joins the flat fields of quality records into estimates; what was never seen becomes None."""

from __future__ import annotations

from typing import Any

from schemas.decisions import FEED_CLASSES
from schemas.events import ClassFeed, Estimate, Survival

ERROR, SAMPLES = "_se", "_n"
MIN_FOR_ERROR = 2.0
HORIZONS = (1, 2, 3, 4)
MARKOUTS = ("adverse", "realised", "impact", "mid_adverse")
SURVIVAL_SIZES = 8
QUEUES = (0, 1, 2, 3)
LATENCIES = ("feed", "ack", "fill")
QUANTILES = ("p50", "p90", "p99")


def estimate(value: float, se: float, n: float) -> Estimate:
    """An estimate; a mean of nothing and an error of one observation are None, never 0."""
    return Estimate(value if n > 0.0 else None, se if n >= MIN_FOR_ERROR else None, n)


def join_estimates(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields with each X, X_se, X_n as one Estimate under X; others as they are."""
    names = [name.removesuffix(ERROR) for name in fields if name.endswith(ERROR)]
    joined = {
        name: estimate(fields[name], fields[name + ERROR], fields[name + SAMPLES]) for name in names
    }
    parts = {name + part for name in names for part in ("", ERROR, SAMPLES)}
    return {name: value for name, value in fields.items() if name not in parts} | joined


def execution_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of an EXECUTION_QUALITY record as those of its event."""
    joined = join_estimates(fields)
    for kind in MARKOUTS:
        joined[f"{kind}_bps"] = tuple(joined.pop(f"{kind}_{h}_bps") for h in HORIZONS)
    joined["passive_fill"] = tuple(joined.pop(f"passive_fill_{queue}") for queue in QUEUES)
    joined["available"] = tuple(_survival(joined, index) for index in range(SURVIVAL_SIZES))
    return joined


def venue_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a VENUE_QUALITY record as those of its event."""
    joined = join_estimates(fields)
    for latency in LATENCIES:
        if not joined[f"{latency}_n"]:
            joined |= {f"{latency}_{quantile}_ns": None for quantile in QUANTILES}
    joined["feed_by_class"] = tuple(_class_feed(joined, name) for name in FEED_CLASSES)
    return joined


def _class_feed(fields: dict[str, Any], name: str) -> ClassFeed:
    p50, p90, p99 = (fields.pop(f"feed_{name}_{quantile}_ns") for quantile in QUANTILES)
    n = fields.pop(f"feed_{name}_n")
    return ClassFeed(name, p50, p90, p99, n) if n else ClassFeed(name, None, None, None, 0)


def _survival(fields: dict[str, Any], index: int) -> Survival:
    probability, n = fields.pop(f"available_{index}"), fields.pop(f"available_{index}_n")
    return Survival(1 << index, probability if n > 0.0 else None, n)
