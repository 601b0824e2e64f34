"""Exact arithmetic on columns: money in 128 bits, groups, and the rows that are known by id."""

from __future__ import annotations

from typing import Any

import numpy as np

from projections.views.view import MISSING, View
from schemas.units import INT64_MAX

Array = np.ndarray[Any, Any]
MICROS = 1000
"""Nanos of the quote currency a micro."""
SAFE = float(2**62)


def product(left: Array, right: Array) -> Array:
    """left * right, exact: 64-bit integers where they fit, else Python's own."""
    if largest(left) * largest(right) < SAFE:
        return left * right
    exact: Array = left.astype(object) * right.astype(object)
    return exact


def largest(values: Array) -> float:
    """Largest magnitude, 0 of nothing."""
    if not len(values):
        return 0.0
    return max(abs(float(values.max())), abs(float(values.min())))


def wide(fields: Any, name: str) -> Array:
    """The 128-bit column `name` of records, from its two words."""
    high, low = fields[f"{name}_hi"], fields[f"{name}_lo"]
    signed = low.view(np.int64)
    if np.array_equal(high, signed >> 63):
        return np.asarray(signed)
    exact: Array = (high.astype(object) << 64) | low.astype(object)
    return exact


def micros(nano_units: Array, units_per_one: Array) -> Array:
    """Money in micros from nanos * units, rounded down; what 64 bits cannot hold stays at the end.

    Shape (n,), i64.
    """
    divisor = product(units_per_one, np.int64(MICROS) + np.zeros_like(units_per_one))
    found = nano_units // divisor
    if found.dtype == object:
        found = np.minimum(np.maximum(found, MISSING + 1), INT64_MAX).astype(np.int64)
    return found


def where_known(is_known: Array, values: Array) -> Array:
    """`values` where known, MISSING elsewhere."""
    return np.where(is_known, values, MISSING)


def last_of_each(ids: Array) -> tuple[Array, Array]:
    """(distinct ids ascending, row of the last occurrence of each)."""
    found, reverse = np.unique(ids[::-1], return_index=True)
    return found, len(ids) - 1 - reverse


def add_at(target: Array, places: Array, values: Any) -> None:
    """target[places] += values, repeats included."""
    np.add.at(target, places, values)


def step(at: Array, values: Array, known: Array) -> Array:
    """By how much each record moves its owner's value; `known` is each owner's before the batch.

    MISSING values count as 0.
    """
    values, known = (np.where(v == MISSING, 0, v) for v in (values, known))
    order = np.argsort(at, kind="stable")
    ranked = values[order]
    before = known[order].copy()
    same = at[order][1:] == at[order][:-1]
    before[1:][same] = ranked[:-1][same]
    moved = np.zeros_like(values)
    moved[order] = ranked - before
    return moved


class Grouping:
    """Rows grouped by several key columns; groups are in ascending key order."""

    def __init__(self, keys: list[Array]) -> None:
        order = np.lexsort(keys[::-1]) if len(keys[0]) else np.zeros(0, dtype=np.int64)
        changed = np.zeros(len(order), dtype=bool)
        changed[:1] = True
        for key in keys:
            ranked = key[order]
            changed[1:] |= ranked[1:] != ranked[:-1]
        self.order = order
        self.starts = np.flatnonzero(changed)
        self.first = order[self.starts]

    def total(self, values: Array) -> Array:
        """Sum of an integer column by group."""
        if not len(self.starts):
            return np.zeros(0, dtype=np.int64)
        found: Array = np.add.reduceat(values[self.order].astype(np.int64), self.starts)
        return found


class Known:
    """Rows of a view by id, kept as one sorted array."""

    def __init__(self, view: View) -> None:
        self.rows: Array = np.zeros(0, dtype=view.dtype())

    def find(self, ids: Array) -> Array:
        """Place of each id, -1 where it is not known."""
        if not len(self.rows):
            return np.full(len(ids), -1, dtype=np.int64)
        at = np.searchsorted(self.rows["id"], ids)
        at[at == len(self.rows)] = 0
        return np.where(self.rows["id"][at] == ids, at, -1)

    def missing(self, ids: Array) -> Array:
        """Distinct ids that are not known, ascending."""
        wanted = np.unique(ids)
        return wanted[self.find(wanted) < 0]

    def add(self, rows: Array) -> None:
        """Adds rows that were not known."""
        if len(rows):
            joined = np.concatenate([self.rows, rows])
            self.rows = joined[np.argsort(joined["id"], kind="stable")]

    def keep(self, chosen: Array) -> None:
        """Forgets all rows but the chosen ones."""
        if not chosen.all():
            self.rows = self.rows[chosen]
