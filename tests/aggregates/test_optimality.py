"""The allocation is exactly optimal on the all-in price, judged by two oracles of their own.

The first tries every split by dynamic programming over venues; the second is an integer program
solved with HiGHS. Both derive the cost of a unit from the raw book and the raw fee.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import highspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates import kernel
from schemas.codes import OutputType, PolicyKind, Side
from schemas.units import E9
from tests.aggregates.decision import Decision, read_decision
from tests.builders import Tape, records

TICK = 10_000_000


@dataclass(slots=True)
class Case:
    """Books of one instrument: per venue its fee (fixed nanos, rate) and levels of one side."""

    side: int
    wanted: int
    limit_nanos: int
    fees: list[tuple[int, int]]
    levels: list[list[tuple[int, int]]]
    fee_aware: bool = True

    @property
    def sign(self) -> int:
        return 1 if self.side == Side.BUY else -1

    def offers(self, venue: int) -> list[tuple[int, int]]:
        """(all-in cost per unit, units) of the levels within the limit, as the oracle sees them."""
        fixed, rate = self.fees[venue]
        found = []
        for price, units in self.levels[venue]:
            if self.sign * price <= self.sign * self.limit_nanos:
                fee, rest = divmod(price * rate, E9)
                assert rest == 0
                found.append((self.sign * price + fixed + fee, units))
        return found


def random_case(rng: random.Random, venues: int, scale: int) -> Case:
    """Few prices, so that ties, rebates and worse prices that cost less are common."""
    side = rng.choice((Side.BUY, Side.SELL))
    sign = 1 if side == Side.BUY else -1
    levels = []
    for _ in range(venues):
        price, book = 1000 * TICK + sign * rng.randint(1, 4) * TICK, []
        for _ in range(rng.randint(0, 4)):
            book.append((price, rng.randint(1, 6) * scale))
            price += sign * rng.randint(1, 3) * TICK
        levels.append(book)
    rates = (0, 0, 300_000, -200_000)
    fees = [(rng.randint(-40, 40) * TICK // 10, rng.choice(rates)) for _ in levels]
    limit = 1000 * TICK + sign * rng.randint(2, 12) * TICK
    return Case(side, rng.randint(1, 25) * scale, limit, fees, levels)


def route(core: str, case: Case, kind: int = PolicyKind.LOWEST_COST) -> Decision:
    """The engine's decision for a case."""
    tape = Tape()
    tape.instrument(0, "TEST")
    for venue, (fixed, rate) in enumerate(case.fees):
        tape.venue(venue, f"V{venue}")
        tape.listing(0, venue)
        tape.fee(0, venue, fixed, rate_e9=rate)
    tape.policy(1, kind, fee_aware=int(case.fee_aware))
    tape.limits(0, collar_e9=500_000_000)
    tape.engine()
    for venue, book in enumerate(case.levels):
        for level, far in enumerate(book):
            near = ((1000 - case.sign * (20 + level)) * TICK, 10)
            bid, ask = (near, far) if case.sign > 0 else (far, near)
            tape.quote(0, venue, bid, ask, level)
    tape.venue(len(case.fees), "REFERENCE")
    tape.listing(0, len(case.fees))
    tape.quote(0, len(case.fees), (970 * TICK, 1), (1030 * TICK, 1))
    banned = 1 << len(case.fees)
    tape.order(0, "A", case.side, case.wanted, limit=case.limit_nanos, venues_banned=banned)
    _, outputs = kernel.load(core).step(bytes(tape.data))
    raws = [raw for found, _, raw in records(outputs) if found == OutputType.DECISION]
    assert len(raws) == 1
    return read_decision(raws[0])


def every_split(case: Case) -> tuple[int, int]:
    """(units, cost) of the cheapest of all splits that place as much as there is room for."""
    room = sum(units for venue in range(len(case.levels)) for _, units in case.offers(venue))
    goal = min(case.wanted, room)
    best: dict[int, int] = {0: 0}
    for venue in range(len(case.levels)):
        curve = [0]
        for cost, units in case.offers(venue):
            curve += [curve[-1] + cost * (unit + 1) for unit in range(units)]
        reached: dict[int, int] = {}
        for placed, paid in best.items():
            for more, cost in enumerate(curve[: goal - placed + 1]):
                total = paid + cost
                if total < reached.get(placed + more, total + 1):
                    reached[placed + more] = total
        best = reached
    return goal, best[goal]


def integer_program(case: Case) -> tuple[int, int]:
    """The same by HiGHS: units per level, levels of a venue filled from the touch outwards."""
    offers = [(venue, *offer) for venue in range(len(case.levels)) for offer in case.offers(venue)]
    goal = min(case.wanted, sum(units for _, _, units in offers))
    if not offers:
        return 0, 0
    base = min(cost for _, cost, _ in offers)
    model: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    model.setOptionValue("output_flag", False)
    model.setOptionValue("mip_rel_gap", 0.0)
    amounts = [model.addIntegral(0, units) for _, _, units in offers]
    model.addConstr(sum(amounts) == goal)
    paid = sum((cost - base) / 1e5 * x for (_, cost, _), x in zip(offers, amounts, strict=True))
    model.minimize(paid)
    values = [round(value) for value in model.vals(amounts)]
    return goal, sum(cost * x for (_, cost, _), x in zip(offers, values, strict=True))


def placed(case: Case, decision: Decision) -> tuple[int, int]:
    """(units, cost) of a decision, its allocation priced by the oracle's formula."""
    units = cost = 0
    for part in decision.allocations:
        left = part.units
        for price, size in case.offers(part.venue):
            take = min(left, size)
            left, cost, units = left - take, cost + take * price, units + take
        assert left == 0, "more than is there"
    return units, cost


def check(core: str, case: Case) -> None:
    """The decision is as cheap as the best split, and says so."""
    decision = route(core, case)
    goal, cost = every_split(case)
    assert placed(case, decision) == (goal, cost)
    head = decision.head
    assert head.allocated_units == goal
    assert (head.expected_cost_hi << 64) | head.expected_cost_lo == cost
    # What the baselines would have paid for as much is never less.
    for name in ("best_price", "sweep"):
        low, high = (getattr(head, f"{name}_cost_{word}") for word in ("lo", "hi"))
        if getattr(head, f"{name}_units") == goal:
            assert (high << 64) | low >= cost


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), venues=st.integers(2, 10))
def test_against_every_split(core: str, seed: int, venues: int) -> None:
    check(core, random_case(random.Random(seed), venues, 1))


@pytest.mark.parametrize("venues", [2, 5, 10])
def test_against_an_integer_program(core: str, venues: int) -> None:
    rng = random.Random(venues)
    for _ in range(8):
        case = random_case(rng, venues, 37)
        assert placed(case, route(core, case)) == integer_program(case)


def test_the_oracles_agree() -> None:
    rng = random.Random(1)
    for _ in range(15):
        case = random_case(rng, 6, 3)
        assert every_split(case) == integer_program(case)


def test_fee_blind_ignores_fees(core: str) -> None:
    rng = random.Random(3)
    differing = 0
    for _ in range(40):
        case = random_case(rng, 5, 1)
        case.fee_aware = False
        decision = route(core, case)
        free = Case(case.side, case.wanted, case.limit_nanos, [(0, 0)] * 5, case.levels)
        assert placed(free, decision) == every_split(free)
        differing += placed(case, decision) != every_split(case)
    assert differing > 10
