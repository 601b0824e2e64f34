"""From priced candidates to sizes per venue: one optimiser, whose settings are the policies.

Every offer gets a key (primary, cost, venue rank, piece); taking them in key order is optimal on
expected cost where nothing is fixed per venue, because offers of a venue only get dearer. What a
venue's lots, minimum, ticket and a bound on children change is searched for in `search`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aggregates.arithmetic import scale_e9
from aggregates.candidates import Candidate
from aggregates.dark import used_units
from aggregates.fee_bounds import extra
from aggregates.order import Order
from schemas.codes import AllocationFlag, PolicyKind
from schemas.units import INT64_MAX, MAX_PRICE_NANOS

Key = tuple[int, int, int, int, Candidate]
"""(primary, cost, venue rank, offer index, candidate)."""
ORDERED = (PolicyKind.FASTEST, PolicyKind.PREFERRED)
"""Policies with an order of venues of their own."""
Sizes = dict[int, int]
"""Units by venue rank."""


@dataclass(slots=True)
class Allocation:
    """What one venue gets. `displayed_units` is what stood there within our limit; costs are in
    nanos * units: `cost` price and fee, `added` what is charged besides, `ranked` what was
    minimised, the ticket left out.
    """

    candidate: Candidate
    units: int = 0
    limit_nanos: int = 0
    levels: int = 0
    displayed_units: int = 0
    cost: int = 0
    added: int = 0
    ranked: int = 0
    send_delay_ns: int = 0
    flags: int = 0


@dataclass(slots=True)
class Plan:
    """Sizes per venue in venue-key order, and their expected cost in nanos * units."""

    allocations: list[Allocation] = field(default_factory=list)
    units: int = 0
    cost: int = 0
    added: int = 0
    ranked: int = 0
    ticket_nanos: int = 0


@dataclass(slots=True)
class Task:
    """One allocation to make. `least` is what venues must get at least, by rank; no offer beyond
    `cap_nanos` may be taken, 0 = none. `units_per_one` turns a ticket into nanos * units. The dark
    pools of `dark_ranks` together get at most `dark_units`. What a single venue has no room for
    costs `missed_nanos` per whole one.
    """

    order: Order
    policy: Any
    wanted: int
    units_per_one: int
    is_whole: bool = False
    cap_nanos: int = 0
    least: Sizes = field(default_factory=dict)
    dark_ranks: int = 0
    dark_units: int = 0
    missed_nanos: int = 0

    def floor_of(self, candidate: Candidate) -> int:
        """Least size of a child there, in whole lots."""
        row = candidate.row
        least = max(row.min_units, candidate.least_units, self.least.get(candidate.rank, 0))
        lot: int = row.lot_units
        return -(-least // lot) * lot

    def ticket(self, candidate: Candidate, units: int) -> int:
        """What a child there costs besides its fee per one, in nanos * units: its ticket, what the
        fee lacks to the least that is charged, and less what it has above the most.
        """
        fixed: int = candidate.ticket_nanos * self.units_per_one
        if candidate.bounds is not None and self.policy.fee_aware:
            fixed += extra(candidate, units, self.units_per_one)
        return fixed

    def ticket_share(self, candidate: Candidate) -> int:
        """Ticket per whole one were everything sent there: what a policy with an order of venues
        of its own sees of it; the others search.
        """
        return min(MAX_PRICE_NANOS, self.ticket(candidate, self.wanted) // self.wanted)


def sorted_keys(task: Task, candidates: list[Candidate]) -> list[Key]:
    """All offers within the cap, the ones to take first in front."""
    return sorted(_keys(task, candidates), key=lambda key: key[:4])


def _keys(task: Task, candidates: list[Candidate]) -> Iterator[Key]:
    eligible = [candidate for candidate in candidates if not candidate.reason]
    bound = _tolerance_bound(task, eligible)
    primaries = _primaries(task, eligible, bound)
    for candidate in eligible:
        share = task.ticket_share(candidate) if task.policy.kind in ORDERED else 0
        for index, offer in enumerate(within_cap(task, candidate)):
            cost = offer.cost_nanos + share
            primary = primaries.get(candidate.rank, 0) if cost <= bound else INT64_MAX
            yield primary, cost, candidate.rank, index, candidate


def within_cap(task: Task, candidate: Candidate) -> Iterator[Any]:
    """Offers of a candidate that may be taken."""
    sign, cap = task.order.sign, task.cap_nanos
    for offer in candidate.offers:
        if cap and sign * candidate.levels[offer.level].price_nanos > sign * cap:
            return
        yield offer


def capacity(task: Task, candidate: Candidate) -> int:
    """Whole lots that may be taken there."""
    units: int = sum(offer.units for offer in within_cap(task, candidate))
    lot: int = candidate.row.lot_units
    return units - units % lot


def _tolerance_bound(task: Task, eligible: list[Candidate]) -> int:
    """Dearest cost that the policy's own order of venues may override."""
    if task.policy.kind not in ORDERED:
        return INT64_MAX
    offers = [
        (
            offer.cost_nanos + task.ticket_share(candidate),
            candidate.rank,
            candidate.levels[offer.level].price_nanos,
        )
        for candidate in eligible
        if (offer := next(within_cap(task, candidate), None)) is not None
    ]
    if not offers:
        return 0
    cost, _, price = min(offers)
    tolerance: int = task.policy.tolerance_e9
    return int(cost) + scale_e9(price, tolerance)


