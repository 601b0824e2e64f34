"""What a fold asks a store to do: rows as arrays, and as columns of plain values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from projections.views.arrays import Array
from projections.views.columns import ADDED
from projections.views.view import MISSING, View

INSERT, REPLACE, UPDATE, ADD = "insert", "replace", "update", "add"


@dataclass(frozen=True)
class Change:
    """Rows of one view to write, as an array or as lists of equal length in the view's order.

    insert: rows that are new. replace: rows that stand in for those with the same key. update:
    rows that are there, with new values. add: numbers behind the key are added to what is there.
    """

    kind: str
    view: View
    rows: Array | tuple[list[Any], ...]

    def __len__(self) -> int:
        return len(self.rows) if isinstance(self.rows, np.ndarray) else len(self.rows[0])

    @cached_property
    def columns(self) -> tuple[list[Any], ...]:
        """Lists of plain values, one a column."""
        return plain(self.view, self.rows) if isinstance(self.rows, np.ndarray) else self.rows


class Changes:
    """Gathers changes in the order in which they must be written.

    Arrays are handed over: whoever gave them leaves them as they are.
    """

    def __init__(self) -> None:
        self._done: list[Change] = []
        self._put: dict[str, tuple[View, dict[Any, Any]]] = {}

    def insert(self, view: View, rows: Array) -> None:
        """Rows that are new."""
        self._note(INSERT, view, rows)

    def replace(self, view: View, rows: Array) -> None:
        """Rows with distinct keys whose values stand from now on."""
        self._note(REPLACE, view, rows)

    def evolve(self, view: View, fresh: Array, changed: Array) -> None:
        """New rows, and rows that have changed."""
        self._note(INSERT, view, fresh)
        self._note(UPDATE, view, changed)

    def add(self, view: View, sums: Array) -> None:
        """Rows with distinct keys whose values are added."""
        assert view in ADDED
        self._note(ADD, view, sums)

    def put(self, view: View, row: tuple[Any, ...]) -> None:
        """One row that replaces, the last of its key."""
        rows = self._put.setdefault(view.name, (view, {}))[1]
        rows[row[: view.keys]] = row

    def done(self) -> list[Change]:
        """All changes with rows."""
        for view, rows in self._put.values():
            listed = tuple(list(column) for column in zip(*rows.values(), strict=True))
            self._done.append(Change(REPLACE, view, listed))
        self._put = {}
        return self._done

    def _note(self, kind: str, view: View, rows: Array) -> None:
        if len(rows):
            self._done.append(Change(kind, view, rows))


def plain(view: View, rows: Array) -> tuple[list[Any], ...]:
    """Columns of an array as plain values: text, numbers, None for MISSING."""
    return tuple(column(code, rows[name]) for name, code in view.columns)


def column(code: str, values: Array) -> list[Any]:
    """One column as plain values."""
    if code.endswith("s"):
        return texts(values)
    listed: list[Any] = values.tolist()
    if code == "q" and len(values) and values.min() == MISSING:
        return [None if value == MISSING else value for value in listed]
    if code == "d" and np.isnan(values).any():
        return [None if value != value else value for value in listed]  # noqa: PLR0124
    return listed


def texts(values: Array) -> list[str]:
    """Zero-padded bytes as text that every database takes."""
    raw: list[bytes] = values.tolist()
    known: dict[bytes, str] = {}
    for value in raw:
        if value not in known:
            known[value] = value.decode("utf-8", "replace").replace("\0", "\ufffd")
    return [known[value] for value in raw]


def array(view: View, rows: list[tuple[Any, ...]]) -> Array:
    """Stored rows, in the view's column order, as an array again."""
    found = np.zeros(len(rows), dtype=view.dtype())
    for (name, code), values in zip(view.columns, zip(*rows, strict=True), strict=False):
        if code.endswith("s"):
            found[name] = [value.encode() for value in values]
        else:
            found[name] = [MISSING if value is None else value for value in values]
    return found
