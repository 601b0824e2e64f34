"""What we do to children at venues: start, send, hold, release, cancel, replace, ask."""

from __future__ import annotations

from typing import Any

from aggregates import hazards, inventory, learning
from aggregates.child import AT_VENUE, LIVE, OPEN, WAITING, Act, Child
from aggregates.markouts import valid_mid
from aggregates.order import Order
from aggregates.router import child_time_in_force
from aggregates.shard import Shard
from schemas import decisions
from schemas.codes import (
    AlarmKind,
    AllocationFlag,
    ChildState,
    ExecInst,
    OrdType,
    OutputType,
    Reason,
    TimeInForce,
    TimerKind,
)


def start(shard: Shard, order: Order, part: Any, far_nanos: int) -> Child:
    """Makes the child of an allocation; it leaves now, or is held for its delay."""
    posts = bool(part.flags & AllocationFlag.POST)
    child = Child(
        shard.next_child_id,
        order.order_id,
        order.decision_id,
        order.record.instrument,
        part.candidate.venue,
        order.record.side,
        int(TimeInForce.DAY if posts else child_time_in_force(order)),
        part.units,
        part.limit_nanos,
        part.displayed_units,
        shard.log_ns,
        0,
        0 if posts else far_nanos,
    )
    least = max(order.least_units, part.candidate.least_units)
    child.min_units = 0 if posts else min(least, part.units)
    child.exec_inst = int(ExecInst.POST_ONLY if posts else exec_inst(part.flags))
    shard.next_child_id += 1
    shard.children[child.child_id] = child
    order.children.append(child)
    shard.books[child.instrument].open_children += 1
    if not posts:
        part.candidate.row.in_flight[order.side_index] += child.units
    inventory.reserve(shard, order, child.venue, child.units)
    if part.send_delay_ns > 0:
        child.act(Act.HOLD)
        child.due_ns = shard.log_ns + part.send_delay_ns
        shard.schedule(child.due_ns, TimerKind.RELEASE, child.child_id)
        emit_child(shard, child, None)
    else:
        send(shard, order, child)
    return child


def exec_inst(flags: int) -> ExecInst:
    """Instructions of a child that takes liquidity."""
    if flags & AllocationFlag.PEG:
        return ExecInst.MID_PEG
    told = ExecInst.ISO if flags & AllocationFlag.ISO else ExecInst(0)
    return told | ExecInst.PROBE if flags & AllocationFlag.PROBE else told


def send(shard: Shard, order: Order, child: Child) -> None:
    """Says that a child is to go to its venue, and waits for the answer."""
    child.act(Act.SEND)
    child.sent_ns = shard.log_ns
    if child.rests:
        hazards.place(shard, child)
    else:
        child.mid_x2 = valid_mid(shard, shard.books[child.instrument])
    expect_answer(shard, order, child)
    rule = shard.tables.postings.get(order.policy)
    if child.rests and rule is not None:
        shard.schedule(shard.log_ns + rule.min_life_ns, TimerKind.REST, child.child_id)
    shard.sent += 1
    record = order.record
    shard.emit(
        decisions.CHILD,
        OutputType.CHILD,
        child.instrument,
        child_id=child.child_id,
        order_id=order.order_id,
        decision_id=child.decision_id,
        units=child.units,
        limit_nanos=child.limit_nanos,
        min_units=child.min_units,
        venue=child.venue,
        side=child.side,
        ord_type=OrdType.LIMIT,
        time_in_force=child.time_in_force,
        exec_inst=child.exec_inst,
        capacity=record.capacity,
        cl_ord_id=record.cl_ord_id,
        account=record.account,
    )


def expect_answer(shard: Shard, order: Order, child: Child) -> None:
    """Starts the time within which the venue must say something."""
    timeout_ns = shard.tables.policies[order.policy].ack_timeout_ns
    child.due_ns = shard.log_ns + timeout_ns
    shard.schedule(child.due_ns, TimerKind.ACK_TIMEOUT, child.child_id)


def cancel(shard: Shard, order: Order, child: Child, reason: Reason) -> None:
    """Asks a venue to cancel; a held child dies here, an unknown one stays so until reconciled."""
    if child.state in WAITING:
        drop(shard, order, child, reason)
        return
    if child.state not in OPEN or child.state == ChildState.CANCEL_PENDING:
        return
    child.reason = int(reason)
    if child.act(Act.CANCEL):
        expect_answer(shard, order, child)
    shard.emit(
        decisions.CANCEL_CHILD,
        OutputType.CANCEL_CHILD,
        child.instrument,
        child_id=child.child_id,
        order_id=child.order_id,
        venue=child.venue,
    )


