"""Canonical encoding of a shard's state: the same bytes from both cores, and a way back.

Sections in fixed order, each ordered by dense id, by key or by age; nothing depends on how a core
stores it. SHA-256 of these bytes is the state hash; the bytes are also what a snapshot holds.
"""

from __future__ import annotations

from typing import Any

from aggregates import tables
from aggregates.arithmetic import join_128
from aggregates.book import Book
from aggregates.child import Child
from aggregates.order import Order
from aggregates.quality import Row
from aggregates.shard import COUNTERS, SOURCES, Identity, Shard
from schemas import orders, reference
from schemas.errors import InputError
from schemas.layout import Layout
from schemas.units import MAX_LEVELS, MAX_VENUES

MAGIC = b"SORSTATE"
VERSION = 1

HEAD = Layout(
    "Head",
    (
        ("magic", "8s"),
        ("version", "I"),
        ("shard", "I"),
        ("seq", "Q"),
        ("log_ns", "q"),
        ("out_seq", "Q"),
        ("reference_version", "Q"),
        ("reference_seen", "Q"),
        ("quality_seq", "Q"),
        ("next_child_id", "Q"),
        ("publish_due_ns", "q"),
        ("oldest_ns", "q"),
        ("activated", "32s"),
        ("kill_all", "Q"),
        ("venues", "I"),
        ("instruments", "I"),
        ("policies", "I"),
        ("identities", "I"),
        ("orders", "I"),
        ("timers", "I"),
        ("killed_clients", "I"),
        ("killed_accounts", "I"),
    ),
)
PAIR = Layout("Pair", (("first", "Q"), ("second", "Q")))
COUNTER = Layout("Counter", (("count", "Q"),))
VENUE_TAIL = Layout("VenueTail", (("status", "B"), ("killed", "B"), ("reserved", "6s")))
BOOK_TAIL = Layout("BookTail", (("has_limits", "B"), ("killed", "B"), ("reserved", "6s")))
ROW = Layout(
    "RowState",
    (
        ("listed", "B"),
        ("status", "B"),
        ("modelled", "B"),
        ("dirty", "B"),
        ("fee_known", "I"),
        ("tick_nanos", "q"),
        ("lot_units", "q"),
        ("min_units", "q"),
        *((f"fee_{name}_{code}", "q") for code in range(6) for name in ("fixed", "rate")),
        ("quote_ns", "q"),
        ("quote_seq", "Q"),
        ("in_flight_buy", "q"),
        ("in_flight_sell", "q"),
        ("unreflected_buy", "q"),
        ("unreflected_sell", "q"),
        ("quotes", "Q"),
        ("trades", "Q"),
        ("fills", "Q"),
        ("then_ns", "q"),
        ("observed", "d"),
        ("bid_time", "d"),
        ("ask_time", "d"),
        ("spread_time", "d"),
        ("two_sided_time", "d"),
        ("at_bid_time", "d"),
        ("at_ask_time", "d"),
        ("delay_then_ns", "q"),
        ("delay_min_ns", "q"),
        ("delay_sum", "d"),
        ("delay_weight", "d"),
        ("fill_then_ns", "q"),
        ("fill_sum", "d"),
        ("fill_weight", "d"),
        ("ack_then_ns", "q"),
        ("ack_sum", "d"),
        ("ack_weight", "d"),
        *(
            (f"{side}_{what}_{level}", "q")
            for level in range(MAX_LEVELS)
            for side in ("bid", "ask")
            for what in ("nanos", "units")
        ),
    ),
)
"""A row, 664 bytes. The masks of venues at best follow from the touches."""
IDENTITY = Layout(
    "IdentityState",
    (
        ("account", "16s"),
        ("cl_ord_id", "32s"),
        ("instrument", "I"),
        ("reserved", "I"),
        ("digest", "Q"),
        ("transact_ns", "q"),
        ("order_id", "Q"),
        ("decision_id", "Q"),
    ),
)
ORDER = Layout(
    "OrderStateBytes",
    (
        ("raw", "320s"),
        ("order_id", "Q"),
        ("decision_id", "Q"),
        ("limit_nanos", "q"),
        ("arrival_bid_nanos", "q"),
        ("arrival_ask_nanos", "q"),
        ("cum_units", "q"),
        ("notional_lo", "Q"),
        ("notional_hi", "q"),
        ("fee_lo", "Q"),
        ("fee_hi", "q"),
        ("retry_due_ns", "q"),
        ("policy", "I"),
        ("attempts", "I"),
        ("children", "I"),
        ("state", "B"),
        ("end_reason", "B"),
        ("reserved", "2s"),
        *((f"visited_{venue}", "Q") for venue in range(MAX_VENUES)),
    ),
)
"""Followed by its children in the order in which they were sent."""
CHILD = Layout(
    "ChildStateBytes",
    (
        ("child_id", "Q"),
        ("decision_id", "Q"),
        ("units", "q"),
        ("limit_nanos", "q"),
        ("displayed_units", "q"),
        ("sent_ns", "q"),
        ("cum_units", "q"),
        ("trades", "I"),
        ("venue", "B"),
        ("state", "B"),
        ("time_in_force", "B"),
        ("acked", "B"),
    ),
)
"""Followed by its trades, (trade_id, units, nanos) each, by rising trade id."""
TRADE = Layout("TradeBytes", (("trade_id", "Q"), ("units", "q"), ("nanos", "q")))
TIMER = Layout("TimerBytes", (("due_ns", "q"), ("kind", "Q"), ("subject", "Q")))
TARGET = Layout("Target", (("name", "16s"),))

