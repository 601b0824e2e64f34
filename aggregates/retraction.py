"""Takes back what a trade taught that was canceled, or teaches it anew where it was corrected.

An observation is taken out of decayed sums with what it is worth by now, as if it had never been
made; a corrected one is put in its place, at its own time. What a trade was worth at the time
stays: how soon it came, the mid moves that followed it, the lag-1 jumps of its measures.
"""

from __future__ import annotations

from aggregates import fees, hazards, learning
from aggregates.arithmetic import add_clamped
from aggregates.child import Child, Trade
from aggregates.decay import weight
from aggregates.evidence import SURVIVAL_SIZES, Evidence, telling_units
from aggregates.moments import Moments
from aggregates.order import Order
from aggregates.shard import Shard


def observe_change(
    shard: Shard, child: Child, order: Order, trade_id: int, old: Trade, new: Trade
) -> None:
    """Call it before the change is booked; `new` has size 0 where the trade is canceled."""
    _costs(shard, child, order, old, new)
    _fees(shard, child, order, trade_id, old, new)
    hazards.retract(shard, child, old, new)
    if child.ended_ns:
        before = child.ended_units
        child.ended_units = max(0, before + new.units - old.units)
        _end(shard, child, before, child.ended_units)
    shard.books[child.instrument].rows[child.venue].dirty_execution = True
    shard.tables.venues[child.venue].quality.dirty = True


def _costs(shard: Shard, child: Child, order: Order, old: Trade, new: Trade) -> None:
    book, quantum_ns = shard.books[child.instrument], shard.tables.settings.cost_quantum_ns
    evidence = book.rows[child.venue].evidence
    told: list[tuple[Moments, float, float]] = []
    if child.mid_x2:
        values = learning.effective_bps(child, old.nanos), learning.effective_bps(child, new.nanos)
        told.append((evidence.effective_bps, *values))
    if child.far_nanos:
        before = learning.improvement_bps(child, old.nanos)
        told.append((evidence.improvement_bps, before, learning.improvement_bps(child, new.nanos)))
    before = learning.all_in_bps(book, child, order, old.units, old.nanos, old.fee_nanos)
    after = 0.0
    if new.units:
        after = learning.all_in_bps(book, child, order, new.units, new.nanos, new.fee_nanos)
    told.append((evidence.all_in_bps, before, after))
    for moments, was, is_now in told:
        if new.units:
            moments.replace(was, is_now, old.row_ns, quantum_ns)
        else:
            moments.retract(was, old.row_ns, quantum_ns)


def _fees(shard: Shard, child: Child, order: Order, trade_id: int, old: Trade, new: Trade) -> None:
    book = shard.books[child.instrument]
    row, one = book.rows[child.venue], book.units_per_one
    line = learning.fee_line(shard, row, child, order.record.account, old.liquidity)
    if line is None:
        return
    others = [(t.units, t.nanos) for key, t in child.trades.items() if key != trade_id]
    expected = -fees.charge_nanos(line, others, (old.units, old.nanos), one)
    if new.units:
        expected += fees.charge_nanos(line, others, (new.units, new.nanos), one)
    evidence = row.evidence
    evidence.fee_expected_nanos = add_clamped(evidence.fee_expected_nanos, expected)
    charged = new.fee_nanos - old.fee_nanos
    evidence.fee_charged_nanos = add_clamped(evidence.fee_charged_nanos, charged)


def _end(shard: Shard, child: Child, before: int, after: int) -> None:
    """What the end of the child said of the size that could be had."""
    settings, book = shard.tables.settings, shard.books[child.instrument]
    row, quantum_ns = book.rows[child.venue], settings.fill_quantum_ns
    venue = shard.tables.venues[child.venue].quality
    asked = min(child.units, child.displayed_units)
    if asked > 0:
        was = float(min(before, asked)) / float(asked)
        is_now = float(min(after, asked)) / float(asked)
        row.fill.replace(was, is_now, child.ended_ns, quantum_ns)
        venue.fill.replace(was, is_now, child.ended_venue_ns, quantum_ns)
    if child.units > child.displayed_units:
        was = float(max(0, before - child.displayed_units))
        is_now = float(max(0, after - child.displayed_units))
        row.evidence.hidden_units.replace(was, is_now, child.ended_ns, quantum_ns)
    w = weight(row.evidence.survival_then_ns, child.ended_ns, quantum_ns)
    _survival(row.evidence, w, child.units, before, after, book.round_lot_units)


def _survival(e: Evidence, w: float, sent: int, before: int, after: int, lot: int) -> None:
    for index in range(SURVIVAL_SIZES):
        if units := telling_units(sent, lot, index):
            change = float((after >= units) - (before >= units))
            e.success[index] = max(0.0, e.success[index] + change * w)
