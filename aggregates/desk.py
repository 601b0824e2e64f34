"""What the engine does with parents, their children and their timers."""

from __future__ import annotations

from typing import Any

from aggregates import risk
from aggregates.arithmetic import digest64, split_128
from aggregates.book import Book
from aggregates.child import OPEN, Child
from aggregates.identity import admit
from aggregates.markouts import valid_mid
from aggregates.order import Order
from aggregates.policy import horizon_ns
from aggregates.router import best_prices, child_time_in_force, decide
from aggregates.shard import MAX_OPEN_ORDERS, Identity, Shard
from schemas import decisions
from schemas.codes import (
    AllocationFlag,
    ChildState,
    ExecInst,
    KillScope,
    OrderState,
    OrdType,
    OutputType,
    Reason,
    TimeInForce,
    TimerKind,
)
from schemas.envelope import HEADER
from schemas.orders import CANCEL_ORDER, KILL, NEW_ORDER
from schemas.units import INT64_MAX, INT64_MIN

Refused = tuple[Reason, int, int]
"""(reason, deciding value, order id of the first order for a repeat)."""
ACCEPTED: Refused = (Reason.NONE, 0, 0)
_RECEIVED, _SIZE = NEW_ORDER.offsets()["receive_ns"]
_TERMS, _AFTER_RECEIPT = slice(HEADER.size, _RECEIVED), slice(_RECEIVED + _SIZE, None)
"""What makes an order the same order: all but when it reached us."""


