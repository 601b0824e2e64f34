"""Protocol A in a small size, with bounds looser than what `sor bench 'solver.*'` prints."""

from __future__ import annotations

import random

import pytest

from tests.aggregates import oracle, solver
from tests.aggregates.oracle import Case, Place, cost_of, optimum


@pytest.mark.parametrize("venues", solver.SIZES)
def test_splits_are_near_the_optimum(venues: int, full_size: bool) -> None:
    count = 352 if full_size else 40 if venues <= 10 else 16
    found = solver.table(venues, count, seed=2)
    print(found)
    assert found.n >= count // 2
    assert found.overlap >= 0.97
    assert found.within_tolerance >= 0.93
    assert found.exact_misses == 0
    assert found.random_overlap < 0.8
    assert found.best_price_overlap < 0.95


@pytest.mark.parametrize("kind", [*solver.KINDS, solver.BOUND])
def test_each_kind_on_both_cores(core: str, kind: str) -> None:
    rng = random.Random(kind)
    scores = [solver.score(rng, 6, kind, core) for _ in range(8)]
    assert all(one.is_full for one in scores)
    assert sum(one.is_within for one in scores) >= 7


def test_inventory_caps_what_a_venue_is_sent(core: str) -> None:
    rng, cut = random.Random(11), 0
    for _ in range(30 if core == "native" else 10):
        case = oracle.random_case(rng, 8, solver.BOUND)
        case.places[0].held = 10_000  # so that something can be sold
        decision = solver.Router(case, core).decide()
        for part in decision.allocations:
            held = case.places[part.venue].held
            assert held is not None
            assert part.units <= held
        cut += sum(block.inventory_units > 0 for block in decision.blocks)
    assert cut > 10


def test_nothing_above_the_optimum_without_fixed_costs(full_size: bool) -> None:
    count, missing, excess, _ = solver.common(3_000 if full_size else 300)
    assert (missing, excess) == (0, 0), f"of {count} books"


def test_no_child_breaks_the_terms_of_its_venue(core: str) -> None:
    rng = random.Random(3)
    for _ in range(60 if core == "native" else 12):
        case = oracle.random_case(rng, 12, "all")
        decision = solver.Router(case, core).decide()
        assert len(decision.allocations) <= case.max_children
        for part in decision.allocations:
            place = case.places[part.venue]
            assert part.units % place.lot == 0
            assert part.units >= place.least


def test_a_ticket_keeps_a_cheaper_venue_out(core: str) -> None:
    cheap = Place(0, [(100 * 10**9, 200)], ticket_nanos=10 * 10**9)
    dear = Place(0, [(100 * 10**9 + 10**7, 500)])
    case = Case(1, 300, [cheap, dear])
    decision = solver.Router(case, core).decide()
    assert {part.venue: part.units for part in decision.allocations} == optimum(case) == {1: 300}
    assert decision.head.ticket_nanos == 0
    cheap.ticket_nanos = 10**9
    decision = solver.Router(case, core).decide()
    assert {part.venue: part.units for part in decision.allocations} == {0: 200, 1: 100}
    assert optimum(case) == {0: 200, 1: 100}
    assert decision.head.ticket_nanos == 10**9


def test_a_record_tells_the_bounds_of_a_fee(core: str) -> None:
    """The least and the most of each venue's line, where it has any."""
    rng = random.Random(8)
    case = oracle.random_case(rng, 8, "fees")
    blocks = solver.Router(case, core).decide().blocks
    told = [block.fee_bounds for block in blocks]
    assert told == [(place.fee_min, place.fee_max) for place in case.places]
    assert any(told_one != (0, 0) for told_one in told)


def test_the_record_adds_up(core: str) -> None:
    """Price and fee, charges and tickets of the record are the oracle's cost."""
    rng = random.Random(5)
    for kind in ("tickets", "fees", "chances", "all"):
        case = oracle.random_case(rng, 8, kind)
        head = (decision := solver.Router(case, core).decide()).head
        ours = {part.venue: part.units for part in decision.allocations}
        pay = (head.expected_cost_hi << 64) | head.expected_cost_lo
        added = (head.added_cost_hi << 64) | head.added_cost_lo
        assert pay + added + head.ticket_nanos == pytest.approx(cost_of(case, ours), rel=1e-9)


def test_the_oracle_knows_a_worse_split() -> None:
    rng = random.Random(6)
    case = oracle.random_case(rng, 5, "plain")
    best = optimum(case)
    worse = oracle.best_price_split(case, sum(best.values()))
    assert cost_of(case, worse) >= cost_of(case, best)
    assert oracle.overlap(best, best, case.wanted) == 1
