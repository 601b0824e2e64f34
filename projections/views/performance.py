"""Performance by hour of the event, instrument, policy, client and venue: integer sums only.

Integers add up the same in any order, so sums do not depend on where batches end. Definitions are
those of the rows that are counted (`projections.views.columns`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from projections.views import columns
from projections.views.arrays import Array, Grouping, micros, product
from projections.views.view import MISSING, View
from schemas.codes import ExecType, Liquidity
from schemas.units import NS_PER_S

HOUR_NS = 3_600 * NS_PER_S
OCTAVE_STEPS = 4
"""Latency buckets an octave: a bucket's ends are 19 % apart."""
LONGEST_NS = 2**60 - 1
BASELINES = ("best_price", "sweep")


def hour_of(log_ns: Array) -> Array:
    """Start of the UTC hour."""
    return log_ns // HOUR_NS * HOUR_NS


def latency_bucket(latency_ns: Array) -> Array:
    """Bucket of latencies: four an octave, linear within it; 0 for nothing and less."""
    values = np.clip(latency_ns, 1, LONGEST_NS)
    _, exponent = np.frexp(values.astype(np.float64))
    octave = exponent.astype(np.int64) - 1
    octave -= values < np.left_shift(np.int64(1), octave)  # a double may round up to a power
    within = (values * OCTAVE_STEPS >> octave) - OCTAVE_STEPS
    return np.where(latency_ns <= 0, 0, octave * OCTAVE_STEPS + within)


def bucket_end_ns(bucket: int) -> int:
    """The least latency above a bucket."""
    octave, within = divmod(bucket, OCTAVE_STEPS)
    return -(-(OCTAVE_STEPS + within + 1 << octave) // OCTAVE_STEPS)


class Performance:
    """Gathers what a batch adds to the sums."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Array]] = {view.name: [] for view in columns.ADDED}

    def sums(self) -> Iterator[tuple[View, Array]]:
        """What to add, one row a cell, cells in key order."""
        for view in columns.ADDED:
            parts = self._parts[view.name]
            if parts:
                yield view, summed(view, np.concatenate(parts))

    def add_orders(self, orders: Array, ordered: Array) -> None:
        """Orders with their first decision."""
        self._note(
            columns.PERFORMANCE_ORDERS, orders, orders["log_ns"], orders=1, ordered_micros=ordered
        )

    def add_decisions(self, made: Array, units_per_one: Array) -> None:
        """Decisions, and what the baselines would have paid above them."""
        scale = units_per_one[made["instrument"]]
        bid, ask = made["displayed_bid_nanos"], made["displayed_ask_nanos"]
        arrival_x2 = made["arrival_bid_nanos"] + made["arrival_ask_nanos"]
        is_priced = (bid > 0) & (ask > 0) & (made["allocated_units"] > 0)
        notional = micros(product(arrival_x2, made["allocated_units"]), 2 * scale)
        values: dict[str, Any] = {"decisions": 1}
        for name in BASELINES:
            fits = is_priced & (made[f"{name}_units"] == made["allocated_units"])
            saved = made[f"{name}_cost_micros"] - made["expected_cost_micros"]
            values[f"{name}_saved_micros"] = np.where(fits, saved, 0)
            values[f"{name}_notional_micros"] = np.where(fits, notional, 0)
        self._note(columns.PERFORMANCE_ORDERS, made, made["log_ns"], **values)

    def add_progress(self, orders: Array, fields: Array, executed: Array, paid: Array) -> None:
        """What records of order states moved."""
        self._note(
            columns.PERFORMANCE_ORDERS,
            orders,
            fields["log_ns"],
            executed_micros=executed,
            shortfall_micros=paid,
        )

    def add_amended(self, orders: Array, fields: Array, added: Array) -> None:
        """What amendments added to what was ordered."""
        self._note(columns.PERFORMANCE_ORDERS, orders, fields["log_ns"], ordered_micros=added)

    def add_ends(
        self, orders: Array, fields: Array, is_filled: Array, unfilled: Array, missed: Array
    ) -> None:
        """Orders that ended, what they left, and what that would have cost where it is known."""
        self._note(
            columns.PERFORMANCE_ORDERS,
            orders,
            fields["log_ns"],
            orders_ended=1,
            orders_filled=is_filled,
            unfilled_micros=unfilled,
            opportunity_micros=np.where(missed == MISSING, 0, missed),
            opportunity_notional_micros=np.where(missed == MISSING, 0, unfilled),
        )

    def add_children(self, created: Array, units_per_one: Array) -> None:
        """Children that were sent."""
        scale = units_per_one[created["instrument"]]
        sent = micros(product(created["units"], created["limit_nanos"]), scale)
        self._note(
            columns.PERFORMANCE_VENUES, created, created["log_ns"], children=1, sent_micros=sent
        )

    def add_rejects(self, children: Array, fields: Array) -> None:
        """Children that were rejected."""
        self._note(columns.PERFORMANCE_VENUES, children, fields["log_ns"], children_rejected=1)

    def add_fills(self, fills: Array, children: Array, first: Array, scale: Array) -> None:
        """Fills; `first` are the rows that are their child's first."""
        is_first = np.zeros(len(fills), dtype=np.int64)
        is_first[first] = 1
        values: dict[str, Any] = {}
        for name in ("effective", "improvement", "all_in"):
            money = fills[f"{name}_micros"]
            values[f"{name}_micros"] = np.where(money == MISSING, 0, money)
            counted = np.where(money == MISSING, 0, fills["notional_micros"])
            values[f"{name}_notional_micros"] = counted
        self._note(
            columns.PERFORMANCE_VENUES,
            fills,
            fills["log_ns"],
            fills=fills["exec_type"] == ExecType.TRADE,
            fills_added=(fills["exec_type"] == ExecType.TRADE)
            & (fills["liquidity"] == Liquidity.ADD),
            children_filled=is_first,
            filled_micros=micros(product(fills["units"], children["limit_nanos"]), scale),
            notional_micros=fills["notional_micros"],
            fee_nanos=fills["fee_nanos"],
            **values,
        )

    def add_latency(self, rows: Array, kind: int, latency_ns: Array, heard_ns: Array) -> None:
        """Latencies of children, by the hour in which they were heard."""
        bucket = latency_bucket(latency_ns)
        self._note(columns.PERFORMANCE_LATENCY, rows, heard_ns, kind=kind, bucket=bucket, count=1)

    def _note(self, view: View, source: Array, log_ns: Array, **values: Any) -> None:
        if not len(source):
            return
        rows = np.zeros(len(source), dtype=view.dtype())
        rows["hour_ns"] = hour_of(log_ns)
        for name in ("instrument", "policy", "client", "venue"):
            if name in view.key_names:
                rows[name] = source[name]
        # What moves no sum makes no cell: an order's policy is not known before it is decided.
        moves = np.zeros(len(source), dtype=bool)
        for name, value in values.items():
            rows[name] = value
            moves |= rows[name] != 0
        if moves.any():
            self._parts[view.name].append(rows[moves])


def summed(view: View, rows: Array) -> Array:
    """One row for each key, with the sums of what is behind it."""
    _, client = np.unique(rows["client"], return_inverse=True)
    keys = [client if name == "client" else rows[name] for name in view.key_names]
    groups = Grouping(keys)
    found: Array = rows[groups.first]
    for name in view.names[view.keys :]:
        found[name] = groups.total(rows[name])
    return found
