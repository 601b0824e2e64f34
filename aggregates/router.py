"""Turns a parent's free quantity into a decision: gathers, allocates, and writes the record."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

from aggregates import arrival, baselines, dark, inventory, pricing, probes, protection
from aggregates.accounts import permitted_venues
from aggregates.allocation import Allocation, Plan, Task
from aggregates.arithmetic import digest64, split_128
from aggregates.book import Book
from aggregates.candidates import Candidate, gather
from aggregates.order import Order
from aggregates.posting import plan_post
from aggregates.pricing import Charges
from aggregates.protection import Outcome as Protected
from aggregates.shard import Shard
from schemas import decisions
from schemas.codes import (
    AllocationFlag,
    CandidateFlag,
    Crossed,
    DecisionFlag,
    LevelsFlag,
    Outcome,
    OutputType,
    Reason,
    TimeInForce,
    VenueStatus,
)

UINT32_MAX = 2**32 - 1
Best = tuple[int, int, int, int]
"""(protected bid, protected ask, displayed bid, displayed ask) in nanos, 0 = none."""


def best_prices(shard: Shard, book: Book, stale_ns: int) -> Best:
    """Protected best (round lot at a protected venue) and best displayed.

    Fresh quotes only, and no book that is crossed in itself: it would move every collar.
    """
    bids, asks, shown_bids, shown_asks = [], [], [], []
    for venue, row in enumerate(book.rows):
        entry = shard.tables.venues[venue]
        if not row.listed or entry.status != VenueStatus.OPEN or row.status != VenueStatus.OPEN:
            continue
        crossed = 0 < row.ask_nanos[0] < row.bid_nanos[0]
        if crossed or shard.log_ns - row.quote_ns > stale_ns:
            continue
        shown_bids.append(row.bid_nanos[0])
        shown_asks.append(row.ask_nanos[0])
        is_protected = entry.is_protected and not entry.self_help
        if is_protected and row.bid_units[0] >= book.round_lot_units:
            bids.append(row.bid_nanos[0])
        if is_protected and row.ask_units[0] >= book.round_lot_units:
            asks.append(row.ask_nanos[0])
    return _highest(bids), _lowest(asks), _highest(shown_bids), _lowest(shown_asks)


def decide(shard: Shard, order: Order, book: Book, best: Best, kill_mask: int) -> Plan:
    """Plans the free quantity and emits the decision; the caller sends the children."""
    tables, now_ns = shard.tables, shard.log_ns
    policy, wanted = tables.policies[order.policy], order.free_units
    permitted = permitted_venues(shard, order.record.account)
    candidates = gather(order, book, tables, now_ns, kill_mask, permitted)
    dark_units = dark.include(order, book, tables, candidates, best, now_ns)
    inventory.cap(shard, order, candidates)
    if policy.crossed == Crossed.WAIT and 0 < best[3] < best[2]:
        _wait(candidates, best[2] - best[3])
    far_nanos = best[3] if order.sign > 0 else best[2]
    charges = pricing.charge(
        order, policy, book, candidates, wanted, far_nanos, now_ns, tables.settings
    )
    task = Task(order, policy, wanted, book.units_per_one)
    task.missed_nanos = charges.last_nanos + charges.penalty_nanos
    task.dark_ranks, task.dark_units = dark.ranks_of(candidates), dark_units
    chosen, probe = _allocate(shard, task, book, candidates, best)
    if policy.equalise_arrival:
        arrival.equalise(policy, chosen.plan, tables)
    if not chosen.plan.units:
        chosen.plan = plan_post(shard, order, book, best, candidates, kill_mask)
    if probe is not None:
        probes.add(shard, order, policy, chosen.plan, probe)
    order.attempts += 1
    order.decision_id = _emit(shard, order, book, candidates, chosen, charges, best)
    return chosen.plan


def _allocate(
    shard: Shard, task: Task, book: Book, candidates: list[Candidate], best: Best
) -> tuple[Protected, Allocation | None]:
    """The plan under the policy's protection, and the probe that it leaves a lot for."""
    order, wanted = task.order, task.wanted
    # All at one venue where the parent, or its minimum, must be whole.
    least = 0 if order.whole else order.least_units
    # Part of the minimum may be out already; what is free then waits for its answer.
    if order.post_only or least > wanted:
        return Protected(Plan()), None
    whole = replace(task, wanted=least or wanted, is_whole=order.whole or bool(least))
    chosen = protection.allocate(whole, candidates, book, shard.tables, best[:2])
    far_nanos = best[1] if order.sign > 0 else best[0]
    probe = probes.find(shard, order, task.policy, candidates, far_nanos, chosen.plan)
    if probe is not None and chosen.plan.units + probe.units > wanted:
        rest = replace(task, wanted=wanted - probe.units)
        chosen = protection.allocate(rest, candidates, book, shard.tables, best[:2])
    return chosen, probe


