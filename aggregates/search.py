"""What greedy alone cannot see: lots, minimum sizes, a cost per child, a bound on their number.

A set of venues is valued by giving each its least size and the rest by greedy. From two starts the
set is improved by adding, dropping and swapping a venue, the best move first, until none helps,
and by one venue for two, two for one and two for two after that. Sets that cannot cost less
(`reduced`) are not tried. Unequal lots are exchanged then: a coarse lot more here, what that takes
from finer venues, and greedy for the rest; from there sets are tried again, each with its lots
exchanged. A venue whose fee has a minimum or maximum is in a set with one of its cost curves
(`ladders`). Placing more comes before paying less. All ties go to the first in rank order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from aggregates.allocation import ORDERED, Key, Plan, Sizes, Task, capacity, plan_of, take
from aggregates.candidates import Candidate
from aggregates.dark import used_units
from aggregates.ladders import Curves, Ladders
from aggregates.reduced import Reduced, last_price
from schemas.codes import PolicyKind

MAX_TRIALS = 4096
"""Greedy fills that one decision may try; the best so far counts when they are used up."""
POOL = 16
"""Venues that may come in where two are changed at once."""
Set = tuple[int, Curves]
"""Ranks as bits, and the cost curves of those that have several."""
Worth = tuple[int, int]
"""(units not placed, cost): less is better."""


@dataclass(slots=True)
class Found:
    """A set of venues with its best sizes."""

    worth: Worth
    sizes: Sizes
    venues: int


class Search:
    """All that one search needs; ranks are bits."""

    def __init__(self, task: Task, candidates: list[Candidate], keys: list[Key]) -> None:
        self.task, self.ladders = task, Ladders(task, candidates, keys)
        self.by_rank = {c.rank: c for c in candidates if not c.reason}
        self.floors = {rank: task.floor_of(c) for rank, c in self.by_rank.items()}
        self.usable = [
            rank
            for rank, c in self.by_rank.items()
            if 0 < max(self.floors[rank], c.row.lot_units) <= min(capacity(task, c), task.wanted)
        ]
        self.has_unequal_lots = len({c.row.lot_units for c in self.by_rank.values()}) > 1
        self.must = sum(1 << rank for rank in task.least)
        self.trials, self.exchanges_lots = 0, False

    def value(self, venues: int, curves: Curves) -> Found | None:
        """Least sizes first, then greedy; None where the least is already too much."""
        sizes = self.least_sizes(venues)
        if sizes is None:
            return None
        made = self.try_from(sizes, venues, curves)
        return self.exchange(made, venues) if self.exchanges_lots else made

    def least_sizes(self, venues: int) -> Sizes | None:
        """What each venue of a set must get; None where that is already too much."""
        sizes = {rank: self.floors[rank] for rank in _bits(venues) if self.floors.get(rank, 0) > 0}
        if sum(sizes.values()) > self.task.wanted or not self.is_allowed(sizes):
            return None
        return sizes

    def is_allowed(self, sizes: Sizes) -> bool:
        """Whether there are not too many children, and not too much in dark pools."""
        task = self.task
        dark = used_units(sizes, task.dark_ranks)
        return len(sizes) <= task.policy.max_children and dark <= task.dark_units

    @property
    def may_try(self) -> bool:
        """Whether the bound leaves another trial."""
        return self.trials < MAX_TRIALS

    def try_from(self, sizes: Sizes, venues: int, curves: Curves) -> Found:
        """One trial: greedy on top of sizes, among the ranks of the mask."""
        self.trials += 1
        return self.found(take(self.task, self.ladders.keys(curves), sizes, venues))

    def found(self, sizes: Sizes) -> Found:
        """What sizes are worth."""
        plan = plan_of(self.task, list(self.by_rank.values()), sizes)
        used = sum(1 << rank for rank, units in sizes.items() if units)
        return Found((self.task.wanted - plan.units, plan.ranked), sizes, used)

    def averages(self, wanted: int) -> list[tuple[int, int, int]]:
        """(what a unit costs on average, ticket included, rank, units) where as much of `wanted` as
        there is goes to one venue, the cheapest first.
        """
        average = []
        for rank in self.usable:
            candidate = self.by_rank[rank]
            units = min(capacity(self.task, candidate), wanted)
            plan = plan_of(self.task, [candidate], {rank: units})
            average.append((plan.ranked // units, rank, units))
        return sorted(average)

    def cheapest_first(self) -> Found | None:
        """The venues that are cheapest for all that is wanted, until all is placed."""
        venues, left, sizes = self.must, self.task.wanted, {}
        for _, rank, units in self.averages(left):
            if left <= 0:
                break
            venues, left, sizes[rank] = venues | 1 << rank, left - units, units
        return self.value(venues, self.ladders.settled(sizes))

    def start(self, sizes: Sizes) -> Found | None:
        """The better of two sets; None where not all that must have something can."""
        greedy, settled = self.found(sizes), self.ladders.settled(sizes)
        starts = [greedy, self.value(greedy.venues | self.must, settled), self.cheapest_first()]
        able = [found for found in starts if found and not self.must & ~found.venues]
        return min(able, key=lambda found: found.worth, default=None)

    def moves(self, before: Found, _: Reduced | None) -> Iterator[Set]:
        """Sets with a venue less or more, or with one on another curve, in rank order."""
        venues, curves = before.venues, self.ladders.settled(before.sizes)
        if curves:
            yield venues, curves
        for rank in self.usable:
            if not self.must >> rank & 1:
                changed = venues ^ 1 << rank
                yield from self.each(changed, curves, rank if changed >> rank & 1 else None)
        for rank in _bits(venues):
            for curve in self.ladders.choices(rank):
                if curve != curves.get(rank, 0):
                    yield venues, curves | {rank: curve}

    def swaps(self, before: Found, _: Reduced | None) -> Iterator[Set]:
        """Sets with one venue for another, in rank order."""
        venues, curves = before.venues, self.ladders.settled(before.sizes)
        for gone in _bits(venues & ~self.must):
            for rank in self.usable:
                if not venues >> rank & 1:
                    yield from self.each(venues ^ 1 << gone | 1 << rank, curves, rank)

    def each(self, venues: int, curves: Curves, rank: int | None) -> Iterator[Set]:
        """A set with a new venue on each of its curves."""
        if rank is None or rank not in self.ladders.bounded:
            yield venues, curves
            return
        for curve in self.ladders.choices(rank):
            yield venues, curves | {rank: curve}

    def improve(self, start: Found) -> Found:
        """The best set as greedy values it; with unequal lots once more, as they are exchanged."""
        best = self.climb(start)
        if not self.has_unequal_lots:
            return best
        self.exchanges_lots = True
        return self.climb(self.exchange(best, best.venues))

    def climb(self, start: Found) -> Found:
        """Best move first; what changes more venues only where what changes fewer does not help."""
        best = start
        while True:
            before = best
            reduced = self.reduced(before)
            for moves in (self.moves, self.swaps, self.steps, self.trades):
                for venues, curves in moves(before, reduced):
                    if not self.may_try:
                        return best
                    if is_ruled_out(reduced, venues, best):
                        continue
                    other = self.value(venues, curves)
                    if other is not None and other.worth < best.worth:
                        best = other
                if best is not before:
                    break
            if best is before:
                return best

    def steps(self, before: Found, _: Reduced | None) -> Iterator[Set]:
        """Sets with a venue less, or a venue that stops a curve or two earlier, and another one
        that goes a curve or two further.
        """
        venues, curves = before.venues, self.ladders.settled(before.sizes)
        if not curves or self.exchanges_lots:
            return
        for gone in _bits(venues):
            lesser = [] if self.must >> gone & 1 else [(venues ^ 1 << gone, curves)]
            lesser += [(venues, curves | {gone: c}) for c in self.ladders.below(gone, curves)]
            for fewer, changed in lesser:
                for rank in _bits(venues & ~(1 << gone)):
                    for curve in self.ladders.above(rank, curves):
                        yield fewer, changed | {rank: curve}

    def reduced(self, found: Found) -> Reduced | None:
        """Reduced costs at the price of sizes; None where these place less than is wanted."""
        if found.worth[0]:
            return None
        price = last_price(self.task, self.by_rank, self.floors, found.sizes)
        return Reduced(self.task, self.by_rank, price)

    def pool(self, found: Found) -> list[int]:
        """Venues that may come in where two are changed at once, those first that have most below
        the dearest average that is paid now.
        """
        plans = (plan_of(self.task, [self.by_rank[r]], {r: n}) for r, n in found.sizes.items() if n)
        dearest = max((plan.ranked // plan.units for plan in plans), default=0)
        costs = Reduced(self.task, self.by_rank, dearest).costs
        outside = (rank for rank in self.usable if not found.venues >> rank & 1)
        return sorted(outside, key=lambda rank: (costs[rank], rank))[:POOL]

    def trades(self, before: Found, reduced: Reduced | None) -> Iterator[Set]:
        """Sets with one venue for two, two for one and two for two."""
        if reduced is None or self.exchanges_lots:
            return
        inside, pool = _bits(before.venues & ~self.must), self.pool(before)
        for leaving, coming in ((1, 2), (2, 1), (2, 2)):
            for gone in combinations(inside, leaving):
                for come in combinations(pool, coming):
                    yield self.traded(before, gone, come)

    def traded(self, before: Found, gone: tuple[int, ...], come: tuple[int, ...]) -> Set:
        """A set with some venues for others, these on the curves of an even share."""
        share = -(-sum(before.sizes[rank] for rank in gone) // len(come))
        shares = {rank: min(share, capacity(self.task, self.by_rank[rank])) for rank in come}
        curves = self.ladders.settled(before.sizes | shares) if self.ladders.bounded else {}
        changed = before.venues ^ sum(1 << rank for rank in gone + come)
        return changed, curves

    def exchange(self, start: Found, venues: int = -1) -> Found:
        """Moves lots between venues of the mask while that helps."""
        best = start
        while True:
            before, curves = best, self.ladders.settled(best.sizes)
            for sizes in self.exchanges(before.sizes, venues):
                if not self.may_try:
                    return best
                # Only venues that have their least already.
                other = self.try_from(sizes, sum(1 << rank for rank in sizes), curves)
                if other.worth < best.worth:
                    best = other
            if best is before:
                return best

    def exchanges(self, sizes: Sizes, venues: int) -> Iterator[Sizes]:
        """A lot more at one venue, taken from another in whole lots of its own."""
        left = self.task.wanted - sum(sizes.values())
        for rank in self.usable:
            if not venues >> rank & 1:
                continue
            before, lot = sizes.get(rank, 0), self.by_rank[rank].row.lot_units
            more = lot if before else max(lot, self.floors[rank])
            if before + more > capacity(self.task, self.by_rank[rank]):
                continue
            for other in sorted(sizes):
                own = self.by_rank[other].row.lot_units
                gone = -(-max(0, more - left) // own) * own
                rest = sizes[other] - gone
                if other == rank or not gone or (rest and rest < max(own, self.floors[other])):
                    continue
                changed = sizes | {rank: before + more, other: rest}
                kept = {key: units for key, units in changed.items() if units > 0}
                if rest >= 0 and self.is_allowed(kept):
                    yield kept


def is_ruled_out(reduced: Reduced | None, venues: int, best: Found) -> bool:
    """Whether a set of venues, each used, costs no less than the best so far."""
    return reduced is not None and reduced.least(venues) >= best.worth[1]


def split(task: Task, candidates: list[Candidate], keys: list[Key]) -> Plan:
    """Best sizes over all venues."""
    sizes = _with_minimums(task, keys)
    search = Search(task, candidates, keys)
    if task.policy.kind in ORDERED:
        return plan_of(task, candidates, sizes)
    if _must_search(task, search, keys, sizes):
        start = search.start(sizes)
        sizes = search.improve(start).sizes if start is not None else sizes
    if search.has_unequal_lots:
        sizes = search.exchange(search.found(sizes)).sizes
    return plan_of(task, candidates, sizes)


def _must_search(task: Task, search: Search, keys: list[Key], sizes: Sizes) -> bool:
    """Whether anything but the order of costs decides."""
    greedy = take(task, keys, {})
    return bool(
        search.must
        or any(c.ticket_nanos or c.bounds for c in search.by_rank.values())
        or greedy != sizes
        or len(greedy) >= task.policy.max_children
    )


def _with_minimums(task: Task, keys: list[Key]) -> Sizes:
    """Greedy, again without the first venue (by rank) that ends below its least size."""
    venues = -1
    floors = {rank: max(c.row.min_units, c.least_units) for _, _, rank, _, c in keys}
    while True:
        sizes = take(task, keys, {}, venues)
        short = [rank for rank in sorted(sizes) if sizes[rank] < floors[rank]]
        if not short:
            return sizes
        venues &= ~(1 << short[0])


def single(task: Task, candidates: list[Candidate], keys: list[Key]) -> Plan:
    """Everything to one venue: where it costs least, or the first in an order of the policy's own
    whose lot and minimum allow any.
    """
    if task.policy.kind in (PolicyKind.LOWEST_COST, PolicyKind.BALANCED):
        return _cheapest(task, candidates, keys)
    while keys:
        first = keys[0][2]
        sizes = _with_minimums(task, [key for key in keys if key[2] == first])
        if sizes:
            return plan_of(task, candidates, sizes)
        keys = [key for key in keys if key[2] != first]
    return Plan()


def _cheapest(task: Task, candidates: list[Candidate], keys: list[Key]) -> Plan:
    """The venue where the whole quantity costs least, what it has no room for included."""
    best, least = Plan(), 0
    for candidate in candidates:
        own = [key for key in keys if key[2] == candidate.rank]
        plan = plan_of(task, candidates, _with_minimums(task, own))
        cost = plan.ranked + (task.wanted - plan.units) * task.missed_nanos
        if plan.units and (not best.units or cost < least):
            best, least = plan, cost
    return best


def whole(task: Task, candidates: list[Candidate], keys: list[Key]) -> Plan:
    """FOK: the cheapest venue that can fill everything, or nothing."""
    best = Plan()
    for candidate in candidates:
        own = [key for key in keys if key[2] == candidate.rank]
        plan = plan_of(task, candidates, _with_minimums(task, own))
        if plan.units == task.wanted and (best.units == 0 or plan.ranked < best.ranked):
            best = plan
    return best


def _bits(mask: int) -> list[int]:
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]
