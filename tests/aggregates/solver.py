"""Protocol A: the engine's split of random cases beside the exact optimum and two naive routers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import fmean

from aggregates import kernel
from schemas.codes import ExecType, Liquidity, OutputType, Side, TimeInForce, VenueKind
from tests.aggregates.decision import Decision, read_decision
from tests.aggregates.oracle import (
    Case,
    Place,
    best_price_split,
    cost_of,
    optimum,
    overlap,
    random_case,
    random_split,
)
from tests.builders import MS, Tape, children, records

KINDS = ("plain", "tickets", "fees", "lots", "minimums", "children", "chances", "dark", "all")
BOUND = "inventory"
"""A kind beside the table's: sells cut to what the account holds at each venue, with lots."""
EXACT = ("plain", "chances", "dark")
"""Kinds in which nothing is fixed per venue: the optimum must be met exactly."""
SIZES = (2, 5, 10, 20, 32, 50)
FOREVER_NS = 10**15
BPS_SHARE, SPREAD_SHARE = 1e-5, 0.02
"""Tolerance: 0.1 bp of the price, or 2 % of the spread, whichever is less."""


class Router:
    """One engine that knows the venues of a case and has learned what its history says."""

    def __init__(self, case: Case, core: str = "native") -> None:
        self.case, self.engine, self.tape = case, kernel.load(core), Tape()
        self.done = self.trades = 0
        self.tape.instrument(0, "TEST", round_lot_units=case.round_lot)
        for venue, place in enumerate(case.places):
            kind = VenueKind.DARK if place.is_dark else VenueKind.LIT
            self.tape.venue(venue, f"V{venue:02}", kind=kind, is_protected=int(not place.is_dark))
            self.tape.listing(0, venue)
            liquidity = Liquidity.MID if place.is_dark else Liquidity.TAKE
            self.tape.fee(0, venue, place.fee_nanos, liquidity=liquidity)
        values = {"max_children": case.max_children, "miss_penalty_e9": case.penalty_e9}
        values |= {"dark_percent": case.dark_percent, "dark_min_lots": 0}
        self.tape.policy(1, stale_ns=10**15, **values)
        bound = any(place.held is not None for place in case.places)
        self.tape.limits(0, collar_e9=500_000_000, inventory=int(bound))
        self.tape.settings(fill_half_life_ns=FOREVER_NS, health_ns=0)
        self.tape.engine()
        assert self._step() == b"", "the set-up was refused"
        for venue, place in enumerate(case.places):
            if not place.is_dark:
                self._quote(venue, 0, case.touch_nanos, 10**6)
        self._teach()
        if case.dark_lots:
            values["dark_min_lots"] = case.dark_lots
            self.tape.policy(1, stale_ns=10**15, **values)
        for venue, place in enumerate(case.places):
            terms = {"min_units": place.least, "ticket_nanos": place.ticket_nanos}
            self.tape.listing(0, venue, lot_units=place.lot, **terms)
            if place.fee_min or place.fee_max:
                self._bound_fee(venue, place)
            for level, (price, units) in enumerate(place.levels):
                self._quote(venue, level, price, units)
            if place.held is not None:
                self.tape.inventory(0, venue, place.held)
        self._step()

    def _step(self) -> bytes:
        data = bytes(self.tape.data[self.done :])
        consumed, outputs = self.engine.step(data)
        assert consumed == len(data)
        self.done += consumed
        return outputs

    def _quote(self, venue: int, level: int, far_nanos: int, units: int) -> None:
        """The far side of a level; the near side is three ticks in front of the best touch."""
        near_nanos = self.case.touch_nanos - self.case.sign * (3 + level) * 10_000_000
        sides = ((near_nanos, 100), (far_nanos, units))
        bid, ask = sides if self.case.sign > 0 else sides[::-1]
        self.tape.quote(0, venue, bid, ask, level)

    def _bound_fee(self, venue: int, place: Place) -> None:
        values = {"min_nanos": place.fee_min, "max_nanos": place.fee_max}
        values |= {"fixed_nanos": place.fee_nanos, "per_order": int(not place.fee_by_fill)}
        liquidity = Liquidity.MID if place.is_dark else Liquidity.TAKE
        self.tape.fee_tier(venue, liquidity=liquidity, **values)

    def _teach(self) -> None:
        """Every child of the past, sent and answered."""
        for venue, place in enumerate(self.case.places):
            for sent, executed in place.history:
                units = sent
                if place.is_dark:
                    units = sent * 100 // self.case.dark_percent
                else:
                    self._quote(venue, 0, self.case.touch_nanos, 10**6)
                self._order(f"T{venue}-{self.trades}", units, 1 << venue)
                for child in children(self._step()):
                    self._answer(child, executed)

    def _answer(self, child, executed: int) -> None:  # type: ignore[no-untyped-def]
        self.trades += 1
        if executed:
            price = child.limit_nanos
            values = {"venue": child.venue}
            self.tape.fill(child.child_id, min(executed, child.units), price, self.trades, **values)
        if executed < child.units:
            self.tape.report(child.child_id, ExecType.CANCELED, venue=child.venue)
        self._step()

    def _order(self, name: str, units: int, venues: int = 0) -> None:
        self.tape.wait(MS)
        side = Side.BUY if self.case.sign > 0 else Side.SELL
        values = {"time_in_force": TimeInForce.IOC, "venues_allowed": venues}
        self.tape.order(0, name, side, units, **values)

    def decide(self) -> Decision:
        """The decision about the case's order."""
        self._order("A", self.case.wanted)
        raws = [raw for kind, _, raw in records(self._step()) if kind == OutputType.DECISION]
        return read_decision(raws[0])


