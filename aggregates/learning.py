"""What the answers to our children teach: latency, costs, fade, rejects, fees, markouts, health."""

from __future__ import annotations

from typing import Any

from aggregates import fees, health, markouts
from aggregates.arithmetic import add_clamped
from aggregates.book import Book
from aggregates.child import Child
from aggregates.fees import LIQUIDITY_CODES
from aggregates.health import VenueQuality
from aggregates.markouts import bps
from aggregates.order import Order
from aggregates.quality import Row
from aggregates.shard import Shard
from schemas.codes import AlarmKind, ChildState, Side
from schemas.units import INT64_MAX, INT64_MIN


def observe_answer(shard: Shard, child: Child) -> None:
    """The first word of a venue about a child, whatever it says, is its acknowledgement."""
    if child.acked:
        return
    child.acked = True
    row, venue = _places(shard, child)
    latency_ns, quantum_ns = shard.log_ns - child.sent_ns, shard.tables.settings.speed_quantum_ns
    row.ack.observe(float(latency_ns), row.session.at(shard.log_ns), quantum_ns)
    venue.ack.observe(float(latency_ns), venue.session.at(shard.log_ns), quantum_ns)
    venue.ack_histogram.observe(latency_ns)


def observe_trade(shard: Shard, child: Child, order: Order, report: Any) -> None:
    """A fill, before it is booked: its latency, its costs, its fee, and what follows it."""
    book = shard.books[child.instrument]
    row, venue = _places(shard, child)
    now_ns, settings = row.session.at(shard.log_ns), shard.tables.settings
    if child.cum_units == 0 and not child.rests:
        latency_ns = shard.log_ns - child.sent_ns
        row.evidence.first_fill_ns.observe(float(latency_ns), now_ns, settings.speed_quantum_ns)
        venue.fill_histogram.observe(latency_ns)
    _observe_costs(shard, child, order, report)
    _reconcile_fee(shard, book, row, child, order.record.account, report)
    book.fill_ns = shard.log_ns
    row.dirty_execution = venue.dirty = True
    sign = _sign(child)
    markouts.start_fill(shard, book, child.venue, sign, report.liquidity, report.last_nanos)


def _observe_costs(shard: Shard, child: Child, order: Order, report: Any) -> None:
    """Effective spread and price improvement against the send, all-in cost against the arrival."""
    book, (row, _) = shard.books[child.instrument], _places(shard, child)
    evidence, price = row.evidence, report.last_nanos
    now_ns, quantum_ns = row.session.at(shard.log_ns), shard.tables.settings.cost_quantum_ns
    if child.mid_x2:
        evidence.effective_bps.observe(effective_bps(child, price), now_ns, quantum_ns)
    if child.far_nanos:
        evidence.improvement_bps.observe(improvement_bps(child, price), now_ns, quantum_ns)
    all_in = all_in_bps(book, child, order, report.last_units, price, report.fee_nanos)
    evidence.all_in_bps.observe(all_in, now_ns, quantum_ns)


def effective_bps(child: Child, price: int) -> float:
    """Twice what a fill paid against the mid at send."""
    return bps(2 * _sign(child) * (2 * price - child.mid_x2), child.mid_x2)


def improvement_bps(child: Child, price: int) -> float:
    """What a fill gained against the protected far touch at send."""
    return bps(_sign(child) * (child.far_nanos - price), child.far_nanos)


def all_in_bps(
    book: Book, child: Child, order: Order, units: int, price: int, fee_nanos: int
) -> float:
    """Price and fee of a fill against the parent's arrival mid."""
    arrival_x2 = order.arrival_bid_nanos + order.arrival_ask_nanos
    fee_per_one = float(fee_nanos) * float(book.units_per_one) / float(units)
    slip = float(_sign(child) * (2 * price - arrival_x2)) + 2.0 * fee_per_one
    return slip / float(arrival_x2) * 10000.0


