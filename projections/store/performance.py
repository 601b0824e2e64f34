"""Performance reports: sums by bucket and group, and the ratios that people ask for.

Ratios are of sums, never means of ratios: bps are 1e4 * money / the notional that it belongs to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from projections.store.convert import converter
from projections.store.cursors import FieldError
from projections.store.lists import Filters, known, policy_id, time_conditions, venue_id
from projections.store.tables import TABLES
from projections.views.columns import PERFORMANCE_ORDERS, PERFORMANCE_VENUES
from projections.views.names import Names
from projections.views.performance import HOUR_NS, bucket_end_ns

BUCKETS = {"hour": HOUR_NS, "day": 24 * HOUR_NS, "all": 0}
GROUPS = ("instrument", "policy", "client", "venue")
QUANTILES = {"p50": 50, "p90": 90, "p99": 99}
LATENCIES = ("ack", "fill")
BPS = 10_000.0
Row = dict[str, Any]
Key = tuple[Any, ...]

VENUE_RATIOS = {
    "fill_ratio": ("filled_micros", "sent_micros", 1.0),
    "reject_ratio": ("children_rejected", "children", 1.0),
    "effective_spread_bps": ("effective_micros", "effective_notional_micros", BPS),
    "price_improvement_bps": ("improvement_micros", "improvement_notional_micros", BPS),
    "all_in_bps": ("all_in_micros", "all_in_notional_micros", BPS),
}
ORDER_RATIOS = {
    "executed_ratio": ("executed_micros", "ordered_micros", 1.0),
    "executed_shortfall_bps": ("shortfall_micros", "executed_micros", BPS),
    "saved_against_best_price_bps": (
        "best_price_saved_micros",
        "best_price_notional_micros",
        BPS,
    ),
    "saved_against_sweep_bps": ("sweep_saved_micros", "sweep_notional_micros", BPS),
}
"""Ratio -> (numerator, denominator, scale). The shortfall is of what was executed: what was left
unfilled is told apart (`unfilled_micros`), since its price at the horizon is not in the log."""


def report(
    connection: Connection,
    names: Names,
    by: tuple[str, ...],
    bucket: str,
    filters: Filters,
    limit: int,
) -> list[Row]:
    """One row a bucket and group, latest bucket first, then by group.

    With `venue` among groups or filters, figures of whole orders are left out: an order has no
    venue.
    """
    check(by, bucket)
    of_venues = "venue" in by or bool(filters.venue)
    sums: dict[Key, Row] = defaultdict(dict)
    views = [PERFORMANCE_VENUES] if of_venues else [PERFORMANCE_VENUES, PERFORMANCE_ORDERS]
    for view in views:
        values = view.names[view.keys :]
        for row in summed(connection, names, view.name, values, by, bucket, filters):
            key = tuple(row[: len(by) + 1])
            sums[key] |= dict(zip(values, map(int, row[len(by) + 1 :]), strict=True))
    latencies = latency_rows(connection, names, by, bucket, filters)
    rows = [
        finished(names, by, key, values, latencies.get(key, {})) for key, values in sums.items()
    ]
    rows.sort(key=lambda row: (-row["bucket_ns"], *(str(row[name]) for name in by)))
    return rows[:limit]


def check(by: tuple[str, ...], bucket: str) -> None:
    """FieldError for a bucket or group that there is not."""
    if bucket not in BUCKETS:
        raise FieldError("bucket", f"{bucket!r} is none of {', '.join(BUCKETS)}")
    for name in by:
        if name not in GROUPS:
            raise FieldError("by", f"{name!r} is none of {', '.join(GROUPS)}")
    if len(set(by)) != len(by):
        raise FieldError("by", "names a group twice")


def summed(
    connection: Connection,
    names: Names,
    table_name: str,
    values: tuple[str, ...],
    by: tuple[str, ...],
    bucket: str,
    filters: Filters,
    also: tuple[str, ...] = (),
) -> list[Any]:
    """Rows of (bucket, group values, further groups, sums)."""
    table = TABLES[table_name]
    width = BUCKETS[bucket]
    hour = table.c.hour_ns
    start = sa.cast(sa.literal(0), sa.BigInteger()) if not width else hour - hour % width
    groups = [start.label("bucket_ns"), *(table.c[name] for name in (*by, *also))]
    sums = [sa.func.sum(table.c[name]) for name in values]
    query = sa.select(*groups, *sums).where(*conditions(table, filters, names))
    grouped = query.group_by(*(groups[1:] if not width else groups))
    return list(connection.execute(grouped))


def conditions(table: sa.Table, filters: Filters, names: Names) -> list[Any]:
    """Conditions on time, instrument, policy, client and venue; FieldError for others."""
    found: list[Any] = list(time_conditions(table.c.hour_ns, filters))
    find: dict[str, Callable[[str], Any]] = {
        "instrument": names.instrument_id,
        "policy": lambda name: policy_id(name, names),
        "venue": lambda key: venue_id(key, names),
        "client": lambda name: name,
    }
    for field in Filters.__struct_fields__:
        values = getattr(filters, field)
        if field.endswith("_ns") or not values:
            continue
        if field not in find:
            raise FieldError(field, "performance cannot be filtered by it")
        found.append(table.c[field].in_([known(field, v, find[field](v)) for v in values]))
    return found


def latency_rows(
    connection: Connection, names: Names, by: tuple[str, ...], bucket: str, filters: Filters
) -> dict[Key, Row]:
    """Latency quantiles by bucket and group; a quantile is the upper end of its log bucket."""
    counts: dict[tuple[Key, int], dict[int, int]] = defaultdict(dict)
    for row in summed(
        connection,
        names,
        "performance_latency",
        ("count",),
        by,
        bucket,
        filters,
        also=("kind", "bucket"),
    ):
        *key, kind, step, count = row
        counts[tuple(key), kind][step] = int(count)
    found: dict[Key, Row] = defaultdict(dict)
    for (place, kind), steps in counts.items():
        found[place] |= quantiles(LATENCIES[kind], steps)
    return found


def quantiles(name: str, steps: dict[int, int]) -> Row:
    """Quantiles of counts by bucket."""
    total = sum(steps.values())
    found: Row = {f"{name}_n": total}
    for quantile, percent in QUANTILES.items():
        reached = 0
        for step in sorted(steps):
            reached += steps[step]
            if reached * 100 >= total * percent:
                found[f"{name}_{quantile}_ns"] = bucket_end_ns(step)
                break
    return found


def finished(names: Names, by: tuple[str, ...], key: Key, values: Row, latencies: Row) -> Row:
    """A row with its groups named and its ratios made."""
    row: Row = {"bucket_ns": int(key[0])}
    for name, value in zip(by, key[1:], strict=True):
        convert = converter("performance", name, names)
        row[name] = value if convert is None else convert(value)
    row |= values
    for ratios in (VENUE_RATIOS, ORDER_RATIOS):
        for name, (over, under, scale) in ratios.items():
            if over in values:
                row[name] = scale * values[over] / values[under] if values[under] else None
    return row | latencies
