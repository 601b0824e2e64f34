"""Books what venues say about children: facts first, then what follows from them."""

from __future__ import annotations

from typing import Any

from aggregates import quality
from aggregates.child import LIVE, OPEN, Child, apply_report
from aggregates.desk import ACCEPTED, Refused, emit_order, settle, wind_down
from aggregates.order import Order
from aggregates.quality import UNREFLECTED_MAX, Row
from aggregates.shard import Shard
from schemas import decisions
from schemas.codes import (
    AlarmKind,
    ChildState,
    ExecType,
    OrderState,
    OutputType,
    Reason,
    TimerKind,
)
from schemas.reports import EXEC_REPORT
from schemas.units import MAX_PRICE_NANOS, MAX_UNITS

MAX_CUM_UNITS = 10**18
MAX_FEE_NANOS = 10**15
_SUPPORTED = frozenset(
    {
        ExecType.NEW,
        ExecType.TRADE,
        ExecType.CANCELED,
        ExecType.REJECTED,
        ExecType.EXPIRED,
        ExecType.CANCEL_REJECT,
        ExecType.DONE_FOR_DAY,
        ExecType.ORDER_STATUS,
    }
)


def apply(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """Applies one execution report to its child, its parent and the venue's quality."""
    report = EXEC_REPORT.unpack(raw)
    reason, value = _check(report)
    if reason:
        return reason, value, 0
    child = shard.children.get(report.child_id)
    if child is None:
        if report.exec_type == ExecType.TRADE:
            _alarm_unknown_fill(shard, report)
        return Reason.UNKNOWN_CHILD, report.last_units, 0
    order = shard.orders[child.order_id]
    reason, value = _check_trade(report, child, order)
    if reason:
        return reason, value, order.order_id
    row = shard.books[child.instrument].rows[child.venue]
    before, state_before = child.leaves_units, child.state
    _observe_answer(shard, child, row)
    if report.exec_type == ExecType.TRADE:
        _book_trade(shard, child, order, row, report)
    apply_report(child, report.exec_type, report.cum_units, report.leaves_units)
    row.in_flight[order.side_index] -= before - child.leaves_units
    row.dirty = True
    if state_before in OPEN and child.state not in OPEN:
        _finish_child(shard, child, order, row)
    emit_child(shard, child, report)
    _doubt(shard, child, order, state_before, report)
    _move_on(shard, order)
    shard.quality_seq += 1
    return ACCEPTED


def _doubt(shard: Shard, child: Child, order: Order, before: int, report: Any) -> None:
    """Fills we were not told of make the outcome unknown; an answer gives the venue time again."""
    if child.state == ChildState.UNKNOWN != before:
        order.visited[child.venue] = shard.seq
        _alarm_unknown_child(shard, child, report.cum_units - child.cum_units)
    elif before == ChildState.UNKNOWN and child.state in LIVE:
        timeout_ns = shard.tables.policies[order.policy].ack_timeout_ns
        shard.schedule(shard.log_ns + timeout_ns, TimerKind.ACK_TIMEOUT, child.child_id)


def _move_on(shard: Shard, order: Order) -> None:
    """What a report means for its parent; one filled beyond its size stops and cancels the rest."""
    over = order.excess_units > 0
    if over and order.state == OrderState.WORKING:
        wind_down(shard, order, Reason.OVERFILLED)
        return
    if over and order.final:
        order.finish(Reason.OVERFILLED)
    settle(shard, order)
    emit_order(shard, order)


def _check(report: Any) -> tuple[Reason, int]:
    if report.exec_type not in _SUPPORTED:
        return Reason.NOT_SUPPORTED, report.exec_type
    if not -MAX_FEE_NANOS <= report.fee_nanos <= MAX_FEE_NANOS:
        return Reason.BAD_VALUE, report.fee_nanos
    if report.exec_type != ExecType.TRADE:
        return Reason.NONE, 0
    if not 0 < report.last_units <= MAX_UNITS:
        return Reason.BAD_SIZE, report.last_units
    if not 0 < report.last_nanos <= MAX_PRICE_NANOS:
        return Reason.BAD_PRICE, report.last_nanos
    return Reason.NONE, 0


def _check_trade(report: Any, child: Child, order: Order) -> tuple[Reason, int]:
    if report.exec_type != ExecType.TRADE:
        return Reason.NONE, 0
    if report.trade_id in child.trades:
        return Reason.DUPLICATE_TRADE, report.trade_id & (2**63 - 1)
    if order.cum_units + report.last_units > MAX_CUM_UNITS:
        return Reason.BAD_SIZE, report.last_units
    return Reason.NONE, 0


def _observe_answer(shard: Shard, child: Child, row: Row) -> None:
    """The first word of a venue about a child, whatever it says, is its acknowledgement."""
    if not child.acked:
        child.acked = True
        latency_ns = shard.log_ns - child.sent_ns
        quality.observe_ack(row, shard.log_ns, latency_ns, shard.tables.settings)


def _book_trade(shard: Shard, child: Child, order: Order, row: Row, report: Any) -> None:
    """A fill from a venue is always booked: late or in excess, it raises an alarm as well."""
    late = child.state not in OPEN
    child.trades[report.trade_id] = (report.last_units, report.last_nanos)
    child.cum_units += report.last_units
    order.cum_units += report.last_units
    order.notional += report.last_nanos * report.last_units
    order.fee_nanos += report.fee_nanos
    row.fills += 1
    side = order.side_index
    row.unreflected[side] = min(UNREFLECTED_MAX, row.unreflected[side] + report.last_units)
    subject = {"instrument": child.instrument, "venue": child.venue, "child_id": child.child_id}
    if late:
        shard.alarm(AlarmKind.LATE_FILL, report.last_units, order_id=order.order_id, **subject)
    excess = child.cum_units - child.units
    if excess > 0:
        shard.alarm(AlarmKind.OVERFILL, excess, order_id=order.order_id, **subject)


def _finish_child(shard: Shard, child: Child, order: Order, row: Row) -> None:
    """A child that ended tells how much of what it asked for was really there."""
    order.visited[child.venue] = shard.seq
    asked = min(child.units, child.displayed_units)
    if asked > 0:
        filled = min(child.cum_units, asked)
        quality.observe_fill(row, shard.log_ns, filled, asked, shard.tables.settings)


def time_out(shard: Shard, child_id: int) -> None:
    """A child without a final answer in time is of unknown outcome; its quantity stays reserved."""
    child = shard.children.get(child_id)
    if child is None or child.state not in LIVE:
        return
    child.state = int(ChildState.UNKNOWN)
    order = shard.orders[child.order_id]
    # The input being folded comes after the timer, so its quote is news.
    order.visited[child.venue] = shard.seq - 1
    emit_child(shard, child, None)
    _alarm_unknown_child(shard, child, child.leaves_units)
    settle(shard, order)
    emit_order(shard, order)


def _alarm_unknown_child(shard: Shard, child: Child, units: int) -> None:
    shard.alarm(
        AlarmKind.CHILD_UNKNOWN,
        units,
        instrument=child.instrument,
        venue=child.venue,
        child_id=child.child_id,
        order_id=child.order_id,
    )


def _alarm_unknown_fill(shard: Shard, report: Any) -> None:
    shard.alarm(
        AlarmKind.UNKNOWN_FILL,
        report.last_units,
        instrument=report.instrument,
        venue=report.venue,
        child_id=report.child_id,
        source=report.source,
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
        **told,
    )