@dataclass(slots=True)
class Score:
    """One case: costs are in nanos * shares above the optimum, `excess_bps` of what is placed."""

    kind: str
    is_full: bool
    excess: int
    excess_bps: float
    overlap: float
    is_trivial: bool
    tolerance: float
    random_overlap: float
    best_price_overlap: float

    @property
    def is_within(self) -> bool:
        """Everything placed that can be, at a cost within the tolerance."""
        return self.is_full and self.excess <= self.tolerance


def score(rng: random.Random, venues: int, kind: str, core: str = "native") -> Score:
    """The engine's split of one random case against the optimum."""
    case = random_case(rng, venues, kind)
    best = optimum(case)
    goal, least = sum(best.values()), cost_of(case, best)
    ours = {part.venue: part.units for part in Router(case, core).decide().allocations}
    guess = random_split(rng, case, goal)
    tolerance = goal * min(BPS_SHARE * case.touch_nanos, SPREAD_SHARE * case.spread_nanos)
    full = sum(ours.values()) == goal
    excess = cost_of(case, ours) - least if full else 0
    rounding = goal * (1 + (case.touch_nanos * case.penalty_e9 // 10**9 >> 16))
    guessed = sum(guess.values()) == goal and cost_of(case, guess) - least <= tolerance
    return Score(
        kind,
        full,
        excess if excess > rounding else 0,
        1e4 * excess / (goal * case.touch_nanos) if excess > rounding else 0.0,
        1.0 if full and excess <= rounding else overlap(ours, best, case.wanted),
        guessed,
        tolerance,
        overlap(guess, best, case.wanted),
        overlap(best_price_split(case, goal), best, case.wanted),
    )


@dataclass(slots=True)
class Table:
    """Protocol A at one number of venues, non-trivial cases only; `free` are those in which nothing
    is fixed per venue, `fixed` the others; `excess_bps` is the mean cost above the optimum.
    """

    venues: int
    n: int
    trivial_share: float
    overlap: float
    within_tolerance: float
    excess_bps: float
    exact_misses: int
    random_overlap: float
    best_price_overlap: float
    free_overlap: float
    fixed_overlap: float
    fixed_within: float


def table(venues: int, count: int, seed: int = 1, core: str = "native") -> Table:
    """`count` cases, all kinds in turn."""
    rng = random.Random(seed * 1000 + venues)
    scores = [score(rng, venues, KINDS[n % len(KINDS)], core) for n in range(count)]
    hard = [one for one in scores if not one.is_trivial]
    return Table(
        venues,
        len(hard),
        1 - len(hard) / len(scores),
        fmean(one.overlap for one in hard),
        fmean(one.is_within for one in hard),
        fmean(one.excess_bps for one in hard),
        sum(one.kind in EXACT and (one.excess > 0 or not one.is_full) for one in scores),
        fmean(one.random_overlap for one in hard),
        fmean(one.best_price_overlap for one in hard),
        fmean(one.overlap for one in hard if one.kind in EXACT),
        fmean(one.overlap for one in hard if one.kind not in EXACT),
        fmean(one.is_within for one in hard if one.kind not in EXACT),
    )


def common(count: int, seed: int = 1) -> tuple[int, int, int, int]:
    """Random books of 24 venues: (cases, shares not placed, cost above the optimum, notional).

    Without fixed costs the optimum is every level in the order of price and fee.
    """
    rng, missing, excess, notional = random.Random(seed), 0, 0, 0
    for n in range(count):
        case = random_case(rng, 24, "plain")
        case.wanted = (200, 2_000, 10_000)[n % 3]
        levels = sorted(
            (case.sign * price + place.fee_nanos, units)
            for place in case.places
            for price, units in place.levels
        )
        left, least = case.wanted, 0
        for cost, units in levels:
            more = min(left, units)
            left, least = left - more, least + more * cost
        ours = {part.venue: part.units for part in Router(case).decide().allocations}
        missing += case.wanted - left - sum(ours.values())
        excess += cost_of(case, ours) - least
        notional += abs(least)
    return count, missing, excess, notional
