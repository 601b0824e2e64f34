"""Sums that a rebuild holds back, so that a cell is written once and not once a batch."""

from __future__ import annotations

import numpy as np

from projections.views.arrays import Array
from projections.views.columns import ADDED
from projections.views.performance import summed
from projections.views.rows import ADD, Change
from projections.views.view import View

MOST_ROWS = 400_000
"""Rows of a view held before equal cells become one: some 60 MB."""


class HeldSums:
    """Sums not written yet, by view. Integers add up the same in any order and at any time."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self.most_rows = most_rows
        self._parts: dict[str, list[Array]] = {view.name: [] for view in ADDED}

    def take(self, changes: list[Change]) -> list[Change]:
        """Keeps the sums among changes; the others, and sums that are more than can be held."""
        rest = [change for change in changes if change.kind != ADD]
        for change in changes:
            if change.kind == ADD:
                self._parts[change.view.name].append(np.asarray(change.rows))
        for view in ADDED:
            if self._size(view) > self.most_rows:
                rest += self._lessened(view)
        return rest

    def release(self) -> list[Change]:
        """Everything held, which is held no longer."""
        return [change for view in ADDED for change in self._released(view)]

    def _size(self, view: View) -> int:
        return sum(len(part) for part in self._parts[view.name])

    def _lessened(self, view: View) -> list[Change]:
        """Makes equal cells one; gives them all up where that leaves more than half."""
        self._parts[view.name] = [summed(view, np.concatenate(self._parts[view.name]))]
        return self._released(view) if self._size(view) > self.most_rows // 2 else []

    def _released(self, view: View) -> list[Change]:
        parts, self._parts[view.name] = self._parts[view.name], []
        return [Change(ADD, view, summed(view, np.concatenate(parts)))] if parts else []
