"""Books what venues say about children: facts first, then what follows from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aggregates import accounts, children, day, hazards, inventory, learning, retraction
from aggregates.child import (
    AT_VENUE,
    LIVE,
    MAX_TRADES,
    NO_CELL,
    OPEN,
    Act,
    Child,
    Trade,
    apply_report,
)
from aggregates.desk import emit_order, settle, wind_down
from aggregates.order import Order
from aggregates.quality import UNREFLECTED_MAX, Row
from aggregates.shard import ACCEPTED, Refused, Shard
from schemas.codes import AlarmKind, ChildState, ExecType, Liquidity, OrderState, Reason
from schemas.reports import EXEC_REPORT
from schemas.units import INSTRUMENT_NONE, MAX_PRICE_NANOS, MAX_UNITS, VENUE_NONE

MAX_CUM_UNITS = 10**18
MAX_FEE_NANOS = 10**15
MAX_REPORTS = 1_000_000
CHANGES = (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT)
_SIZED = (ExecType.TRADE, ExecType.TRADE_CORRECT)
_UNANSWERED = (ChildState.CANCEL_PENDING, ChildState.UNKNOWN)
_SETTLED = (ChildState.ACKNOWLEDGED, ChildState.PARTIAL)


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
    reason, value = _check_place(report, child)
    if not reason:
        reason, value = _check_trade(shard, report, child, order)
    if reason:
        return reason, value, order.order_id
    _apply(shard, child, order, report)
    return ACCEPTED


def _apply(shard: Shard, child: Child, order: Order, report: Any) -> None:
    row = shard.books[child.instrument].rows[child.venue]
    before, state_before = child.leaves_units, child.state
    child.reports += 1
    learning.observe_answer(shard, child)
    hazards.observe(shard, child)
    if report.exec_type == ExecType.TRADE:
        _book_trade(shard, child, order, row, report)
    elif report.exec_type in CHANGES:
        _change_trade(shard, child, order, row, report)
    apply_report(child, report.exec_type, report.cum_units, report.leaves_units)
    if child.rests:
        hazards.observe_report(shard, child, report)
    children.free(shard, order, child, before)
    if state_before == ChildState.CANCEL_PENDING and child.state not in _UNANSWERED:
        learning.observe_cancel_answer(shard, child)
    row.dirty = True
    if state_before in OPEN and child.state not in OPEN:
        children.end_at_venue(shard, order, child)
    children.emit_child(shard, child, report)
    _doubt(shard, child, order, state_before, report)
    _count_reports(shard, child, order)
    _move_on(shard, order)
    shard.quality_seq += 1


def _doubt(shard: Shard, child: Child, order: Order, before: int, report: Any) -> None:
    """Fills we were not told of make the outcome unknown; an answer gives the venue time again."""
    if child.state == ChildState.UNKNOWN != before:
        order.visited[child.venue] = shard.seq
        executed = child.cum_units + child.busted_units
        children.doubt(shard, order, child, report.cum_units - executed)
    elif before == ChildState.UNKNOWN and child.state in LIVE:
        children.expect_answer(shard, order, child)
        if order.state == OrderState.CANCEL_PENDING:
            children.cancel(shard, order, child, Reason.PARENT_ENDING)
    elif child.rests and before in _SETTLED and child.state == ChildState.CANCELED:
        _alarm(shard, AlarmKind.UNSOLICITED_CANCEL, child, child.units - child.cum_units)


def _count_reports(shard: Shard, child: Child, order: Order) -> None:
    """A venue that says too much about one child has its parent stopped; facts are still booked."""
    limits = shard.books[child.instrument].limits
    most = (limits.max_reports if limits is not None else 0) or MAX_REPORTS
    if child.reports == most:
        _alarm(shard, AlarmKind.TOO_MANY_REPORTS, child, most)
        if not order.final:
            wind_down(shard, order, Reason.VENUE_REPORT_BOUND)


def _move_on(shard: Shard, order: Order) -> None:
    """What a report means for its parent; one filled beyond its size stops and cancels the rest."""
    over = order.excess_units > 0
    if over and not order.final and order.state != OrderState.CANCEL_PENDING:
        wind_down(shard, order, Reason.OVERFILLED)
        return
    if over and order.final:
        order.finish(Reason.OVERFILLED)
    settle(shard, order)
    emit_order(shard, order)


def _check(report: Any) -> tuple[Reason, int]:
    if not ExecType.NEW <= report.exec_type <= ExecType.SUSPENDED:
        return Reason.NOT_SUPPORTED, report.exec_type
    if not -MAX_FEE_NANOS <= report.fee_nanos <= MAX_FEE_NANOS:
        return Reason.BAD_VALUE, report.fee_nanos
    if report.exec_type not in _SIZED:
        return Reason.NONE, 0
    if not 0 < report.last_units <= MAX_UNITS:
        return Reason.BAD_SIZE, report.last_units
    if not 0 < report.last_nanos <= MAX_PRICE_NANOS:
        return Reason.BAD_PRICE, report.last_nanos
    return Reason.NONE, 0


def _check_place(report: Any, child: Child) -> tuple[Reason, int]:
    """A report that names another venue or instrument than its child's is about something else."""
    if report.venue not in (child.venue, VENUE_NONE):
        return Reason.WRONG_PLACE, report.venue
    if report.instrument not in (child.instrument, INSTRUMENT_NONE):
        return Reason.WRONG_PLACE, report.instrument
    return Reason.NONE, 0