_ROW_SCALARS = (
    "tick_nanos",
    "lot_units",
    "min_units",
    "quote_ns",
    "quote_seq",
    "quotes",
    "trades",
    "fills",
    "then_ns",
    "observed",
    "bid_time",
    "ask_time",
    "spread_time",
    "two_sided_time",
    "at_bid_time",
    "at_ask_time",
    "delay_then_ns",
    "delay_min_ns",
    "delay_sum",
    "delay_weight",
    "fill_then_ns",
    "fill_sum",
    "fill_weight",
    "ack_then_ns",
    "ack_sum",
    "ack_weight",
    "fee_known",
)
_ORDER_SCALARS = (
    "order_id",
    "decision_id",
    "limit_nanos",
    "arrival_bid_nanos",
    "arrival_ask_nanos",
    "cum_units",
    "retry_due_ns",
    "policy",
    "attempts",
    "state",
    "end_reason",
    "raw",
)
_CHILD_SCALARS = (
    "child_id",
    "decision_id",
    "units",
    "limit_nanos",
    "displayed_units",
    "sent_ns",
    "cum_units",
    "venue",
    "state",
    "time_in_force",
)
_MASK = 2**64 - 1


def encode(shard: Shard) -> bytes:
    """Canonical bytes of everything that can influence a later output."""
    parts = [_head(shard)]
    parts += [
        PAIR.pack(first=last, second=gaps)
        for last, gaps in zip(shard.source_last, shard.source_gaps, strict=True)
    ]
    parts += [COUNTER.pack(count=count) for count in shard.counters]
    parts.append(shard.tables.settings.raw)
    for venue in shard.tables.venues:
        parts += [venue.raw, VENUE_TAIL.pack(status=venue.status, killed=venue.killed)]
    parts += [shard.tables.policies_raw[key] for key in sorted(shard.tables.policies_raw)]
    parts += [_book(book) for book in shard.books]
    parts += [_identity(key, identity) for key, identity in shard.identities.items()]
    parts += [_order(shard.orders[order_id]) for order_id in sorted(shard.orders)]
    parts += [TIMER.pack(due_ns=d, kind=k, subject=s) for d, k, s in sorted(shard.timers)]
    for names in (shard.killed_clients, shard.killed_accounts):
        parts += [TARGET.pack(name=name) for name in sorted(names)]
    return b"".join(parts)


def _head(shard: Shard) -> bytes:
    names = "seq log_ns out_seq reference_version reference_seen quality_seq next_child_id"
    return HEAD.pack(
        magic=MAGIC,
        version=VERSION,
        shard=shard.shard,
        publish_due_ns=shard.publish_due_ns,
        oldest_ns=shard.oldest_ns,
        activated=shard.activated,
        kill_all=shard.kill_all,
        venues=len(shard.tables.venues),
        instruments=len(shard.books),
        policies=len(shard.tables.policies),
        identities=len(shard.identities),
        orders=len(shard.orders),
        timers=len(shard.timers),
        killed_clients=len(shard.killed_clients),
        killed_accounts=len(shard.killed_accounts),
        **{name: getattr(shard, name) for name in names.split()},
    )


