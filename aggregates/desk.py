"""What the engine does with parents: acceptance, routing attempts, and what follows from them."""

from __future__ import annotations

from typing import Any

from aggregates import accounts, children, inventory, risk
from aggregates.amend import apply_amendment, make_room
from aggregates.arithmetic import digest64, split_128
from aggregates.baselines import clean_sweep
from aggregates.book import Book
from aggregates.identity import admit
from aggregates.order import Event, Order
from aggregates.policy import horizon_ns
from aggregates.router import best_prices, decide
from aggregates.shard import ACCEPTED, MAX_OPEN_ORDERS, MAX_ORDERS, Identity, Refused, Shard
from schemas import decisions
from schemas.codes import (
    AllocationFlag,
    OrderState,
    OutputType,
    Reason,
    SelfMatch,
    TimeInForce,
    TimerKind,
)
from schemas.orders import CANCEL_ORDER, NEW_ORDER, SHED
from schemas.units import INT64_MAX

_RECEIVED, _SIZE = NEW_ORDER.offsets()["receive_ns"]
_TERMS, _AFTER_RECEIPT = slice(32, _RECEIVED), slice(_RECEIVED + _SIZE, None)
"""What makes an order the same order: all but when it reached us."""


def check_record(shard: Shard, record: Any, raw: bytes) -> Identity | Refused:
    """Whether a new order or an amendment may be looked at at all; remembers its identity."""
    if record.instrument >= len(shard.books):
        return Reason.UNKNOWN_INSTRUMENT, record.instrument, 0
    if record.flags & SHED:
        return Reason.OVERLOADED, 0, 0
    if not shard.active:
        return Reason.ENGINE_NOT_ACTIVE, 0, 0
    if shard.reference_seen > shard.reference_version:
        return Reason.REFERENCE_GAP, shard.reference_version, 0
    return admit(shard, record, digest64(raw[_TERMS] + raw[_AFTER_RECEIPT]))


