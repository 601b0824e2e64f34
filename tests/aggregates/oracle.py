"""The best split of one order, found by an integer program with costs of its own.

Costs come from raw books, the fee file and the history of children by a second formula: nothing of
the engine's is used, not even its records. HiGHS solves first for how much can be placed, then for
the least cost of placing that.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import highspy

PRIOR, PRIOR_WEIGHT = Fraction(9, 10), 4
TABLE = tuple(2**i for i in range(8))
RESOLUTION, INFINITE = 65_536, 10**18
"""Chances are believed to 1/65536, rounded against the venue being there."""


@dataclass(slots=True)
class Place:
    """One venue: fee per share, levels of the far side, terms, and (sent, executed) of children.

    A dark pool has no levels: it trades at the midpoint. `held` is what a seller has there, where
    inventory binds. What is charged is at least `fee_min` and at most `fee_max` (0 = none), for a
    child as a whole or (`fee_by_fill`) for what it takes of each level; a rebate is not bounded.
    """

    fee_nanos: int
    levels: list[tuple[int, int]]
    lot: int = 1
    least: int = 0
    ticket_nanos: int = 0
    history: list[tuple[int, int]] = field(default_factory=list)
    is_dark: bool = False
    held: int | None = None
    fee_min: int = 0
    fee_max: int = 0
    fee_by_fill: bool = False

    @property
    def is_bounded(self) -> bool:
        """Whether its fee is more than a price per share."""
        return self.fee_nanos >= 0 and bool(self.fee_min or self.fee_max)

    def surcharge(self, taken: list[int]) -> int:
        """What the bounds add to the fee of what a child takes of each level, in nanos."""
        fills = [shares for shares in taken if shares] if self.fee_by_fill else [sum(taken)]
        return sum(self._surcharge(shares) for shares in fills) if self.is_bounded else 0

    def _surcharge(self, shares: int) -> int:
        plain = shares * self.fee_nanos
        return min(max(plain, self.fee_min), self.fee_max or INFINITE) - plain


@dataclass(slots=True)
class Case:
    """One order over all venues. `sign` +1 buys; `penalty_e9` is the cost of a miss; dark pools
    together get at most `dark_percent` of what is wanted, each at least `dark_lots` round lots.
    """

    sign: int
    wanted: int
    places: list[Place]
    penalty_e9: int = 0
    round_lot: int = 100
    max_children: int = 64
    dark_percent: int = 0
    dark_lots: int = 0

    @property
    def lit(self) -> list[Place]:
        """Places that show what they have."""
        return [place for place in self.places if not place.is_dark]

    @property
    def dark_units(self) -> int:
        """What dark pools together may get."""
        return self.wanted * self.dark_percent // 100

    def least(self, place: Place) -> int:
        """The least child of a place."""
        return max(place.least, self.dark_lots * self.round_lot if place.is_dark else 0)

    def shown(self, place: Place) -> list[tuple[int, int]]:
        """Levels of a place; those of a pool are the midpoint, the near touch three ticks off."""
        if not place.is_dark:
            return place.levels
        middle = self.touch_nanos - self.sign * 15_000_000
        return [(middle, self.dark_units - self.dark_units % place.lot)]

    @property
    def touch_nanos(self) -> int:
        """Best far touch of all."""
        return self.sign * min(self.sign * place.levels[0][0] for place in self.lit)

    @property
    def spread_nanos(self) -> int:
        """Two ticks: what the books are drawn around."""
        return 20_000_000


def chances(place: Place, round_lot: int) -> list[int]:
    """Chance of a miss for each size of the table and beyond, in 1/RESOLUTION."""
    shares = [Fraction(min(executed, sent), sent) for sent, executed in place.history]
    exact = (sum(shares, Fraction(0)) + PRIOR * PRIOR_WEIGHT) / (len(shares) + PRIOR_WEIGHT)
    # What the venue lends to its row is said in steps of 1/1024.
    filled, untold = in_steps(exact), in_steps(PRIOR)
    found, worst, there = [], 0, filled
    for index, lots in enumerate(TABLE):
        size, smaller = lots * round_lot, TABLE[index - 1] * round_lot if index else 0
        known = [executed >= min(size, sent) for sent, executed in place.history if sent > smaller]
        # What nobody asked for is believed like the next smaller size, if that is little.
        there = min(there, untold) if index else there
        there = (sum(known) + there * PRIOR_WEIGHT) / (len(known) + PRIOR_WEIGHT)
        if index == len(TABLE) - 1:
            there = min(there, filled_share(shares, filled))
        worst = max(worst, min(RESOLUTION - 1, int((1 - there) * RESOLUTION)))
        found.append(worst)
    return found


def in_steps(share: Fraction) -> Fraction:
    """To the nearest 1/1024."""
    return Fraction(int(share * 1024 + Fraction(1, 2)), 1024)


def filled_share(shares: list[Fraction], venue: Fraction) -> Fraction:
    """Filled share of the row, believed like the venue's before anything was seen."""
    return (sum(shares, Fraction(0)) + venue * PRIOR_WEIGHT) / (len(shares) + PRIOR_WEIGHT)


