"""The local search of a decision is bounded by a count, the same in both cores."""

from __future__ import annotations

import random
from typing import Any

import pytest

from aggregates import protection, search
from tests.aggregates.oracle import cost_of, random_case
from tests.aggregates.solver import Router

SEED, VENUES, CASES = 24, 32, 3
START_TRIALS = 2
"""Of the two starts that are tried whatever was tried before."""


def test_a_search_ends_at_its_bound_in_both_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[search.Search] = []

    class Counted(search.Search):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(search, "Search", Counted)
    monkeypatch.setattr(protection, "split", search.split)
    rng = random.Random(SEED)
    for _ in range(CASES):
        case = random_case(rng, VENUES, "all")
        # More than there is: no set is ruled out by its cost.
        case.wanted, case.max_children = 60_000, 20
        mine, native = (Router(case, core).decide().allocations for core in ("reference", "native"))
        assert mine == native
    most = max(one.trials for one in made)
    assert search.MAX_TRIALS <= most <= search.MAX_TRIALS + START_TRIALS, "no case meets the bound"


def test_what_was_found_at_the_bound_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less room to try never breaks a rule, and never gains."""
    rng = random.Random(SEED)
    cases = [random_case(rng, VENUES, "tickets") for _ in range(CASES)]
    whole = [_cost(case) for case in cases]
    monkeypatch.setattr(search, "MAX_TRIALS", 1)
    assert all(_cost(case) >= least for case, least in zip(cases, whole, strict=True))
    monkeypatch.setattr(search, "MAX_TRIALS", 0)
    assert sum(_cost(case)[1] for case in cases) > sum(cost for _, cost in whole)


def _cost(case: Any) -> tuple[int, int]:
    """(units not placed, cost)."""
    found = {part.venue: part.units for part in Router(case, "reference").decide().allocations}
    return case.wanted - sum(found.values()), cost_of(case, found)