def _book(book: Book) -> bytes:
    tail = BOOK_TAIL.pack(has_limits=book.limits is not None, killed=book.killed)
    limits = book.limits_raw or b"\0" * reference.LIMITS.size
    return b"".join([book.raw, limits, tail, *map(_row, book.rows)])


def _row(row: Row) -> bytes:
    values: dict[str, Any] = {name: getattr(row, name) for name in _ROW_SCALARS}
    for code in range(6):
        values[f"fee_fixed_{code}"] = row.fee_fixed[code]
        values[f"fee_rate_{code}"] = row.fee_rate[code]
    for level in range(MAX_LEVELS):
        values[f"bid_nanos_{level}"] = row.bid_nanos[level]
        values[f"bid_units_{level}"] = row.bid_units[level]
        values[f"ask_nanos_{level}"] = row.ask_nanos[level]
        values[f"ask_units_{level}"] = row.ask_units[level]
    values["in_flight_buy"], values["in_flight_sell"] = row.in_flight
    values["unreflected_buy"], values["unreflected_sell"] = row.unreflected
    flags = {name: getattr(row, name) for name in ("listed", "status", "modelled", "dirty")}
    return ROW.pack(**values, **flags)


def _identity(key: tuple[bytes, bytes, int], identity: Identity) -> bytes:
    account, cl_ord_id, instrument = key
    return IDENTITY.pack(
        account=account,
        cl_ord_id=cl_ord_id,
        instrument=instrument,
        digest=identity.digest,
        transact_ns=identity.transact_ns,
        order_id=identity.order_id,
        decision_id=identity.decision_id,
    )


def _order(order: Order) -> bytes:
    head = ORDER.pack(
        notional_lo=order.notional & _MASK,
        notional_hi=order.notional >> 64,
        fee_lo=order.fee_nanos & _MASK,
        fee_hi=order.fee_nanos >> 64,
        children=len(order.children),
        **{name: getattr(order, name) for name in _ORDER_SCALARS},
        **{f"visited_{venue}": seq for venue, seq in order.visited.items()},
    )
    return head + b"".join(map(_child, order.children))


def _child(child: Child) -> bytes:
    values = {name: getattr(child, name) for name in _CHILD_SCALARS}
    head = CHILD.pack(trades=len(child.trades), acked=child.acked, **values)
    trades = sorted(child.trades.items())
    return head + b"".join(TRADE.pack(trade_id=i, units=u, nanos=n) for i, (u, n) in trades)


class _Cursor:
    """Reads layouts one after the other; InputError when the bytes end too early."""

    def __init__(self, data: bytes) -> None:
        self.data, self.offset = data, 0

    def read(self, layout: Layout) -> Any:
        return layout.unpack(self.raw(layout.size))

    def raw(self, size: int) -> bytes:
        piece = self.data[self.offset : self.offset + size]
        if len(piece) != size:
            raise InputError(f"state ends at byte {len(self.data)}; take an older snapshot")
        self.offset += size
        return piece


def decode(data: bytes, generation: bytes) -> Shard:
    """The shard whose encoding is `data`; InputError when it is not one."""
    cursor = _Cursor(data)
    head = cursor.read(HEAD)
    if head.magic != MAGIC or head.version != VERSION:
        raise InputError(f"not a state of format {VERSION}; it needs the engine that wrote it")
    shard = Shard(head.shard, generation)
    for name in ("seq", "log_ns", "out_seq", "reference_version", "reference_seen"):
        setattr(shard, name, getattr(head, name))
    shard.quality_seq, shard.next_child_id = head.quality_seq, head.next_child_id
    shard.publish_due_ns, shard.oldest_ns = head.publish_due_ns, head.oldest_ns
    shard.activated = head.activated
    shard.kill_all = bool(head.kill_all)
    for source in range(SOURCES):
        shard.source_last[source], shard.source_gaps[source] = cursor.read(PAIR)
    shard.counters = [cursor.read(COUNTER).count for _ in range(COUNTERS)]
    _decode_tables(shard, head, cursor)
    for instrument in range(head.instruments):
        shard.books.append(_decode_book(instrument, head.venues, cursor))
    for _ in range(head.identities):
        item = cursor.read(IDENTITY)
        key = (item.account, item.cl_ord_id, item.instrument)
        shard.identities[key] = Identity(
            item.digest, item.transact_ns, item.order_id, item.decision_id
        )
    for _ in range(head.orders):
        _decode_order(shard, cursor)
    shard.timers = [tuple(cursor.read(TIMER)) for _ in range(head.timers)]
    shard.killed_clients = {cursor.read(TARGET).name for _ in range(head.killed_clients)}
    shard.killed_accounts = {cursor.read(TARGET).name for _ in range(head.killed_accounts)}
    if cursor.offset != len(data):
        raise InputError(f"bytes follow a state's end at {cursor.offset}; take an older snapshot")
    return shard


