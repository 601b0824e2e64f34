"""Performance reports: sums by bucket and group, and the ratios that people ask for.

Ratios are of sums, never means of ratios: bps are 1e4 * money / the notional that it belongs to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from projections.api.lists import dense_id, plain_text, whole
from projections.api.problems import ProblemError
from projections.api.rows import teller
from projections.store.tables import TABLES
from projections.views.columns import PERFORMANCE_ORDERS, PERFORMANCE_VENUES
from projections.views.names import Names
from projections.views.performance import HOUR_NS, bucket_end_ns
from schemas.units import INT64_MAX, INT64_MIN

BUCKETS = {"hour": HOUR_NS, "day": 24 * HOUR_NS, "all": 0}
GROUPS = ("instrument", "policy", "client", "venue")
QUANTILES = {"p50": 50, "p90": 90, "p99": 99}
LATENCIES = ("ack", "fill")
BPS = 10_000.0
MAX_ROWS = 10_000
PARAMETERS = ("by", "bucket", "limit", *GROUPS, "since_ns", "until_ns")
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
"""Ratio -> (numerator, denominator, scale)."""


@dataclass(frozen=True)
class Asked:
    """What a report is of: groups, bucket, and conditions as (column, value)."""

    by: tuple[str, ...]
    bucket: str
    where: tuple[tuple[str, Any], ...]
    limit: int

    @property
    def is_of_venues(self) -> bool:
        """Whether figures of whole orders are left out: an order has no venue."""
        return "venue" in self.by or any(name == "venue" for name, _ in self.where)


def asked(given: Mapping[str, str], names: Names) -> Asked:
    """What request parameters ask for; ProblemError 400 names the bad one."""
    for name in given:
        if name not in PARAMETERS:
            detail = f"parameters are {', '.join(PARAMETERS)}"
            raise ProblemError(400, "unknown_parameter", detail, name[:64])
    by = tuple(given["by"].split(",")) if given.get("by") else ()
    if not set(by) <= set(GROUPS) or len(set(by)) != len(by):
        raise ProblemError(400, "bad_value", f"groups are {', '.join(GROUPS)}, each once", "by")
    bucket = given.get("bucket", "day")
    if bucket not in BUCKETS:
        raise ProblemError(400, "bad_value", f"buckets are {', '.join(BUCKETS)}", "bucket")
    limit = whole("limit", given.get("limit", "1000"), 1, MAX_ROWS)
    return Asked(by, bucket, tuple(sorted(where_of(given, names))), limit)


def where_of(given: Mapping[str, str], names: Names) -> Iterator[tuple[str, Any]]:
    """Conditions: ids for names, times as numbers."""
    for name, text in given.items():
        if name in {"since_ns", "until_ns"}:
            yield name, whole(name, text, INT64_MIN, INT64_MAX)
        elif name in {"instrument", "policy", "venue"}:
            yield name, dense_id(name, text, names)
        elif name == "client":
            yield name, plain_text(name, text)


def report(connection: Connection, names: Names, question: Asked) -> list[Row]:
    """One row a bucket and group, latest bucket first, then by group."""
    by = question.by
    sums: dict[Key, Row] = defaultdict(dict)
    views = (
        [PERFORMANCE_VENUES] if question.is_of_venues else [PERFORMANCE_VENUES, PERFORMANCE_ORDERS]
    )
    for view in views:
        values = view.names[view.keys :]
        for row in summed(connection, view.name, values, question):
            key = tuple(row[: len(by) + 1])
            sums[key] |= dict(zip(values, map(int, row[len(by) + 1 :]), strict=True))
    latencies = latency_rows(connection, question)
    rows = [
        finished(names, by, key, values, latencies.get(key, {})) for key, values in sums.items()
    ]
    rows.sort(key=lambda row: (-row["bucket_ns"], *(str(row[name]) for name in by)))
    return rows[: question.limit]


def summed(
    connection: Connection,
    table_name: str,
    values: tuple[str, ...],
    question: Asked,
    also: tuple[str, ...] = (),
) -> list[Any]:
    """Rows of (bucket, group values, further groups, sums)."""
    table = TABLES[table_name]
    width = BUCKETS[question.bucket]
    hour = table.c.hour_ns
    start = sa.cast(sa.literal(0), sa.BigInteger()) if not width else hour - hour % width
    groups = [start.label("bucket_ns"), *(table.c[name] for name in (*question.by, *also))]
    sums = [sa.func.sum(table.c[name]) for name in values]
    query = sa.select(*groups, *sums)
    for name, value in question.where:
        query = query.where(condition(table, name, value))
    grouped = query.group_by(*(groups[1:] if not width else groups))
    # Sums without a group are one row, of nothing where no row is counted.
    return [row for row in connection.execute(grouped) if row[-1] is not None]


def condition(table: sa.Table, name: str, value: Any) -> Any:
    """One condition on a table of sums; times mean whole hours."""
    if name == "since_ns":
        return table.c.hour_ns >= value
    return table.c.hour_ns < value if name == "until_ns" else table.c[name] == value


def latency_rows(connection: Connection, question: Asked) -> dict[Key, Row]:
    """Latency quantiles by bucket and group; a quantile is the upper end of its log bucket."""
    counts: dict[tuple[Key, int], dict[int, int]] = defaultdict(dict)
    also = ("kind", "bucket")
    for row in summed(connection, "performance_latency", ("count",), question, also):
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
        tell = teller(PERFORMANCE_VENUES, name, names)
        row[name] = value if tell is None else tell(value)
    row |= values
    for ratios in (VENUE_RATIOS, ORDER_RATIOS):
        for name, (over, under, scale) in ratios.items():
            if over in values:
                row[name] = scale * values[over] / values[under] if values[under] else None
    if "opportunity_micros" in values:
        row["shortfall_bps"] = shortfall_bps(values)
    return row | latencies


def shortfall_bps(values: Row) -> float | None:
    """Implementation shortfall: executed and missed, over their value at the arrival mid.

    What was missed is priced by a sweep at the order's end, else by that of its last decision
    (`opportunity_from` of the order says which); what neither could have taken is in no sum, and
    is `unfilled_micros` less `opportunity_notional_micros`.
    """
    value = values["executed_micros"] + values["opportunity_notional_micros"]
    paid = values["shortfall_micros"] + values["opportunity_micros"]
    return BPS * paid / value if value else None


EXAMPLE = {
    "items": [{"bucket_ns": 1_795_651_200_000_000_000, "venue": "XNYS", "fills": 12}],
    "position": {"0": 44_706},
}
