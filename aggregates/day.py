"""The day's end, and the drop copy: what another's books say beside ours.

From the first DROP_COPY on, each of our trades waits for its copy and each copy for our trade: what
agrees is forgotten, what differs is a break at once, what is alone at a day's end is one then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aggregates.accounts import fee_word
from aggregates.arithmetic import split_128
from aggregates.child import AT_VENUE, Child
from aggregates.shard import ACCEPTED, Refused, Shard
from schemas import decisions
from schemas.codes import BreakKind, ChildState, ExecType, OutputType, Reason
from schemas.reports import EXEC_REPORT

MAX_COPIES = 65_536


@dataclass(slots=True)
class Copy:
    """A trade that one side has told. `is_ours` says which."""

    is_ours: bool
    instrument: int
    venue: int
    order_id: int
    units: int
    nanos: int


def ours(shard: Shard, child: Child, trade_id: int, units: int, nanos: int) -> None:
    """A trade as we have booked it, or as it was changed; size 0 takes it back."""
    if not shard.compares_copies:
        return
    item = Copy(True, child.instrument, child.venue, child.order_id, units, nanos)
    _match(shard, (child.child_id, trade_id), item)


def drop_copy(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """A trade as the broker's second report has it."""
    report = EXEC_REPORT.unpack(raw)
    if report.exec_type not in (ExecType.TRADE, ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT):
        return Reason.NOT_SUPPORTED, report.exec_type, 0
    shard.compares_copies = True
    changed = report.exec_type != ExecType.TRADE
    trade_id = report.ref_trade_id if changed else report.trade_id
    units = 0 if report.exec_type == ExecType.TRADE_CANCEL else report.last_units
    nanos = report.last_nanos if units else 0
    child = shard.children.get(report.child_id)
    key = (report.child_id, trade_id)
    if len(shard.copies) >= MAX_COPIES and key not in shard.copies:
        return Reason.TABLE_FULL, len(shard.copies), 0
    order_id = child.order_id if child is not None else 0
    item = Copy(False, report.instrument, report.venue, order_id, units, nanos)
    known = child.trades.get(trade_id) if child is not None else None
    if known is not None and key not in shard.copies:
        mine = Copy(True, item.instrument, item.venue, order_id, known.units, known.nanos)
        _compare(shard, key, mine, item)
    else:
        _match(shard, key, item)
    return ACCEPTED


def _match(shard: Shard, key: tuple[int, int], item: Copy) -> None:
    other = shard.copies.get(key)
    if other is None or other.is_ours == item.is_ours:
        if other is not None or len(shard.copies) < MAX_COPIES:
            shard.copies[key] = item
        return
    del shard.copies[key]
    mine, theirs = (item, other) if item.is_ours else (other, item)
    _compare(shard, key, mine, theirs)


def _compare(shard: Shard, key: tuple[int, int], mine: Copy, theirs: Copy) -> None:
    if (mine.units, mine.nanos) != (theirs.units, theirs.nanos):
        _break(shard, BreakKind.TRADE_DIFFERS, key, mine, theirs)


def end_of_day_breaks(shard: Shard) -> None:
    """Trades that one side alone knows, and children that are open or unknown, in id order."""
    for key in sorted(shard.copies):
        item = shard.copies[key]
        if item.is_ours:
            _break(shard, BreakKind.NOT_IN_DROP_COPY, key, item, None)
        else:
            _break(shard, BreakKind.ONLY_IN_DROP_COPY, key, None, item)
    shard.copies.clear()
    for child_id in sorted(shard.children):
        child = shard.children[child_id]
        if child.state in AT_VENUE:
            unknown = child.state == ChildState.UNKNOWN
            kind = BreakKind.UNKNOWN_CHILD if unknown else BreakKind.OPEN_CHILD
            item = Copy(
                True,
                child.instrument,
                child.venue,
                child.order_id,
                child.leaves_units,
                child.limit_nanos,
            )
            _break(shard, kind, (child_id, 0), item, None)


def _break(
    shard: Shard, kind: BreakKind, key: tuple[int, int], mine: Copy | None, theirs: Copy | None
) -> None:
    place = mine or theirs
    assert place is not None
    shard.emit(
        decisions.BREAK,
        OutputType.BREAK,
        place.instrument,
        child_id=key[0],
        order_id=place.order_id,
        trade_id=key[1],
        our_units=mine.units if mine else 0,
        their_units=theirs.units if theirs else 0,
        our_nanos=mine.nanos if mine else 0,
        their_nanos=theirs.nanos if theirs else 0,
        kind=kind,
        venue=place.venue,
    )


def roll_positions(shard: Shard) -> None:
    """Reports every position by account and instrument, and starts the next day's counts."""
    for key in sorted(shard.positions):
        position = shard.positions[key]
        low, high = split_128(position.notional)
        shard.emit(
            decisions.POSITION,
            OutputType.POSITION,
            key[1],
            net_units=position.net_units,
            bought_units=position.bought_units,
            sold_units=position.sold_units,
            open_buy_units=position.open_units[0],
            open_sell_units=position.open_units[1],
            notional_lo=low,
            notional_hi=high,
            fee_nanos=fee_word(position.fee_nanos),
            account=key[0],
        )
        position.bought_units = position.sold_units = position.notional = position.fee_nanos = 0