def drop(shard: Shard, order: Order, child: Child, reason: Reason) -> None:
    """A held child that must not leave."""
    before = child.leaves_units
    child.act(Act.DROP)
    child.reason = int(reason)
    shard.books[child.instrument].open_children -= 1
    free(shard, order, child, before)
    emit_child(shard, child, None)


def free(shard: Shard, order: Order, child: Child, before_units: int) -> None:
    """Keeps what is in flight and reserved at the venue in step with what a child may trade."""
    freed = before_units - child.leaves_units
    inventory.reserve(shard, order, child.venue, -freed)
    if not child.rests:
        row = shard.books[child.instrument].rows[child.venue]
        row.in_flight[order.side_index] -= freed


def replace(shard: Shard, order: Order, child: Child, units: int, limit_nanos: int) -> bool:
    """Asks a venue for other terms; False where the child's state allows none."""
    if not child.act(Act.REPLACE):
        return False
    child.pending_units, child.pending_nanos = units, limit_nanos
    expect_answer(shard, order, child)
    shard.emit(
        decisions.REPLACE_CHILD,
        OutputType.REPLACE_CHILD,
        child.instrument,
        child_id=child.child_id,
        order_id=child.order_id,
        units=units,
        limit_nanos=limit_nanos,
        venue=child.venue,
    )
    return True


def doubt(shard: Shard, order: Order, child: Child, units: int) -> None:
    """A child's outcome is unknown: says so and starts asking; it is never sent again blindly."""
    child.queries = 0
    _alarm(shard, AlarmKind.CHILD_UNKNOWN, child, units)
    if _most_queries(shard, child):
        ask(shard, order, child)


def ask(shard: Shard, order: Order, child: Child) -> None:
    """Asks what became of a child, a bounded number of times; then it is parked for a person."""
    if child.queries >= _most_queries(shard, child):
        _alarm(shard, AlarmKind.CHILD_PARKED, child, child.leaves_units)
        return
    child.queries += 1
    child.due_ns = shard.log_ns + shard.tables.policies[order.policy].ack_timeout_ns
    shard.schedule(child.due_ns, TimerKind.QUERY, child.child_id)
    shard.emit(
        decisions.STATUS_REQUEST,
        OutputType.STATUS_REQUEST,
        child.instrument,
        child_id=child.child_id,
        order_id=child.order_id,
        venue=child.venue,
        attempt=child.queries,
    )


def query_due(shard: Shard, child_id: int) -> None:
    """No answer to a status request: asks again or gives up."""
    child = shard.children.get(child_id)
    if child is None or child.state != ChildState.UNKNOWN or child.due_ns != shard.log_ns:
        return
    ask(shard, shard.orders[child.order_id], child)


def _most_queries(shard: Shard, child: Child) -> int:
    limits = shard.books[child.instrument].limits
    return limits.status_requests if limits is not None else 0


def is_overdue(shard: Shard, child: Child) -> bool:
    """Whether the venue owes an answer by now; a child at rest owes none."""
    return child.state in LIVE and child.awaited and child.due_ns == shard.log_ns


def end_at_venue(shard: Shard, order: Order, child: Child) -> None:
    """A child that was at its venue is final: remembers the visit and learns from it."""
    order.visited[child.venue] = shard.seq
    shard.books[child.instrument].open_children -= 1
    if not child.rests or child.state == ChildState.REJECTED:
        learning.observe_end(shard, child)


def is_at_venue(child: Child) -> bool:
    """Whether the venue may have it."""
    return child.state in AT_VENUE


def _alarm(shard: Shard, kind: AlarmKind, child: Child, units: int) -> None:
    shard.alarm(
        kind,
        units,
        instrument=child.instrument,
        venue=child.venue,
        child_id=child.child_id,
        order_id=child.order_id,
    )


def emit_child(shard: Shard, child: Child, report: Any) -> None:
    """Says what state a child is in, and what was just reported (nothing on a timer)."""
    told = (
        {}
        if report is None
        else {
            "trade_id": report.trade_id,
            "last_units": report.last_units,
            "last_nanos": report.last_nanos,
            "fee_nanos": report.fee_nanos,
            "exec_type": report.exec_type,
            "liquidity": report.liquidity,
            "report_flags": report.report_flags,
        }
    )
    shard.emit(
        decisions.CHILD_STATE,
        OutputType.CHILD_STATE,
        child.instrument,
        child_id=child.child_id,
        order_id=child.order_id,
        units=child.units,
        cum_units=child.cum_units,
        state=child.state,
        venue=child.venue,
        reason=child.reason,
        **told,
    )