def _reconcile_fee(
    shard: Shard, book: Book, row: Row, child: Child, account: bytes, report: Any
) -> None:
    """The fee charged must be the fee expected; anything else is for a person to see."""
    line = fee_line(shard, row, child, account, report.liquidity)
    if line is None:
        return
    fill, evidence = (report.last_units, report.last_nanos), row.evidence
    before = [(trade.units, trade.nanos) for trade in child.trades.values()]
    expected = fees.charge_nanos(line, before, fill, book.units_per_one)
    evidence.fee_expected_nanos = add_clamped(evidence.fee_expected_nanos, expected)
    evidence.fee_charged_nanos = add_clamped(evidence.fee_charged_nanos, report.fee_nanos)
    excess = report.fee_nanos - expected
    if abs(excess) > shard.tables.settings.fee_tolerance_nanos:
        row.evidence.fee_mismatches += 1
        shard.alarm(
            AlarmKind.FEE_MISMATCH,
            max(INT64_MIN, min(INT64_MAX, excess)),
            instrument=child.instrument,
            venue=child.venue,
            child_id=child.child_id,
            order_id=child.order_id,
        )


def fee_line(shard: Shard, row: Row, child: Child, account: bytes, code: int) -> Any:
    """What the account pays for a liquidity code: its schedule, or the row's FEE."""
    if code >= LIQUIDITY_CODES:
        return None
    line = shard.tables.fees.find(child.venue, account, child.instrument, code)
    if line is None and row.fee_known >> code & 1:
        line = fees.plain_line(row.fee_fixed[code], row.fee_rate[code])
    return line


def observe_end(shard: Shard, child: Child) -> None:
    """A child that ended tells how much of what it asked for was really there."""
    book, settings = shard.books[child.instrument], shard.tables.settings
    row, venue = _places(shard, child)
    evidence, now_ns = row.evidence, row.session.at(shard.log_ns)
    venue_ns, quantum_ns = venue.session.at(shard.log_ns), settings.fill_quantum_ns
    rejected = child.state == ChildState.REJECTED
    refused = 1.0 if rejected else 0.0
    evidence.reject.observe(refused, now_ns, quantum_ns)
    venue.reject.observe(refused, venue_ns, quantum_ns)
    is_first = _meets_no_footprint(shard, child)
    asked = min(child.units, child.displayed_units)
    if is_first and asked > 0:
        share = float(min(child.cum_units, asked)) / float(asked)
        row.fill.observe(share, now_ns, quantum_ns)
        venue.fill.observe(share, venue_ns, quantum_ns)
    if is_first and not rejected:
        child.ended_ns, child.ended_venue_ns = max(1, now_ns), max(1, venue_ns)
        child.ended_units = child.cum_units
        executed, lot = child.cum_units, book.round_lot_units
        evidence.observe_survival(now_ns, child.units, executed, lot, settings)
        if child.units > child.displayed_units:
            hidden = float(max(0, executed - child.displayed_units))
            evidence.hidden_units.observe(hidden, now_ns, quantum_ns)
    if rejected and shard.tables.venues[child.venue].hold_until_ns > shard.log_ns:
        # A rate limit is an answer, and no fault of the venue.
        venue.timeouts_in_row = 0
    else:
        health.observe_answer(venue, rejected, shard.log_ns, settings)
    row.dirty_execution = venue.dirty = True


def observe_timeout(shard: Shard, child: Child, cancels: bool) -> None:
    """A child, or the cancel of one, that was not answered in time."""
    _, venue = _places(shard, child)
    observe = health.observe_cancel_timeout if cancels else health.observe_timeout
    observe(venue, shard.log_ns, shard.tables.settings)
    venue.dirty = True


def observe_cancel_answer(shard: Shard, child: Child) -> None:
    """A cancel that was answered, whatever was said."""
    _, venue = _places(shard, child)
    venue.cancel_timeouts_in_row = 0


def _places(shard: Shard, child: Child) -> tuple[Row, VenueQuality]:
    row = shard.books[child.instrument].rows[child.venue]
    return row, shard.tables.venues[child.venue].quality


def _sign(child: Child) -> int:
    return 1 if child.side == Side.BUY else -1


def _meets_no_footprint(shard: Shard, child: Child) -> bool:
    """Whether none of its parent's came before it: later ones meet a market that those have moved,
    and what they miss says little about the venue.
    """
    return shard.orders[child.order_id].children[0].decision_id == child.decision_id