def new_order(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """Checks a parent order, remembers its identity, and makes its first decision."""
    record = NEW_ORDER.unpack(raw)
    if record.instrument >= len(shard.books):
        return Reason.UNKNOWN_INSTRUMENT, record.instrument, 0
    if not shard.active:
        return Reason.ENGINE_NOT_ACTIVE, 0, 0
    if shard.reference_seen > shard.reference_version:
        return Reason.REFERENCE_GAP, shard.reference_version, 0
    known = admit(shard, record, digest64(raw[_TERMS] + raw[_AFTER_RECEIPT]))
    if not isinstance(known, Identity):
        return known
    book = shard.books[record.instrument]
    policy_id = record.policy or book.default_policy
    reason, value, order = _build(shard, record, raw, book, policy_id)
    if order is None:
        return reason, value, 0
    shard.orders[order.order_id] = order
    shard.open_orders += 1
    if not order.immediate:
        shard.schedule(_expiry_ns(shard, order), TimerKind.EXPIRE, order.order_id)
    attempt(shard, order)
    known.decision_id = order.decision_id
    emit_order(shard, order)
    return ACCEPTED


def _build(
    shard: Shard, record: Any, raw: bytes, book: Book, policy_id: int
) -> tuple[Reason, int, Order | None]:
    reason, value = risk.check_terms(record, shard.log_ns)
    if reason:
        return reason, value, None
    if policy_id not in shard.tables.policies:
        return Reason.UNKNOWN_POLICY, policy_id, None
    if _killed(shard, record, book):
        return Reason.KILLED, 0, None
    if book.limits is None:
        return Reason.MAX_ORDER_UNITS, 0, None
    stale_ns = shard.tables.policies[policy_id].stale_ns
    bid, ask, _, _ = best_prices(shard, book, stale_ns)
    if not bid or not ask:
        return Reason.NO_REFERENCE_PRICE, bid + ask, None
    limit = risk.effective_limit(record, book, bid, ask)
    reason, value = risk.check_limits(record, book, limit, bid, ask)
    if reason:
        return reason, value, None
    if shard.open_orders >= MAX_OPEN_ORDERS:
        return Reason.TABLE_FULL, shard.open_orders, None
    return Reason.NONE, 0, Order(shard.seq, raw, record, policy_id, limit, bid, ask)


def amend_order(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """Amending is not supported yet; the sender cancels and sends anew."""
    return Reason.NOT_SUPPORTED, header.type, 0


def cancel_order(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """Cancels a working parent; its open children are cancelled first."""
    record = CANCEL_ORDER.unpack(raw)
    key = (record.account, record.orig_cl_ord_id, record.instrument)
    identity = shard.identities.get(key)
    order = shard.orders.get(identity.order_id) if identity else None
    if order is None or order.final:
        return Reason.UNKNOWN_ORDER, 0, 0
    wind_down(shard, order, Reason.USER_CANCEL)
    return ACCEPTED


def wind_down(shard: Shard, order: Order, reason: Reason) -> None:
    """Stops routing a parent, asks venues to cancel, and ends it once nothing is open."""
    if order.state == OrderState.WORKING:
        order.state, order.end_reason = int(OrderState.CANCEL_PENDING), int(reason)
    for child in order.children:
        cancel_child(shard, child)
    settle(shard, order)
    emit_order(shard, order)


def cancel_child(shard: Shard, child: Child) -> None:
    """Asks a venue to cancel; an unknown child keeps its state until it is reconciled."""
    if child.state not in OPEN or child.state == ChildState.CANCEL_PENDING:
        return
    if child.state != ChildState.UNKNOWN:
        child.state = int(ChildState.CANCEL_PENDING)
    shard.emit(
        decisions.CANCEL_CHILD,
        OutputType.CANCEL_CHILD,
        child.instrument,
        child_id=child.child_id,
        order_id=child.order_id,
        venue=child.venue,
    )


def attempt(shard: Shard, order: Order) -> None:
    """One routing attempt: decide, send, and say what happens to what found no place."""
    book = shard.books[order.record.instrument]
    policy = shard.tables.policies[order.policy]
    best = best_prices(shard, book, policy.stale_ns)
    plan = decide(shard, order, book, best, _venue_kills(shard))
    for part in plan.allocations:
        _send(shard, order, part, best[0] if order.side_index else best[1])
    if plan.units:
        return
    if order.immediate:
        fok = order.record.time_in_force == TimeInForce.FOK
        end(shard, order, Reason.FOK_NOT_FILLABLE if fok else Reason.IOC_REMAINDER)
    elif order.attempts >= policy.max_attempts:
        _settle_exhausted(shard, order)
    else:
        order.retry_due_ns = shard.log_ns + policy.retry_ns
        shard.schedule(order.retry_due_ns, TimerKind.RETRY, order.order_id)


def _send(shard: Shard, order: Order, part: Any, far_nanos: int) -> None:
    venue, side = part.candidate.venue, order.side_index
    book = shard.books[order.record.instrument]
    ack_timeout_ns = shard.tables.policies[order.policy].ack_timeout_ns
    child = Child(
        shard.next_child_id,
        order.order_id,
        order.decision_id,
        order.record.instrument,
        venue,
        order.record.side,
        int(child_time_in_force(order)),
        part.units,
        part.limit_nanos,
        part.displayed_units,
        shard.log_ns,
        valid_mid(shard, book),
        far_nanos,
    )
    shard.next_child_id += 1
    shard.children[child.child_id] = child
    order.children.append(child)
    book.open_children += 1
    part.candidate.row.in_flight[side] += child.units
    shard.schedule(shard.log_ns + ack_timeout_ns, TimerKind.ACK_TIMEOUT, child.child_id)
    shard.emit(
        decisions.CHILD,
        OutputType.CHILD,
        child.instrument,
        child_id=child.child_id,
        order_id=order.order_id,
        decision_id=order.decision_id,
        units=child.units,
        limit_nanos=child.limit_nanos,
        venue=venue,
        side=child.side,
        ord_type=OrdType.LIMIT,
        time_in_force=child.time_in_force,
        exec_inst=ExecInst.ISO if part.flags & AllocationFlag.ISO else 0,
        send_delay_ns=part.send_delay_ns,
        capacity=order.record.capacity,
        cl_ord_id=order.record.cl_ord_id,
        account=order.record.account,
    )


def settle(shard: Shard, order: Order) -> None:
    """Moves a parent on after something about its children changed."""
    if order.final or order.awaiting:
        return
    if order.outstanding_units and order.free_units == 0:
        return  # all that is left is with children of unknown outcome
    if order.cum_units >= order.record.order_units:
        full = order.cum_units == order.record.order_units
        end(shard, order, Reason.FILLED if full else Reason.OVERFILLED)
    elif order.state == OrderState.CANCEL_PENDING or order.immediate:
        _settle_ending(shard, order)
    elif order.free_units and order.retry_due_ns <= shard.log_ns and shard.may_trade:
        policy = shard.tables.policies[order.policy]
        if order.attempts >= policy.max_attempts:
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
    due_ns = shard.log_ns + shard.tables.settings.linger_ns
    shard.schedule(due_ns, TimerKind.FORGET, order.order_id)


def forget(shard: Shard, order: Order) -> None:
    """Drops an ended parent and its children; none of them can be open."""
    for child in order.children:
        del shard.children[child.child_id]
    del shard.orders[order.order_id]


def apply_kill(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """Engages or releases a kill switch; engaging cancels what is open in its scope."""
    record = KILL.unpack(raw)
    if not _set_kill(shard, record):
        return Reason.BAD_VALUE, record.scope, 0
    if record.engaged:
        for order_id in sorted(shard.orders):
            order = shard.orders[order_id]
            if not order.final:
                _apply_kill_to(shard, record, order)
    return ACCEPTED


def _apply_kill_to(shard: Shard, record: Any, order: Order) -> None:
    if record.scope == KillScope.VENUE:
        for child in order.children:
            if child.venue == record.venue:
                cancel_child(shard, child)
    elif _killed(shard, order.record, shard.books[order.record.instrument]):
        wind_down(shard, order, Reason.KILLED)


def _set_kill(shard: Shard, record: Any) -> bool:
    engaged = record.engaged != 0
    if record.scope == KillScope.ALL:
        shard.kill_all = engaged
    elif record.scope == KillScope.INSTRUMENT and record.instrument < len(shard.books):
        shard.books[record.instrument].killed = engaged
    elif record.scope == KillScope.VENUE and record.venue < len(shard.tables.venues):
        shard.tables.venues[record.venue].killed = engaged
    elif record.scope == KillScope.SELF_HELP and record.venue < len(shard.tables.venues):
        shard.tables.venues[record.venue].self_help = engaged
    elif record.scope in (KillScope.CLIENT, KillScope.ACCOUNT):
        client = record.scope == KillScope.CLIENT
        targets = shard.killed_clients if client else shard.killed_accounts
        (targets.add if engaged else targets.discard)(record.target)
    else:
        return False
    return True


def _killed(shard: Shard, record: Any, book: Book) -> bool:
    return (
        shard.kill_all
        or book.killed
        or record.client in shard.killed_clients
        or record.account in shard.killed_accounts
    )


def _venue_kills(shard: Shard) -> int:
    return sum(venue.killed << index for index, venue in enumerate(shard.tables.venues))


def _expiry_ns(shard: Shard, order: Order) -> int:
    if order.record.time_in_force == TimeInForce.GTD:
        return int(order.record.expire_ns)
    policy = shard.tables.policies[order.policy]
    return shard.log_ns + horizon_ns(policy, order.record.urgency)


def emit_order(shard: Shard, order: Order) -> None:
    """Says what state a parent is in."""
    low, high = split_128(order.notional)
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
        fee_nanos=max(INT64_MIN, min(INT64_MAX, order.fee_nanos)),
        state=order.state,
        reason=order.end_reason,
        side=order.record.side,
        cl_ord_id=order.record.cl_ord_id,
        account=order.record.account,
    )
