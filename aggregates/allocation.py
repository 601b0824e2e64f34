"""From priced candidates to sizes per venue: one optimiser, whose settings are the policies.

Every level gets a key (primary, cost, venue rank, level); the greedy pass over sorted keys is
optimal on the all-in price, because levels of a venue only get dearer. Lots and minimum sizes
are kept by rounding a venue's total down and by dropping venues that end below their minimum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aggregates.arithmetic import scale_e9
from aggregates.candidates import Candidate, Level
from aggregates.order import Order
from schemas.codes import PolicyKind
from schemas.units import INT64_MAX

Key = tuple[int, int, int, int, Candidate]
"""(primary, cost, venue rank, level index, candidate)."""


@dataclass(slots=True)
class Allocation:
    """What one venue gets. `displayed_units` is what stood there within our limit."""

    candidate: Candidate
    units: int = 0
    seen_units: int = 0
    limit_nanos: int = 0
    levels: int = 0
    displayed_units: int = 0
    cost: int = 0
    flags: int = 0
    send_delay_ns: int = 0


@dataclass(slots=True)
class Plan:
    """Sizes per venue in venue-key order, and their expected cost in nanos * units."""

    allocations: list[Allocation] = field(default_factory=list)
    units: int = 0
    cost: int = 0


def allocate(order: Order, policy: Any, candidates: list[Candidate], wanted: int) -> Plan:
    """Best split of `wanted` units under the policy."""
    keys = sorted(_keys(policy, candidates), key=lambda key: key[:4])
    return (_with_minimums if policy.split else _one_venue)(order, policy, keys, wanted)


def _one_venue(order: Order, policy: Any, keys: list[Key], wanted: int) -> Plan:
    """Everything to the first venue in the policy's order whose lot and minimum allow any."""
    plan = Plan()
    while keys and not plan.units:
        first = keys[0][4]
        own = [key for key in keys if key[4] is first]
        plan = _with_minimums(order, policy, own, wanted)
        keys = [key for key in keys if key[4] is not first]
    return plan


def allocate_whole(order: Order, policy: Any, candidates: list[Candidate], wanted: int) -> Plan:
    """FOK: the cheapest venue that can fill everything, or nothing."""
    best = Plan()
    for candidate in candidates:
        if candidate.reason or candidate.available_units < wanted:
            continue
        keys = sorted(_keys(policy, [candidate]), key=lambda key: key[:4])
        plan = _with_minimums(order, policy, keys, wanted)
        if plan.units == wanted and (best.units == 0 or plan.cost < best.cost):
            best = plan
    return best


def best_price(order: Order, candidates: list[Candidate], wanted: int) -> tuple[int, int]:
    """Baseline: everything to the venue with the best touch, fees ignored: (units, cost)."""
    eligible = [c for c in candidates if not c.reason]
    if not eligible:
        return 0, 0
    touch = min(eligible, key=lambda c: (order.sign * c.value, c.rank))
    return _sweep(order.sign, list(touch.levels), wanted)


def fee_blind_sweep(order: Order, candidates: list[Candidate], wanted: int) -> tuple[int, int]:
    """Baseline: best prices first over all venues, fees ignored: (units, cost)."""
    levels = [level for c in candidates if not c.reason for level in c.levels]
    # The sort is stable: equal prices stay in venue-key order.
    levels.sort(key=lambda level: order.sign * level.price_nanos)
    return _sweep(order.sign, levels, wanted)


def _sweep(sign: int, levels: list[Level], wanted: int) -> tuple[int, int]:
    left, cost = wanted, 0
    for level in levels:
        take = min(left, level.available_units)
        left -= take
        cost += (sign * level.price_nanos + level.fee_nanos) * take
    return wanted - left, cost


def _keys(policy: Any, candidates: list[Candidate]) -> Iterator[Key]:
    eligible = [candidate for candidate in candidates if not candidate.reason]
    bound = _tolerance_bound(policy, eligible)
    for candidate in eligible:
        for index, level in enumerate(candidate.levels):
            if level.available_units:
                within = level.cost_nanos <= bound
                primary = _primary(policy, candidate) if within else INT64_MAX
                yield primary, level.cost_nanos, candidate.rank, index, candidate


def _tolerance_bound(policy: Any, eligible: list[Candidate]) -> int:
    """Dearest cost that the policy's own order of venues may override."""
    offers = [
        (level.cost_nanos, candidate.rank, level.price_nanos)
        for candidate in eligible
        for level in candidate.levels
        if level.available_units
    ]
    if not offers:
        return 0
    cost, _, price = min(offers)
    return cost + scale_e9(price, policy.tolerance_e9)


def _primary(policy: Any, candidate: Candidate) -> int:
    if policy.kind == PolicyKind.FASTEST:
        return candidate.ack_ns
    if policy.kind == PolicyKind.PREFERRED:
        rank: int = policy.preferred[candidate.venue]
        return rank - 1 if rank else INT64_MAX
    return 0


def _with_minimums(order: Order, policy: Any, keys: list[Key], wanted: int) -> Plan:
    """Greedy, again without the first venue (by rank) that ends below its minimum size."""
    while True:
        plan = _greedy(order, policy, keys, wanted)
        short = [a for a in plan.allocations if a.units < a.candidate.row.min_units]
        if not short:
            return plan
        keys = [key for key in keys if key[4] is not short[0].candidate]


def _greedy(order: Order, policy: Any, keys: list[Key], wanted: int) -> Plan:
    used: dict[int, Allocation] = {}
    left, children = wanted, 0
    for _, _, rank, index, candidate in keys:
        allocation = used.get(rank) or used.setdefault(rank, Allocation(candidate))
        if allocation.units == 0 and children == policy.max_children:
            continue
        level = candidate.levels[index]
        allocation.seen_units += level.available_units
        target = min(allocation.seen_units, allocation.units + left)
        take = target - target % candidate.row.lot_units - allocation.units
        if take <= 0:
            continue
        children += allocation.units == 0
        allocation.units += take
        allocation.limit_nanos, allocation.levels = level.price_nanos, index + 1
        allocation.displayed_units = allocation.seen_units
        allocation.cost += (order.sign * level.price_nanos + level.fee_nanos) * take
        left -= take
    return _plan([used[rank] for rank in sorted(used) if used[rank].units])


def _plan(allocations: list[Allocation]) -> Plan:
    units = sum(allocation.units for allocation in allocations)
    return Plan(allocations, units, sum(allocation.cost for allocation in allocations))