def _wait(candidates: list[Candidate], crossed_nanos: int) -> None:
    """The policy waits while venues are crossed against each other."""
    for candidate in candidates:
        if not candidate.reason:
            candidate.reason, candidate.value = Reason.MARKET_CROSSED, crossed_nanos


def _emit(
    shard: Shard,
    order: Order,
    book: Book,
    candidates: list[Candidate],
    chosen: Protected,
    charges: Charges,
    best: Best,
) -> int:
    policy, plan = shard.tables.policies[order.policy], chosen.plan
    wanted = order.free_units
    rows = b"".join(_block(order, candidate) for candidate in candidates)
    values = {
        "order_id": order.order_id,
        "reference_version": shard.reference_version,
        "quality_seq": shard.quality_seq,
        "rows_digest": digest64(rows),
        "first_child_id": shard.next_child_id,
        "attempt": order.attempts,
        "policy": order.policy,
        "policy_version": policy.version,
        "side": order.record.side,
        "outcome": _outcome(plan, wanted),
        "candidates": len(candidates),
        "children": len(plan.allocations),
        "remaining_units": wanted,
        "limit_nanos": order.limit_nanos,
        "allocated_units": plan.units,
        "arrival_bid_nanos": order.arrival_bid_nanos,
        "arrival_ask_nanos": order.arrival_ask_nanos,
        "protected_bid_nanos": best[0],
        "protected_ask_nanos": best[1],
        "displayed_bid_nanos": best[2],
        "displayed_ask_nanos": best[3],
        "cl_ord_id": order.record.cl_ord_id,
        "account": order.record.account,
        "flags": _flags(order, candidates) | chosen.flags,
        "time_in_force": order.record.time_in_force,
        "protection": policy.protection,
        "remainder_e9": charges.remainder_e9,
        "penalty_nanos": charges.penalty_nanos,
        "ticket_nanos": plan.ticket_nanos,
        "cap_nanos": chosen.cap_nanos,
        **_costs(order, candidates, plan, wanted),
    }
    tail = rows + b"".join(_allocations(order, plan))
    return shard.emit_long(decisions.DECISION, OutputType.DECISION, book.instrument, tail, values)


def _costs(order: Order, candidates: list[Candidate], plan: Plan, wanted: int) -> dict[str, int]:
    best_units, best_cost = baselines.best_price(order, candidates, wanted)
    sweep_units, sweep_cost = baselines.fee_blind_sweep(order, candidates, wanted)
    values = {"best_price_units": best_units, "sweep_units": sweep_units}
    costs = {
        "expected": plan.cost,
        "added": plan.added,
        "best_price": best_cost,
        "sweep": sweep_cost,
    }
    for name, cost in costs.items():
        values[f"{name}_cost_lo"], values[f"{name}_cost_hi"] = split_128(cost)
    return values


def _outcome(plan: Plan, wanted: int) -> Outcome:
    if plan.units == 0:
        return Outcome.NOTHING
    return Outcome.FULL if plan.units == wanted else Outcome.PARTIAL


def _flags(order: Order, candidates: list[Candidate]) -> int:
    bid, ask = order.arrival_bid_nanos, order.arrival_ask_nanos
    flags = DecisionFlag(0)
    if any(c.row.modelled for c in candidates if not c.reason):
        flags |= DecisionFlag.MODELLED
    if bid > ask:
        flags |= DecisionFlag.CROSSED_ARRIVAL
    if bid == ask:
        flags |= DecisionFlag.LOCKED_ARRIVAL
    if any(c.reason == Reason.SELF_HELP for c in candidates):
        flags |= DecisionFlag.SELF_HELP
    return int(flags)


