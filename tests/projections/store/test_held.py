"""Sums that are held back add up to what they would have been."""

from __future__ import annotations

from collections import Counter

import numpy as np

from projections.store.held import HeldSums
from projections.views.columns import FILLS, PERFORMANCE_LATENCY
from projections.views.rows import ADD, INSERT, Change

VIEW = PERFORMANCE_LATENCY


def cells(buckets: list[int]) -> Change:
    """One row a bucket, each with a count of its own."""
    rows = np.zeros(len(buckets), dtype=VIEW.dtype())
    rows["bucket"], rows["count"] = buckets, np.arange(len(buckets)) + 1
    return Change(ADD, VIEW, rows)


def added(changes: list[Change]) -> Counter[int]:
    """Sums by bucket."""
    found: Counter[int] = Counter()
    for change in changes:
        for bucket, count in zip(*change.columns[-2:], strict=True):
            found[bucket] += count
    return found


def test_sums_come_out_once_and_whole() -> None:
    given = [cells([1, 2, 3]), cells([2, 2, 9]), cells([1, 5, 9, 9])]
    held, written = HeldSums(most_rows=5), []
    for change in given:
        written += held.take([Change(INSERT, FILLS, np.zeros(1, FILLS.dtype())), change])
    sums = [change for change in written if change.kind == ADD]
    assert len(written) - len(sums) == len(given)
    assert added(sums + held.release()) == added(given)
    assert held.release() == []


def test_equal_cells_become_one() -> None:
    held = HeldSums()
    assert held.take([cells([4, 7]), cells([4, 7])]) == []
    (found,) = held.release()
    assert len(found) == 2