def _check_trade(shard: Shard, report: Any, child: Child, order: Order) -> tuple[Reason, int]:
    if report.exec_type in CHANGES:
        trade = child.trades.get(report.ref_trade_id)
        if trade is None:
            return Reason.UNKNOWN_TRADE, report.ref_trade_id & (2**63 - 1)
        if not trade.units:
            return Reason.DUPLICATE_TRADE, report.ref_trade_id & (2**63 - 1)
        return _check_bound(report, order)
    if report.exec_type != ExecType.TRADE:
        return Reason.NONE, 0
    known = child.trades.get(report.trade_id)
    if known is not None:
        same = (known.units, known.nanos) == (report.last_units, report.last_nanos)
        if same or known.changed:
            return Reason.DUPLICATE_TRADE, report.trade_id & (2**63 - 1)
        _alarm(shard, AlarmKind.TRADE_CONFLICT, child, report.last_units)
        return Reason.TRADE_CONFLICT, report.trade_id & (2**63 - 1)
    if len(child.trades) >= MAX_TRADES:
        _alarm(shard, AlarmKind.TOO_MANY_REPORTS, child, report.last_units)
        return Reason.TABLE_FULL, len(child.trades)
    return _check_bound(report, order)


def _check_bound(report: Any, order: Order) -> tuple[Reason, int]:
    if report.exec_type in _SIZED and order.cum_units + report.last_units > MAX_CUM_UNITS:
        return Reason.BAD_SIZE, report.last_units
    return Reason.NONE, 0


def _book_trade(shard: Shard, child: Child, order: Order, row: Row, report: Any) -> None:
    """A fill from a venue is always booked: late or in excess, it raises an alarm as well."""
    late = child.state not in AT_VENUE
    units, nanos, fee_nanos = report.last_units, report.last_nanos, report.fee_nanos
    learning.observe_trade(shard, child, order, report)
    venue = shard.tables.venues[child.venue].quality
    times = row.session.at(shard.log_ns), venue.session.at(shard.log_ns)
    told = Trade(units, nanos, fee_nanos, False, report.liquidity, NO_CELL, *times)
    child.trades[report.trade_id] = told
    _add(shard, child, order, units, units * nanos, fee_nanos)
    accounts.book_fill(shard, order, units, nanos, fee_nanos)
    inventory.book_fill(shard, order, child, units)
    row.fills += 1
    side = order.side_index
    # No feed ever shows what trades at the midpoint.
    if report.liquidity != Liquidity.MID:
        row.unreflected[side] = min(UNREFLECTED_MAX, row.unreflected[side] + units)
    if late:
        _alarm(shard, AlarmKind.LATE_FILL, child, units)
    _alarm_excess(shard, child)
    day.ours(shard, child, report.trade_id, units, nanos)


def _add(
    shard: Shard, child: Child, order: Order, units: int, notional: int, fee_nanos: int
) -> None:
    """Adds to what a child and its parent have executed; negative amounts take it back."""
    child.cum_units += units
    order.cum_units += units
    order.notional += notional
    order.fee_nanos += fee_nanos
    accounts.reserve(shard, order)


def _alarm_excess(shard: Shard, child: Child) -> None:
    excess = child.cum_units + child.busted_units - child.units
    if excess > 0:
        _alarm(shard, AlarmKind.OVERFILL, child, excess)


def _change_trade(shard: Shard, child: Child, order: Order, row: Row, report: Any) -> None:
    """A trade is taken back, or booked anew with other terms: size, money, fee and position."""
    trade = child.trades[report.ref_trade_id]
    busted = report.exec_type == ExecType.TRADE_CANCEL
    new = (0, 0, 0) if busted else (report.last_units, report.last_nanos, report.fee_nanos)
    units, nanos, fee_nanos = new
    changed = replace(trade, units=units, nanos=nanos, fee_nanos=fee_nanos, changed=True)
    retraction.observe_change(shard, child, order, report.ref_trade_id, trade, changed)
    added = units - trade.units
    child.busted_units += max(0, -added)
    money = units * nanos - trade.units * trade.nanos
    _add(shard, child, order, added, money, fee_nanos - trade.fee_nanos)
    accounts.book_fill(shard, order, -trade.units, trade.nanos, -trade.fee_nanos)
    accounts.book_fill(shard, order, units, nanos, fee_nanos)
    inventory.book_fill(shard, order, child, added)
    if busted:
        row.fills -= 1
    kind = AlarmKind.TRADE_CANCELED if busted else AlarmKind.TRADE_CORRECTED
    _alarm(shard, kind, child, trade.units if busted else added)
    child.trades[report.ref_trade_id] = changed
    if not busted:
        _alarm_excess(shard, child)
    day.ours(shard, child, report.ref_trade_id, units, nanos)


def time_out(shard: Shard, child_id: int) -> None:
    """A child without a final answer in time is of unknown outcome; its quantity stays reserved."""
    child = shard.children.get(child_id)
    if child is None or not children.is_overdue(shard, child):
        return
    order = shard.orders[child.order_id]
    hazards.observe(shard, child)
    hazards.forget_place(child)
    cancels = child.state == ChildState.CANCEL_PENDING
    child.act(Act.TIME_OUT)
    learning.observe_timeout(shard, child, cancels)
    # The input being folded comes after the timer, so its quote is news.
    order.visited[child.venue] = shard.seq - 1
    children.emit_child(shard, child, None)
    children.doubt(shard, order, child, child.leaves_units)
    settle(shard, order)
    emit_order(shard, order)


def _alarm(shard: Shard, kind: AlarmKind, child: Child, value: int) -> None:
    shard.alarm(
        kind,
        value,
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
