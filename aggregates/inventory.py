"""What accounts hold at each venue, and what of it may be sold there.

A coin, or a contract bought on one prediction venue, can be sold only where it lies. Where an
instrument's limits bind sells by inventory, INVENTORY inputs state what an account holds at a venue
(the opening, or a balance told anew); fills move it; what open sells there may still take is
reserved until the venue's word frees it, an unknown outcome included. A short sale is delivered out
of a borrow: it is not bound, but what it takes counts. Nothing stated is nothing held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aggregates.accounts import permitted_venues, position_of
from aggregates.book import Book
from aggregates.candidates import Candidate, Level
from aggregates.child import Child
from aggregates.feed import check_place
from aggregates.order import Order
from aggregates.shard import ACCEPTED, Refused, Shard
from schemas.codes import AlarmKind, Reason, Side
from schemas.orders import INVENTORY
from schemas.units import INT64_MAX

MAX_HELD = 10**18
BOUND = 2**62
"""Where a sum of fills stops, as that of a position does."""


@dataclass(slots=True)
class Holding:
    """One account in one instrument at one venue; `units` below 0 are owed there."""

    units: int = 0
    reserved: int = 0

    @property
    def free_units(self) -> int:
        """What no open sell may still take."""
        return max(0, self.units - self.reserved)


Holdings = dict[int, Holding]
"""By dense venue id."""


def apply_inventory(shard: Shard, header: Any, raw: bytes) -> Refused:
    """All that an account holds at a venue from here on, what is reserved there included."""
    record = INVENTORY.unpack(raw)
    refused = check_place(shard, header)
    if refused[0]:
        return refused
    if not record.account.strip(b"\0") or not 0 <= record.units <= MAX_HELD:
        return Reason.BAD_VALUE, record.units, 0
    kept = _keep(shard, record.account, header.instrument)
    if kept is None:
        return Reason.TABLE_FULL, len(shard.positions), 0
    holding = kept.setdefault(header.venue, Holding())
    holding.units = record.units
    lacking = holding.reserved - holding.units
    if lacking > 0 and _is_kept(shard.books[header.instrument]):
        place = {"instrument": header.instrument, "venue": header.venue}
        shard.alarm(AlarmKind.INVENTORY_SHORT, lacking, **place)
    return ACCEPTED


def _is_kept(book: Book) -> bool:
    return book.limits is not None and bool(book.limits.inventory)


def binds(shard: Shard, record: Any) -> bool:
    """Whether an order may sell only what its account holds at each venue."""
    return record.side == Side.SELL and _is_kept(shard.books[record.instrument])


def _keep(shard: Shard, account: bytes, instrument: int) -> Holdings | None:
    """Holdings of an account, begun with what its open sells may still take."""
    position = position_of(shard, account, instrument)
    if position is None:
        return None
    if position.holdings is None:
        position.holdings = {}
        if shard.books[instrument].open_children:
            for order in shard.orders.values():
                if (order.record.account, order.record.instrument) == (account, instrument):
                    count_reserved(shard, order)
    return position.holdings


def count_reserved(shard: Shard, order: Order) -> None:
    """Adds what the open children of a seller may still take."""
    for child in order.children:
        reserve(shard, order, child.venue, child.leaves_units)


def reserve(shard: Shard, order: Order, venue: int, added_units: int) -> None:
    """An open child of a seller may take so much more there, or less."""
    holdings = _holdings(shard, order) if order.sign < 0 else None
    if holdings is not None:
        holdings.setdefault(venue, Holding()).reserved += added_units


def _holdings(shard: Shard, order: Order) -> Holdings | None:
    position = shard.positions[order.record.account, order.record.instrument]
    holdings: Holdings | None = position.holdings
    return holdings


def check(shard: Shard, record: Any, book: Book) -> tuple[Reason, int]:
    """Refuses what can be sold nowhere; the value is what is free at the venues allowed."""
    if not _is_kept(book):
        return Reason.NONE, 0
    holdings = _keep(shard, record.account, record.instrument)
    if holdings is None or record.side != Side.SELL:
        return Reason.NONE, 0
    allowed = (record.venues_allowed or ~0) & ~record.venues_banned
    allowed &= permitted_venues(shard, record.account)
    total, sells = 0, False
    for venue, holding in sorted(holdings.items()):
        row = book.rows[venue]
        if row.listed and allowed >> venue & 1:
            total = min(BOUND, total + holding.free_units)
            sells |= holding.free_units >= max(row.lot_units, row.min_units)
    return (Reason.NONE, 0) if sells else (Reason.NOTHING_TO_SELL, total)


def free_units(shard: Shard, order: Order, venue: int) -> int:
    """What an order may sell at a venue now; everything where nothing binds it."""
    if not binds(shard, order.record):
        return INT64_MAX
    holding = (_holdings(shard, order) or {}).get(venue)
    return holding.free_units if holding else 0


def is_short(shard: Shard, order: Order, venue: int) -> bool:
    """Whether a balance told anew no longer covers the open sells at a venue."""
    if not binds(shard, order.record):
        return False
    kept = _keep(shard, order.record.account, order.record.instrument) or {}
    holding = kept.get(venue, Holding())
    return holding.units < holding.reserved


def cap(shard: Shard, order: Order, candidates: list[Candidate]) -> None:
    """Cuts what candidates offer a seller to whole lots of what is free there, or leaves them out.

    The best levels are kept first.
    """
    if not binds(shard, order.record):
        return
    _keep(shard, order.record.account, order.record.instrument)
    for candidate in candidates:
        if candidate.reason:
            continue
        free, lot = free_units(shard, order, candidate.venue), candidate.row.lot_units
        if free >= candidate.available_units:
            continue
        units = free - free % lot
        if units < max(lot, candidate.row.min_units, candidate.least_units):
            candidate.reason, candidate.value = Reason.NO_INVENTORY, free
        else:
            candidate.inventory_units = units
            candidate.levels = _cut(candidate, units)


def _cut(candidate: Candidate, left: int) -> tuple[Level, ...]:
    """The same levels with no more available than what is left; a pool is asked for no more.

    What is believed to be hidden is the last of its level to be sold.
    """
    shown = candidate.levels[0].available_units - candidate.hidden_units
    candidate.hidden_units = min(candidate.hidden_units, max(0, left - shown))
    found = []
    for level in candidate.levels:
        available = min(left, level.available_units)
        units = available if candidate.is_dark else level.units
        found.append(Level(level.price_nanos, units, available, level.fee_nanos))
        left -= available
    return tuple(found)


def book_fill(shard: Shard, order: Order, child: Child, units: int) -> None:
    """A fill moves what is held at its venue; negative units take one back."""
    holdings = _holdings(shard, order)
    if holdings is None:
        return
    holding = holdings.setdefault(child.venue, Holding())
    holding.units = max(-BOUND, min(BOUND, holding.units + order.sign * units))
    if holding.units < 0 and units > 0 and binds(shard, order.record):
        shard.alarm(
            AlarmKind.INVENTORY_SHORT,
            -holding.units,
            instrument=child.instrument,
            venue=child.venue,
            child_id=child.child_id,
            order_id=child.order_id,
        )
