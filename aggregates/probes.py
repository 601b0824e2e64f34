"""Probes: one lot of a parent's real quantity for a venue that has something to prove.

A venue whose health keeps orders away, or of which too few children have told, gets no orders and
so can show nothing with them. A probe is the least lot that leaves whole lots to everybody else,
taken at the displayed touch: inside the parent's limit, never through a protected price, at most so
many a minute and venue as the settings allow (0 = none). It is a child like any other, flagged, and
part of every cost; parents that must be whole, or that decide once, send none.
"""

from __future__ import annotations

from typing import Any

from aggregates import fees, inventory
from aggregates.allocation import Allocation, Plan
from aggregates.candidates import Candidate, taker_terms
from aggregates.order import Order
from aggregates.shard import Shard
from schemas.codes import AllocationFlag, HealthState, Liquidity, Reason
from schemas.units import E9

MINUTE_NS = 60 * E9
UNWELL = (HealthState.DEGRADED, HealthState.COOLING)
"""States that a venue can prove itself out of; one that is down or halted is left alone."""


def find(
    shard: Shard,
    order: Order,
    policy: Any,
    candidates: list[Candidate],
    protected_nanos: int,
    plan: Plan,
) -> Allocation | None:
    """The probe that is due beside a plan; `protected_nanos` is the protected far touch, 0 = none.

    The first venue in key order that wants one gets it.
    """
    if not shard.tables.settings.probes_per_minute or not _may_probe(order, policy, plan):
        return None
    used = {part.candidate.rank for part in plan.allocations}
    lots = [candidate.row.lot_units for candidate in candidates if not candidate.reason]
    for candidate in candidates:
        if candidate.rank not in used and _wants(shard, candidate):
            part = _part(shard, order, candidate, max(lots, default=1))
            sign = order.sign
            inside = sign * part.limit_nanos <= sign * order.limit_nanos
            through = protected_nanos and sign * part.limit_nanos > sign * protected_nanos
            on_grid = part.limit_nanos % candidate.row.tick_nanos == 0
            lots_fit = part.units % candidate.row.lot_units == 0
            held = part.units <= inventory.free_units(shard, order, candidate.venue)
            if not (inside and not through and on_grid and lots_fit and held):
                continue
            if part.units < order.free_units and part.units <= part.displayed_units:
                return part
    return None


def add(shard: Shard, order: Order, policy: Any, plan: Plan, probe: Allocation) -> None:
    """Puts the probe behind the plan where there is still room for it."""
    if plan.units + probe.units > order.free_units:
        return
    candidate, parts = probe.candidate, plan.allocations
    taken = any(part.candidate is candidate or part.flags & AllocationFlag.POST for part in parts)
    if taken or len(parts) >= _most(policy):
        return
    plan.allocations.append(probe)
    plan.units += probe.units
    plan.cost += probe.cost
    plan.ranked += probe.ranked
    plan.ticket_nanos += candidate.row.ticket_nanos + policy.ticket_nanos
    venue = shard.tables.venues[candidate.venue].quality
    per_minute = shard.tables.settings.probes_per_minute
    venue.probe_due_ns = shard.log_ns - (-MINUTE_NS // per_minute)
    venue.probes += 1
    venue.dirty = True


def _may_probe(order: Order, policy: Any, plan: Plan) -> bool:
    """Only parents that can wait for another lot, and a policy with room for another child."""
    bound = order.immediate or order.whole or order.least_units or order.post_only
    return not bound and len(plan.allocations) < _most(policy)


def _most(policy: Any) -> int:
    """Children of one decision."""
    return int(policy.max_children) if policy.split else 1


def _wants(shard: Shard, candidate: Candidate) -> bool:
    """Whether the venue is kept out by its health alone, or has told too little."""
    quality, settings = shard.tables.venues[candidate.venue].quality, shard.tables.settings
    if shard.log_ns < quality.probe_due_ns:
        return False
    if candidate.reason == Reason.VENUE_HEALTH:
        return candidate.value in UNWELL
    if candidate.reason or not settings.probe_children:
        return False
    now_ns = candidate.row.session.at(shard.log_ns)
    known = candidate.row.fill.effective(now_ns, settings.fill_quantum_ns)
    return known < float(settings.probe_children)


def _part(shard: Shard, order: Order, candidate: Candidate, lot_units: int) -> Allocation:
    """One lot at the touch, priced as any child is."""
    row, side = candidate.row, order.side_index
    prices, sizes = (row.bid_nanos, row.bid_units) if side else (row.ask_nanos, row.ask_units)
    touch, own = prices[0], row.in_flight[side] + row.unreflected[side]
    lot = max(lot_units, row.lot_units)
    units = -(-max(row.min_units, 1) // lot) * lot
    account, instrument = order.record.account, order.record.instrument
    line = shard.tables.fees.find(candidate.venue, account, instrument, Liquidity.TAKE)
    fee = fees.per_one(taker_terms(row, line, order), touch)
    cost = (order.sign * touch + fee) * units
    flag = int(AllocationFlag.PROBE)
    return Allocation(candidate, units, touch, 1, sizes[0] - own, cost, 0, cost, 0, flag)