def pieces(case: Case, place: Place) -> list[tuple[int, int]]:
    """(cost per share in nanos, shares) from the touch on, cut where the chance changes."""
    missing = chances(place, case.round_lot)
    penalty = case.touch_nanos * case.penalty_e9 // 10**9
    if place.is_dark:
        # What a pool misses pays what the last of all wanted costs where it is shown.
        instead = last_cost(case)
        own = case.sign * case.shown(place)[0][0] + place.fee_nanos
        penalty += max(0, instead - own)
    cuts = [lots * case.round_lot for lots in TABLE[:-1]]
    found, done = [], 0
    for price, size in case.shown(place):
        end = done + size
        for start, stop in zip(
            [done, *(c for c in cuts if done < c < end)],
            [*(c for c in cuts if done < c < end), end],
            strict=True,
        ):
            bucket = sum(start >= cut for cut in cuts)
            miss = penalty * missing[bucket] // RESOLUTION
            found.append((case.sign * price + place.fee_nanos + miss, stop - start))
        done = end
    return found


def last_cost(case: Case) -> int:
    """Cost of the last share of the whole order, were all of it sent to what is shown."""
    left, cost = case.wanted, 0
    for piece in sorted(piece for place in case.lit for piece in pieces(case, place)):
        cost, left = piece[0], left - piece[1]
        if left <= 0:
            break
    return cost


def cost_of(case: Case, sizes: dict[int, int]) -> int:
    """Expected cost of a split in nanos * shares, tickets included."""
    total = 0
    for venue, units in sizes.items():
        left = units
        for cost, size in pieces(case, case.places[venue]):
            more = min(left, size)
            left, total = left - more, total + more * cost
        assert left == 0, "more than is there"
        place, left = case.places[venue], units
        total += place.ticket_nanos if units else 0
        taken = []
        for _, size in case.shown(place):
            taken.append(min(left, size))
            left -= taken[-1]
        total += place.surcharge(taken) if units else 0
    return total