def new_order(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """Checks a parent order, remembers its identity, and makes its first decision."""
    record = NEW_ORDER.unpack(raw)
    known = check_record(shard, record, raw)
    if not isinstance(known, Identity):
        return known
    book = shard.books[record.instrument]
    reason, value, order = _build(shard, record, raw, book)
    if order is None:
        return reason, value, 0
    shard.orders[order.order_id] = order
    shard.open_orders += 1
    accounts.reserve(shard, order)
    if not order.immediate:
        schedule_expiry(shard, order)
    if _give_way(shard, order):
        order.retry_due_ns = shard.log_ns + int(shard.tables.policies[order.policy].retry_ns)
        shard.schedule(order.retry_due_ns, TimerKind.RETRY, order.order_id)
    else:
        attempt(shard, order)
    known.decision_id = order.decision_id
    emit_order(shard, order)
    return ACCEPTED


def _build(shard: Shard, record: Any, raw: bytes, book: Book) -> tuple[Reason, int, Order | None]:
    policy_id = record.policy or book.default_policy
    reason, value = accounts.count_message(shard, record.account)
    if not reason:
        reason, value = risk.check_terms(record, shard.log_ns)
    if reason:
        return reason, value, None
    policy = shard.tables.policies.get(policy_id)
    if policy is None or policy.ended:
        return Reason.UNKNOWN_POLICY, policy_id, None
    reason, value = risk.check_permission(shard, record, book, policy_id)
    if reason:
        return reason, value, None
    bid, ask, _, _ = best_prices(shard, book, policy.stale_ns)
    if not bid or not ask:
        return Reason.NO_REFERENCE_PRICE, bid + ask, None
    limit = risk.effective_limit(record, book, bid, ask)
    reason, value = risk.check_limits(record, book, limit, bid, ask)
    if not reason:
        reason, value = accounts.check_position(shard, record, book, record.order_units, bid + ask)
    if not reason:
        reason, value = inventory.check(shard, record, book)
    if reason:
        return reason, value, None
    if shard.open_orders >= MAX_OPEN_ORDERS or len(shard.orders) >= MAX_ORDERS:
        return Reason.TABLE_FULL, shard.open_orders, None
    reason, value = _check_others(shard, record, book, limit)
    if reason:
        return reason, value, None
    return Reason.NONE, 0, Order(shard.seq, raw, record, policy_id, limit, bid, ask)


def _check_others(shard: Shard, record: Any, book: Book, limit: int) -> tuple[Reason, int]:
    """Against own working parents on the other side, and against the same terms sent before."""
    reason, value = risk.check_self_match(shard, record, book, limit)
    if not reason:
        return risk.check_duplicate(shard, record, book)
    if book.limits.self_match == SelfMatch.CANCEL_BOTH:
        for other in risk.matching(shard, record, limit):
            wind_down(shard, other, Reason.SELF_MATCH)
    return reason, value


def _give_way(shard: Shard, order: Order) -> bool:
    """Winds down older own parents that it could trade with; True while they may still trade."""
    waits = False
    for other in risk.matching(shard, order.record, order.limit_nanos):
        if other is not order:
            wind_down(shard, other, Reason.SELF_MATCH)
            waits |= not other.final
    return waits


def schedule_expiry(shard: Shard, order: Order) -> None:
    """When the parent ends at the latest: at its own time, or at its policy's horizon."""
    if order.record.time_in_force == TimeInForce.GTD:
        order.expire_due_ns = int(order.record.expire_ns)
    else:
        policy = shard.tables.policies[order.policy]
        order.expire_due_ns = shard.log_ns + horizon_ns(policy, order.record.urgency)
    shard.schedule(order.expire_due_ns, TimerKind.EXPIRE, order.order_id)


def cancel_order(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """Cancels a working parent; its open children are cancelled first."""
    record = CANCEL_ORDER.unpack(raw)
    order = find_order(shard, record)
    if order is None or order.final:
        return Reason.UNKNOWN_ORDER, 0, 0
    wind_down(shard, order, Reason.USER_CANCEL)
    return ACCEPTED


def find_order(shard: Shard, record: Any) -> Order | None:
    """The parent that an OrigClOrdID names: any name that it has had will do."""
    key = (record.account, record.orig_cl_ord_id, record.instrument)
    identity = shard.identities.get(key)
    return shard.orders.get(identity.order_id) if identity else None


def wind_down(shard: Shard, order: Order, reason: Reason) -> None:
    """Stops routing a parent, asks venues to cancel, and ends it once nothing is open."""
    if order.act(Event.CANCEL):
        order.end_reason, order.amendment = int(reason), b""
    for child in order.children:
        children.cancel(shard, order, child, Reason.PARENT_ENDING)
    settle(shard, order)
    emit_order(shard, order)


def attempt(shard: Shard, order: Order) -> None:
    """One routing attempt: decide, send, and say what happens to what found no place."""
    if not accounts.may_send(shard, order):
        _trip(shard, order)
        return
    book = shard.books[order.record.instrument]
    policy = shard.tables.policies[order.policy]
    best = best_prices(shard, book, policy.stale_ns)
    plan = decide(shard, order, book, best, venue_kills(shard))
    for part in plan.allocations:
        children.start(shard, order, part, best[0] if order.side_index else best[1])
    if plan.units:
        order.posts += bool(plan.allocations[0].flags & AllocationFlag.POST)
        return
    if order.immediate:
        end(shard, order, Reason.FOK_NOT_FILLABLE if order.whole else Reason.IOC_REMAINDER)
    elif order.attempts - order.posts >= policy.max_attempts:
        _settle_exhausted(shard, order)
    else:
        order.retry_due_ns = shard.log_ns + policy.retry_ns
        shard.schedule(order.retry_due_ns, TimerKind.RETRY, order.order_id)


def _trip(shard: Shard, order: Order) -> None:
    """The account's throttle has tripped: all of its parents stop until a person re-arms it."""
    for order_id in sorted(shard.orders):
        other = shard.orders[order_id]
        if other.record.account == order.record.account and not other.final:
            wind_down(shard, other, Reason.THROTTLED)


def settle(shard: Shard, order: Order) -> None:
    """Moves a parent on after something about its children changed."""
    if order.final:
        return
    if order.state == OrderState.AMEND_PENDING:
        make_room(shard, order)
    if order.awaiting:
        return
    if order.state == OrderState.AMEND_PENDING and not apply_amendment(shard, order):
        return
    if order.outstanding_units and order.free_units == 0:
        return  # all that is left rests, or is with children of unknown outcome
    if order.cum_units >= order.record.order_units:
        full = order.cum_units == order.record.order_units
        end(shard, order, Reason.FILLED if full else Reason.OVERFILLED)
    elif order.state == OrderState.CANCEL_PENDING or order.immediate:
        _settle_ending(shard, order)
    elif order.state == OrderState.WORKING:
        _go_on(shard, order)


def _go_on(shard: Shard, order: Order) -> None:
    if not order.free_units or order.retry_due_ns > shard.log_ns or not shard.may_trade:
        return
    if order.record.display_units and any(c.rests and c.leaves_units for c in order.children):
        return  # the next slice waits for the one that is shown
    policy = shard.tables.policies[order.policy]
    if order.attempts - order.posts >= policy.max_attempts:
        _settle_exhausted(shard, order)
    else:
        attempt(shard, order)


def resume(shard: Shard) -> None:
    """Trading may go on: parents that were held are moved on, oldest first."""
    for order_id in sorted(shard.orders):
        order = shard.orders[order_id]
        if not order.final:
            settle(shard, order)
            emit_order(shard, order)


def follow_sessions(shard: Shard, instrument: int) -> None:
    """Parents are suspended while no venue trades their instrument, and go on when one does."""
    if not shard.open_orders:
        return
    for order_id in sorted(shard.orders):
        order = shard.orders[order_id]
        own = order.record.instrument
        if order.final or instrument not in (own, 2**32 - 1):
            continue
        if not shard.trades(shard.books[own]):
            if order.act(Event.SUSPEND):
                for child in order.children:
                    if child.rests:
                        children.cancel(shard, order, child, Reason.VENUE_STOPPED)
                emit_order(shard, order)
        elif order.act(Event.RESUME):
            settle(shard, order)
            emit_order(shard, order)


def _settle_ending(shard: Shard, order: Order) -> None:
    """A parent that routes no more ends when no child's quantity is in doubt."""
    if order.outstanding_units == 0:
        pending = order.state == OrderState.CANCEL_PENDING
        end(shard, order, Reason(order.end_reason) if pending else Reason.IOC_REMAINDER)


def _settle_exhausted(shard: Shard, order: Order) -> None:
    if order.outstanding_units == 0:
        end(shard, order, Reason.MAX_ATTEMPTS)


def end(shard: Shard, order: Order, reason: Reason) -> None:
    """Ends a parent and schedules when it is forgotten."""
    order.finish(reason)
    shard.open_orders -= 1
    accounts.reserve(shard, order)
    due_ns = min(INT64_MAX, shard.log_ns + shard.tables.settings.linger_ns)
    shard.schedule(due_ns, TimerKind.FORGET, order.order_id)


def forget(shard: Shard, order: Order) -> None:
    """Drops an ended parent and its children; none of them can be open."""
    for child in order.children:
        del shard.children[child.child_id]
    del shard.orders[order.order_id]


def venue_kills(shard: Shard) -> int:
    """Bit mask of the venues under a kill switch."""
    return sum((venue.killed != 0) << index for index, venue in enumerate(shard.tables.venues))


def emit_order(shard: Shard, order: Order) -> None:
    """Says what state a parent is in."""
    accounts.reserve(shard, order)
    low, high = split_128(order.notional)
    left, swept = order.record.order_units - order.cum_units, (0, 0)
    if left > 0 and order.final:
        swept = clean_sweep(shard, order, left)
    cost_low, cost_high = split_128(swept[1])
    shard.emit(
        decisions.ORDER_STATE,
        OutputType.ORDER_STATE,
        order.record.instrument,
        order_id=order.order_id,
        decision_id=order.decision_id,
        order_units=order.record.order_units,
        cum_units=order.cum_units,
        outstanding_units=order.outstanding_units,
        notional_lo=low,
        notional_hi=high,
        fee_nanos=accounts.fee_word(order.fee_nanos),
        horizon_units=swept[0],
        horizon_cost_lo=cost_low,
        horizon_cost_hi=cost_high,
        state=order.state,
        reason=order.end_reason,
        side=order.record.side,
        cl_ord_id=order.record.cl_ord_id,
        account=order.record.account,
    )