def _decode_tables(shard: Shard, head: Any, cursor: _Cursor) -> None:
    shard.tables.settings = tables.read_settings(cursor.raw(reference.SETTINGS.size))
    for venue in range(head.venues):
        shard.tables.put_venue(venue, cursor.raw(reference.VENUE.size))
        tail = cursor.read(VENUE_TAIL)
        shard.tables.venues[venue].status = tail.status
        shard.tables.venues[venue].killed = bool(tail.killed)
    for _ in range(head.policies):
        shard.tables.put_policy(cursor.raw(reference.POLICY.size))


def _decode_book(instrument: int, venues: int, cursor: _Cursor) -> Book:
    book = Book(instrument)
    raw = cursor.raw(reference.INSTRUMENT.size)
    book.describe(reference.INSTRUMENT.unpack(raw), raw)
    limits_raw = cursor.raw(reference.LIMITS.size)
    tail = cursor.read(BOOK_TAIL)
    if tail.has_limits:
        book.limits, book.limits_raw = reference.LIMITS.unpack(limits_raw), limits_raw
    book.killed = bool(tail.killed)
    book.rows = [_decode_row(cursor.read(ROW)) for _ in range(venues)]
    book.at_bid, book.at_ask = book.best_masks()
    return book


def _decode_row(values: Any) -> Row:
    row = Row()
    for name in _ROW_SCALARS:
        setattr(row, name, getattr(values, name))
    row.status = values.status
    row.listed, row.modelled = bool(values.listed), bool(values.modelled)
    row.dirty = bool(values.dirty)
    for code in range(6):
        row.fee_fixed[code] = getattr(values, f"fee_fixed_{code}")
        row.fee_rate[code] = getattr(values, f"fee_rate_{code}")
    for level in range(MAX_LEVELS):
        row.bid_nanos[level] = getattr(values, f"bid_nanos_{level}")
        row.bid_units[level] = getattr(values, f"bid_units_{level}")
        row.ask_nanos[level] = getattr(values, f"ask_nanos_{level}")
        row.ask_units[level] = getattr(values, f"ask_units_{level}")
    row.in_flight = [values.in_flight_buy, values.in_flight_sell]
    row.unreflected = [values.unreflected_buy, values.unreflected_sell]
    return row


def _decode_order(shard: Shard, cursor: _Cursor) -> None:
    values = cursor.read(ORDER)
    fields = {name: getattr(values, name) for name in _ORDER_SCALARS}
    order = Order(
        record=orders.NEW_ORDER.unpack(values.raw),
        notional=join_128(values.notional_lo, values.notional_hi),
        fee_nanos=join_128(values.fee_lo, values.fee_hi),
        visited={
            venue: seq
            for venue in range(MAX_VENUES)
            if (seq := getattr(values, f"visited_{venue}"))
        },
        **fields,
    )
    for _ in range(values.children):
        child = _decode_child(order, cursor)
        order.children.append(child)
        shard.children[child.child_id] = child
    shard.orders[order.order_id] = order
    shard.open_orders += not order.final


def _decode_child(order: Order, cursor: _Cursor) -> Child:
    values = cursor.read(CHILD)
    fields = {name: getattr(values, name) for name in _CHILD_SCALARS}
    child = Child(
        order_id=order.order_id,
        instrument=order.record.instrument,
        side=order.record.side,
        acked=bool(values.acked),
        **fields,
    )
    for _ in range(values.trades):
        trade = cursor.read(TRADE)
        child.trades[trade.trade_id] = (trade.units, trade.nanos)
    return child