def _block(order: Order, candidate: Candidate) -> bytes:
    """A candidate as the record keeps it; an excluded venue is its reason and deciding value."""
    age_us = min(candidate.age_ns // 1000, UINT32_MAX)
    head = {"venue": candidate.venue, "quote_age_us": age_us, "value": candidate.value}
    if candidate.reason:
        return decisions.CANDIDATE.pack(reason=candidate.reason, **head)
    if candidate.is_dark:
        return _dark_block(candidate, head)
    deltas = [order.sign * (lv.price_nanos - candidate.value) for lv in candidate.levels]
    flags = _block_flags(candidate, deltas)
    block = decisions.CANDIDATE.pack(levels=_levels(candidate), flags=flags, **head)
    block += _row(candidate, flags)
    pair = struct.Struct(
        "<"
        + ("Q" if flags & CandidateFlag.WIDE_PRICE else "I")
        + ("Q" if flags & CandidateFlag.WIDE_UNITS else "I")
    )
    for delta, level in zip(deltas, candidate.levels, strict=True):
        block += pair.pack(delta, level.units)
    return block + b"\0" * (-len(block) % 8)


def _dark_block(candidate: Candidate, head: dict[str, int]) -> bytes:
    """A dark pool shows no level: what it may be asked for and what a miss there costs follow."""
    flags = _block_flags(candidate, [0])
    block = decisions.CANDIDATE.pack(levels=_levels(candidate), flags=flags, **head)
    block += _row(candidate, flags)
    return block + struct.pack("<qq", candidate.levels[0].units, candidate.penalty_nanos)


def _levels(candidate: Candidate) -> int:
    """How many levels are stored, none of a pool, and what of the rare follows the row."""
    found = 0 if candidate.is_dark else len(candidate.levels)
    found |= LevelsFlag.INVENTORY if candidate.inventory_units else 0
    if candidate.bounds is not None:
        found |= LevelsFlag.FEE_BOUNDS
        found |= LevelsFlag.FEE_PER_ORDER if candidate.bounds.per_order else 0
    return found


def _row(candidate: Candidate, flags: int) -> bytes:
    """Quality values as used, and the values that few candidates have."""
    block = decisions.ROW.pack(
        fee_nanos=candidate.levels[0].fee_nanos,
        ack_ns=candidate.ack_ns,
        impact_nanos=0 if flags & CandidateFlag.WIDE_IMPACT else candidate.impact_nanos,
        **{f"miss_{index}": miss for index, miss in enumerate(candidate.misses)},
    )
    for flag, value in _extras(candidate):
        if flags & flag:
            block += struct.pack("<q", value)
    if candidate.inventory_units:
        block += struct.pack("<q", candidate.inventory_units)
    if candidate.bounds is not None:
        block += struct.pack("<qq", candidate.bounds.min_nanos, candidate.bounds.max_nanos)
    return block


def _extras(candidate: Candidate) -> tuple[tuple[CandidateFlag, int], ...]:
    """Values that few candidates have, in the order in which they are stored."""
    return (
        (CandidateFlag.OWN_UNITS, candidate.own_units),
        (CandidateFlag.WIDE_IMPACT, candidate.impact_nanos),
        (CandidateFlag.BALANCE, candidate.balance_nanos),
        (CandidateFlag.TICKET, candidate.ticket_nanos),
        (CandidateFlag.HIDDEN, candidate.hidden_units),
    )


def _block_flags(candidate: Candidate, deltas: list[int]) -> int:
    flags = CandidateFlag(0)
    if max(deltas) > UINT32_MAX:
        flags |= CandidateFlag.WIDE_PRICE
    if max(level.units for level in candidate.levels) > UINT32_MAX:
        flags |= CandidateFlag.WIDE_UNITS
    if candidate.row.modelled:
        flags |= CandidateFlag.MODELLED
    for flag, value in _extras(candidate):
        if value > (UINT32_MAX if flag == CandidateFlag.WIDE_IMPACT else 0):
            flags |= flag
    return int(flags)


def _allocations(order: Order, plan: Plan) -> Iterator[bytes]:
    for part in plan.allocations:
        yield decisions.ALLOCATION.pack(
            venue=part.candidate.venue,
            levels=part.levels,
            time_in_force=_time_in_force(order, part.flags),
            flags=part.flags | (AllocationFlag.HELD if part.send_delay_ns else 0),
            send_delay_ns=part.send_delay_ns,
            units=part.units,
            limit_nanos=part.limit_nanos,
        )


def _time_in_force(order: Order, flags: int) -> TimeInForce:
    return TimeInForce.DAY if flags & AllocationFlag.POST else child_time_in_force(order)


def child_time_in_force(order: Order) -> TimeInForce:
    """Children that take what is there now: FOK for a parent that must be whole, else IOC."""
    return TimeInForce.FOK if order.whole else TimeInForce.IOC


def _highest(prices: list[int]) -> int:
    return max(prices, default=0)


def _lowest(prices: list[int]) -> int:
    return min((price for price in prices if price), default=0)