class Program:
    """The integer program of a case."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.model: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for name, value in (("output_flag", False), ("mip_rel_gap", 0.0), ("mip_abs_gap", 1e-9)):
            self.model.setOptionValue(name, value)
        self.base = min(cost for place in case.places for cost, _ in pieces(case, place))
        self.sizes: list[Any] = []
        self.used: list[Any] = []
        self.cost: Any = 0
        for place in case.places:
            self._add(place)
        self.model.addConstr(sum(self.used) <= case.max_children)
        pools = [s for s, place in zip(self.sizes, case.places, strict=True) if place.is_dark]
        if pools:
            self.model.addConstr(sum(pools) <= case.dark_units)

    def _add(self, place: Place) -> None:
        """Pieces fill in order by themselves, because they only get dearer."""
        model, total = self.model, sum(size for _, size in self.case.shown(place))
        used = model.addBinary()
        parts = [(cost, model.addVariable(0, size)) for cost, size in pieces(self.case, place)]
        lots = model.addIntegral(0, total // place.lot)
        whole = sum(part for _, part in parts)
        model.addConstr(whole == place.lot * lots)
        model.addConstr(whole <= total * used)
        if place.held is not None:
            model.addConstr(whole <= place.held)
        model.addConstr(whole >= max(self.case.least(place), 1) * used)
        self.sizes.append(place.lot * lots)
        self.used.append(used)
        # In units of 1e5 nanos, so that the numbers are neither huge nor tiny.
        self.cost += sum((cost - self.base) / 1e5 * part for cost, part in parts)
        self.cost += place.ticket_nanos / 1e5 * used
        if place.is_bounded:
            self._bound_fee(place, [part for _, part in parts], used)

    def _bound_fee(self, place: Place, parts: list[Any], used: Any) -> None:
        """What the bounds add: of the whole child, or of each level, the better ones first."""
        pieces_left, fills, before = list(parts), [], None
        sizes = [size for _, size in self.case.shown(place)]
        ends = [size for _, size in pieces(self.case, place)]
        for size in sizes:
            own, room = [], size
            while room:
                own.append(pieces_left.pop(0))
                room -= ends.pop(0)
            fills.append((sum(own), size))
        if not place.fee_by_fill:
            fills = [(sum(parts), sum(sizes))]
        for taken, size in fills:
            opened = self.model.addBinary()
            self.model.addConstr(taken <= size * opened)
            if before is not None:
                self.model.addConstr(before[0] >= before[1] * opened)
            before = taken, size
            self._bound_one(place, taken, size, opened)

    def _bound_one(self, place: Place, taken: Any, size: int, opened: Any) -> None:
        plain = place.fee_nanos / 1e5
        charge, capped = self.model.addVariable(0), self.model.addBinary()
        self.model.addConstr(charge >= place.fee_min / 1e5 * opened)
        self.model.addConstr(charge >= plain * taken - plain * size * capped)
        if place.fee_max:
            self.model.addConstr(charge >= place.fee_max / 1e5 * capped)
        else:
            self.model.addConstr(capped <= 0)
        self.cost += charge - plain * taken

    def solve(self) -> dict[int, int]:
        """Shares by venue: as many as can be placed, as cheaply as that goes."""
        total = sum(self.sizes)
        self.model.addConstr(total <= self.case.wanted)
        self.model.maximize(total)
        placed = round(self.model.getObjectiveValue())
        self.model.addConstr(total >= placed)
        self.model.minimize(self.cost)
        return {
            venue: units
            for venue, size in enumerate(self.sizes)
            if (units := round(self.model.val(size)))
        }


def optimum(case: Case) -> dict[int, int]:
    """Shares by venue of the best split."""
    return Program(case).solve()


def random_split(rng: random.Random, case: Case, goal: int) -> dict[int, int]:
    """A feasible split of about `goal` shares over venues in random order."""
    order, left, found = list(range(len(case.places))), goal, {}
    rng.shuffle(order)
    for venue in order[: case.max_children]:
        place = case.places[venue]
        if place.is_dark:
            continue
        units = min(left, sum(size for _, size in place.levels))
        units = units if place.held is None else min(units, place.held)
        units = rng.randint(0, units) if rng.random() < 0.5 else units
        units -= units % place.lot
        if units >= max(place.least, 1):
            found[venue], left = units, left - units
    return found


def best_price_split(case: Case, goal: int) -> dict[int, int]:
    """Displayed prices from the best on, fees, tickets and chances ignored."""
    levels = [
        (case.sign * price, venue, size)
        for venue, place in enumerate(case.places)
        for price, size in place.levels
    ]
    found: dict[int, int] = {}
    left = goal
    for _, venue, size in sorted(levels):
        more, held = min(left, size), case.places[venue].held
        more = more if held is None else min(more, held - found.get(venue, 0))
        if more:
            found[venue], left = found.get(venue, 0) + more, left - more
    return found


def overlap(one: dict[int, int], other: dict[int, int], wanted: int) -> float:
    """1 - sum |q - q*| / 2Q."""
    venues = one.keys() | other.keys()
    return 1 - sum(abs(one.get(v, 0) - other.get(v, 0)) for v in venues) / (2 * wanted)


def random_case(rng: random.Random, venues: int, kind: str) -> Case:
    """Books of a liquid share; `kind` is what is fixed or doubtful there (`solver.KINDS`)."""
    sign, middle = rng.choice((1, -1)), rng.randint(2_000, 20_000) * 10_000_000
    sign = -1 if kind == "inventory" else sign
    places = [_random_place(rng, sign, middle, kind) for _ in range(venues)]
    case = Case(sign, rng.choice((200, 500, 1_000, 2_000, 5_000, 10_000)), places)
    case.penalty_e9 = 200_000 if kind in ("chances", "dark", "all") else 0
    if kind in ("dark", "all"):
        case.dark_percent = rng.choice((20, 50, 100))
        case.dark_lots = rng.choice((0, 1, 3)) if kind == "all" else 0
        for place in places[1 : 1 + max(1, venues // 5)]:
            place.is_dark, place.levels = True, []
    if kind in ("children", "all"):
        case.max_children = rng.choice((2, 3, 5))
    if kind == "inventory":
        for place in places:
            place.held = rng.choice((0, 50, 170, 400, 1_000, 5_000))
            place.lot = rng.choice((1, 1, 10, 100))
    return case


def _random_place(rng: random.Random, sign: int, middle: int, kind: str) -> Place:
    tick, levels = 10_000_000, []
    price = middle + sign * tick * rng.choice((1, 1, 1, 2, 2, 3))
    for _ in range(5):
        levels.append((price, 100 * rng.randint(1, 8)))
        price += sign * tick * rng.choice((1, 1, 2))
    place = Place(rng.randint(-15, 30) * 100_000, levels)
    every = kind == "all"
    if kind == "tickets" or (every and rng.random() < 0.7):
        place.ticket_nanos = rng.choice((0, 100, 300, 1_000, 3_000)) * 1_000_000
    if kind == "lots" or every:
        place.lot = rng.choice((1, 1, 10, 100))
    if kind == "minimums" or every:
        place.least = rng.choice((0, 0, 100, 300, 700))
    if kind == "fees" or (every and rng.random() < 0.5):
        _bound_fees(rng, place)
    if kind in ("chances", "dark", "all"):
        for _ in range(rng.randint(0, 4)):
            sent = 100 * rng.randint(1, 20)
            place.history.append((sent, rng.choice((sent, sent, rng.randint(0, sent)))))
    return place


def _bound_fees(rng: random.Random, place: Place) -> None:
    """Cents to dollars a child or fill, of fees that are fractions of a cent a share."""
    place.fee_min = rng.choice((0, 0, 350, 1_000, 3_000)) * 1_000_000
    place.fee_max = rng.choice((0, 0, 500, 1_500, 5_000)) * 1_000_000
    if place.fee_max:
        place.fee_max = max(place.fee_max, place.fee_min)
    place.fee_by_fill = rng.random() < 0.5