def _primaries(task: Task, eligible: list[Candidate], bound: int) -> Sizes:
    """The policy's own order of venues by rank: least first, absent = 0."""
    policy = task.policy
    if policy.kind == PolicyKind.PREFERRED:
        return {c.rank: (policy.preferred[c.venue] or 256) - 1 for c in eligible}
    if policy.kind != PolicyKind.FASTEST:
        return {}
    times = {c.rank: completion_ns(c) for c in eligible}
    if not policy.split:
        return times
    slowest = _slowest_needed(task, eligible, bound, times)
    return {rank: int(time_ns > slowest) for rank, time_ns in times.items()}


def completion_ns(candidate: Candidate) -> int:
    """Expected time until a child is done: its answer, and once more for what is likely to miss."""
    return candidate.ack_ns + (candidate.ack_ns * candidate.misses[0] >> 16)


def _slowest_needed(task: Task, eligible: list[Candidate], bound: int, times: Sizes) -> int:
    """Least time within which venues have room for everything at a cost within the bound.

    Children run side by side, so a split is done when its slowest child is: whoever is no slower
    than that may be used where it is cheap.
    """
    left = task.wanted
    for candidate in sorted(eligible, key=lambda c: (times[c.rank], c.rank)):
        offers = within_cap(task, candidate)
        most = bound - task.ticket_share(candidate)
        units = sum(offer.units for offer in offers if offer.cost_nanos <= most)
        left -= units - units % candidate.row.lot_units
        if left <= 0:
            return times[candidate.rank]
    return INT64_MAX


def take(task: Task, keys: list[Key], sizes: Sizes, venues: int = -1) -> Sizes:
    """Greedy on the key order from `sizes` on, among the ranks of the mask, in whole lots."""
    sizes, seen = dict(sizes), dict.fromkeys(sizes, 0)
    left = task.wanted - sum(sizes.values())
    dark = task.dark_units - used_units(sizes, task.dark_ranks)
    for _, _, rank, index, candidate in keys:
        if left <= 0:
            break
        if not venues >> rank & 1:
            continue
        seen[rank] = seen.get(rank, 0) + candidate.offers[index].units
        before = sizes.get(rank, 0)
        if before == 0 and len(sizes) >= task.policy.max_children:
            continue
        target = min(seen[rank], before + (min(left, dark) if candidate.is_dark else left))
        more = target - target % candidate.row.lot_units - before
        if more > 0:
            sizes[rank], left = before + more, left - more
            dark -= more if candidate.is_dark else 0
    return sizes


def plan_of(task: Task, candidates: list[Candidate], sizes: Sizes) -> Plan:
    """A plan from sizes per venue: each takes its own offers from the best on."""
    plan = Plan()
    for candidate in candidates:
        units = sizes.get(candidate.rank, 0)
        if units:
            part = fill(task, candidate, units)
            plan.allocations.append(part)
            plan.units += units
            plan.cost += part.cost
            plan.added += part.added
            ticket = task.ticket(candidate, units)
            plan.ranked += part.ranked + ticket
            plan.ticket_nanos += ticket // task.units_per_one
    return plan


def fill(task: Task, candidate: Candidate, units: int) -> Allocation:
    """What `units` at one venue take and cost."""
    part, left, seen, last = Allocation(candidate, units), units, 0, 0
    for offer in candidate.offers:
        if left <= 0:
            break
        more = min(left, offer.units)
        left, seen, last = left - more, seen + offer.units, offer.level
        part.cost += offer.pay_nanos * more
        part.added += offer.added_nanos * more
        part.ranked += offer.cost_nanos * more
    part.levels = last + 1
    price = candidate.levels[last].price_nanos
    part.limit_nanos = price if candidate.is_dark else _on_grid(task, candidate, price)
    shown = sum(level.available_units for level in candidate.levels[: last + 1])
    part.displayed_units = shown - candidate.hidden_units
    if candidate.is_dark:
        part.levels, part.flags = 0, int(AllocationFlag.PEG)
    return part


def _on_grid(task: Task, candidate: Candidate, price_nanos: int) -> int:
    """A limit on the listing's tick grid that reaches the price, or inside where ours forbids."""
    tick, sign = candidate.row.tick_nanos, task.order.sign
    off = price_nanos % tick
    if not off:
        return price_nanos
    low, high = price_nanos - off, price_nanos - off + tick
    reaching, inside = (high, low) if sign > 0 else (low, high)
    bound = task.cap_nanos or task.order.limit_nanos
    for limit in (reaching, inside):
        if 0 < limit <= MAX_PRICE_NANOS and sign * limit <= sign * bound:
            return limit
    return price_nanos
