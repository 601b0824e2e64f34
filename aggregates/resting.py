"""Timers of children that wait: one held for its delay, one at rest in a venue's book."""

from __future__ import annotations

from aggregates import children, hazards, inventory, posting, risk
from aggregates.child import LIVE, Child
from aggregates.desk import emit_order, settle, venue_kills
from aggregates.order import Order
from aggregates.router import best_prices
from aggregates.shard import Shard
from schemas.codes import ChildState, OrderState, Reason, TimerKind, VenueStatus


def release(shard: Shard, child_id: int) -> None:
    """A held child leaves, if all that allowed it still holds; else it dies here."""
    child = shard.children.get(child_id)
    if child is None or child.state != ChildState.HELD or child.due_ns != shard.log_ns:
        return
    order = shard.orders[child.order_id]
    reason = _why_not(shard, order, child)
    if reason:
        children.drop(shard, order, child, reason)
        settle(shard, order)
    else:
        children.send(shard, order, child)
    emit_order(shard, order)


def _why_not(shard: Shard, order: Order, child: Child) -> Reason:
    book = shard.books[child.instrument]
    row, entry = book.rows[child.venue], shard.tables.venues[child.venue]
    if not shard.may_trade or order.state != OrderState.WORKING or order.excess_units > 0:
        return Reason.PARENT_ENDING
    if risk.is_killed(shard, order.record, book) or entry.killed:
        return Reason.VENUE_KILLED
    if entry.status != VenueStatus.OPEN or row.status != VenueStatus.OPEN:
        return Reason.VENUE_STOPPED
    if book.limits.restricted:
        return Reason.RESTRICTED
    if shard.log_ns - row.quote_ns > shard.tables.policies[order.policy].stale_ns:
        return Reason.STALE_AT_RELEASE
    if inventory.is_short(shard, order, child.venue):
        return Reason.NO_INVENTORY
    return Reason.NONE


def look_at(shard: Shard, child_id: int) -> None:
    """A resting child is kept or withdrawn; it is looked at again while it is at its venue."""
    child = shard.children.get(child_id)
    if child is None or child.state not in LIVE:
        return
    hazards.observe(shard, child)
    order = shard.orders[child.order_id]
    rule = shard.tables.postings.get(order.policy)
    if child.state in (ChildState.ACKNOWLEDGED, ChildState.PARTIAL):
        book = shard.books[child.instrument]
        stale_ns = shard.tables.policies[order.policy].stale_ns
        best = best_prices(shard, book, stale_ns)
        reason = posting.why_withdraw(shard, order, child, best, venue_kills(shard))
        if reason:
            children.cancel(shard, order, child, reason)
            emit_order(shard, order)
            return
    if rule is not None:
        shard.schedule(shard.log_ns + rule.check_ns, TimerKind.REST, child_id)
