"""Canonical encoding of a shard's state: the same bytes from both cores, and a way back.

Sections in fixed order, each ordered by dense id, by key or by age; nothing depends on how a core
stores it. SHA-256 of these bytes is the state hash; the bytes are also what a snapshot holds.
"""

from __future__ import annotations

from typing import Any

from aggregates.arithmetic import join_128
from aggregates.book import Book
from aggregates.child import OPEN, Child, Trade
from aggregates.cursor import Cursor
from aggregates.markouts import Markout
from aggregates.order import Order
from aggregates.settings import read_settings
from aggregates.shard import COUNTERS, SOURCES, Identity, Shard
from aggregates.state_accounts import decode_accounts, encode_accounts
from aggregates.state_layouts import (
    BOOK_TAIL,
    CHILD,
    COUNTER,
    HEAD,
    IDENTITY,
    MARKOUT,
    ORDER,
    PAIR,
    TARGET,
    TIMER,
    TRADE,
    VENUE_TAIL,
)
from aggregates.state_quality import (
    decode_fees,
    decode_hazard,
    decode_moments,
    decode_opening,
    decode_row,
    decode_venue,
    encode_fees,
    encode_hazard,
    encode_moments,
    encode_openings,
    encode_row,
    encode_venue,
)
from schemas import orders, reference
from schemas.codes import KillScope
from schemas.errors import InputError
from schemas.units import MAX_VENUES

MAGIC = b"SORSTATE"
VERSION = 1

_VENUE_KEPT = ("status", "killed", "self_help", "wide_fill_e9", "wide_ack_ns", "hold_until_ns")

_HEAD_SCALARS = (
    "seq",
    "log_ns",
    "out_seq",
    "reference_version",
    "reference_seen",
    "quality_seq",
    "next_child_id",
    "next_markout_id",
)
_GRIDS = ("publish_due_ns", "control_due_ns", "health_due_ns", "halve_due_ns")
_MARKOUT_SCALARS = ("instrument", "venue", "kind", "sign", "price_nanos", "mid_x2", "start_ns")
_ORDER_SCALARS = (
    "order_id",
    "decision_id",
    "limit_nanos",
    "arrival_bid_nanos",
    "arrival_ask_nanos",
    "cum_units",
    "retry_due_ns",
    "expire_due_ns",
    "posts",
    "policy",
    "attempts",
    "state",
    "end_reason",
    "raw",
)
_CHILD_SCALARS = (
    "busted_units",
    "pending_units",
    "pending_nanos",
    "due_ns",
    "min_units",
    "reports",
    "exec_inst",
    "queries",
    "reason",
    "queue",
    *("rest_ns", "age_ns", "ended_ns", "ended_venue_ns", "ended_units"),
    "child_id",
    "decision_id",
    "units",
    "limit_nanos",
    "displayed_units",
    "sent_ns",
    "mid_x2",
    "far_nanos",
    "cum_units",
    "venue",
    "state",
    "time_in_force",
)
_SETS = ("killed_clients", "killed_accounts", "killed_traders", "suspended_accounts")
_TRADE_SCALARS = (
    *("units", "nanos", "fee_nanos", "changed"),
    *("liquidity", "cell", "row_ns", "venue_ns"),
)
_MASK = 2**64 - 1


def encode(shard: Shard) -> bytes:
    """Canonical bytes of everything that can influence a later output."""
    parts = [_head(shard)]
    parts += [
        PAIR.pack(first=last, second=gaps)
        for last, gaps in zip(shard.source_last, shard.source_gaps, strict=True)
    ]
    counts = (*shard.counters, *shard.markout_drops)
    parts += [COUNTER.pack(count=count) for count in counts]
    parts.append(shard.tables.settings.raw)
    for venue in shard.tables.venues:
        parts += [venue.raw, VENUE_TAIL.pack(**{key: getattr(venue, key) for key in _VENUE_KEPT})]
        parts.append(encode_venue(venue.quality))
    parts += [raw for _, raw in sorted(shard.tables.policies_raw.items())]
    parts += [raw for _, raw in sorted(shard.tables.postings_raw.items())]
    parts.append(encode_fees(shard.tables.fees))
    parts += [_book(book) for book in shard.books]
    parts += [_identity(key, identity) for key, identity in shard.identities.items()]
    parts += [_order(shard.orders[order_id]) for order_id in sorted(shard.orders)]
    parts += [TIMER.pack(due_ns=d, kind=k, subject=s) for d, k, s in sorted(shard.timers)]
    parts += [_markout(key, item) for key, item in sorted(shard.markouts.items())]
    for _, names in sorted(shard.killed.items()):
        parts += [TARGET.pack(name=name) for name in sorted(names)]
    parts += [encode_hazard(key, item) for key, item in sorted(shard.hazards.items())]
    parts += [encode_openings(key, items) for key, items in sorted(shard.openings.items())]
    parts.append(encode_accounts(shard))
    return b"".join(parts)


def _head(shard: Shard) -> bytes:
    return HEAD.pack(
        magic=MAGIC,
        version=VERSION,
        shard=shard.shard,
        oldest_ns=shard.oldest_ns,
        activated=shard.activated,
        kill_all=shard.kill_all,
        venues=len(shard.tables.venues),
        instruments=len(shard.books),
        policies=len(shard.tables.policies),
        identities=len(shard.identities),
        orders=len(shard.orders),
        timers=len(shard.timers),
        markouts=len(shard.markouts),
        hazards=len(shard.hazards),
        openings=sum(map(len, shard.openings.values())),
        killed_clients=len(shard.killed[KillScope.CLIENT]),
        killed_accounts=len(shard.killed[KillScope.ACCOUNT]),
        killed_traders=len(shard.killed[KillScope.TRADER]),
        suspended_accounts=len(shard.killed[KillScope.SUSPENDED_ACCOUNT]),
        postings=len(shard.tables.postings),
        accounts=len(shard.accounts),
        positions=len(shard.positions),
        recent=len(shard.recent),
        copies=len(shard.copies),
        compares_copies=shard.compares_copies,
        **dict(zip(_GRIDS, shard.grid_due_ns, strict=True)),
        **{name: getattr(shard, name) for name in _HEAD_SCALARS},
    )


def _book(book: Book) -> bytes:
    tail = BOOK_TAIL.pack(
        has_limits=book.limits is not None,
        killed=book.killed,
        mid_x2=book.mid_x2,
        mid_ns=book.mid_ns,
        fill_ns=book.fill_ns,
    )
    limits = book.limits_raw or b"\0" * reference.LIMITS.size
    drift = map(encode_moments, book.drift)
    return b"".join([book.raw, limits, tail, *drift, *map(encode_row, book.rows)])


def _markout(markout_id: int, markout: Markout) -> bytes:
    return MARKOUT.pack(
        markout_id=markout_id,
        **{name: getattr(markout, name) for name in _MARKOUT_SCALARS},
    )


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
        amends=bool(order.amendment),
        **{name: getattr(order, name) for name in _ORDER_SCALARS},
        **{f"visited_{venue}": seq for venue, seq in order.visited.items()},
    )
    return head + order.amendment + b"".join(map(_child, order.children))


def _child(child: Child) -> bytes:
    values = {name: getattr(child, name) for name in _CHILD_SCALARS}
    head = CHILD.pack(trades=len(child.trades), acked=child.acked, rested=child.rested, **values)
    return head + b"".join(
        TRADE.pack(trade_id=trade_id, **{name: getattr(trade, name) for name in _TRADE_SCALARS})
        for trade_id, trade in sorted(child.trades.items())
    )


def decode(data: bytes, generation: bytes) -> Shard:
    """The shard whose encoding is `data`; InputError when it is not one."""
    cursor = Cursor(data)
    head = cursor.read(HEAD)
    if head.magic != MAGIC or head.version != VERSION:
        raise InputError(f"not a state of format {VERSION}; it needs the engine that wrote it")
    shard = Shard(head.shard, generation)
    for name in _HEAD_SCALARS:
        setattr(shard, name, getattr(head, name))
    shard.grid_due_ns = [getattr(head, name) for name in _GRIDS]
    shard.oldest_ns = head.oldest_ns
    shard.activated, shard.kill_all = head.activated, bool(head.kill_all)
    for source in range(SOURCES):
        shard.source_last[source], shard.source_gaps[source] = cursor.read(PAIR)
    shard.counters = [cursor.read(COUNTER).count for _ in range(COUNTERS)]
    shard.markout_drops = [cursor.read(COUNTER).count for _ in shard.markout_drops]
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
    for _ in range(head.markouts):
        item = cursor.read(MARKOUT)
        fields = {name: getattr(item, name) for name in _MARKOUT_SCALARS}
        shard.markouts[item.markout_id] = Markout(**fields)
    for scope, count in zip(shard.killed, map(head.__getattribute__, _SETS), strict=True):
        shard.killed[scope] = {cursor.read(TARGET).name for _ in range(count)}
    for _ in range(head.hazards):
        decode_hazard(shard.hazards, cursor)
    for _ in range(head.openings):
        decode_opening(shard.openings, cursor)
    decode_accounts(shard, head, cursor)
    if cursor.offset != len(data):
        raise InputError(f"bytes follow a state's end at {cursor.offset}; take an older snapshot")
    return shard


def _decode_tables(shard: Shard, head: Any, cursor: Cursor) -> None:
    shard.tables.settings = read_settings(cursor.raw(reference.SETTINGS.size))
    for venue in range(head.venues):
        shard.tables.put_venue(venue, cursor.raw(reference.VENUE.size))
        tail = cursor.read(VENUE_TAIL)
        shard.tables.venues[venue].status = tail.status
        shard.tables.venues[venue].killed = tail.killed
        shard.tables.venues[venue].self_help = bool(tail.self_help)
        shard.tables.venues[venue].wide_fill_e9 = tail.wide_fill_e9
        shard.tables.venues[venue].wide_ack_ns = tail.wide_ack_ns
        shard.tables.venues[venue].hold_until_ns = tail.hold_until_ns
        decode_venue(shard.tables.venues[venue].quality, cursor)
    for _ in range(head.policies):
        shard.tables.put_policy(cursor.raw(reference.POLICY.size))
    for _ in range(head.postings):
        shard.tables.put_posting(cursor.raw(reference.POSTING.size))
    decode_fees(shard.tables.fees, cursor)


def _decode_book(instrument: int, venues: int, cursor: Cursor) -> Book:
    book = Book(instrument)
    raw = cursor.raw(reference.INSTRUMENT.size)
    book.describe(reference.INSTRUMENT.unpack(raw), raw)
    limits_raw = cursor.raw(reference.LIMITS.size)
    tail = cursor.read(BOOK_TAIL)
    if tail.has_limits:
        book.limits, book.limits_raw = reference.LIMITS.unpack(limits_raw), limits_raw
    book.killed = tail.killed
    book.mid_x2, book.mid_ns, book.fill_ns = tail.mid_x2, tail.mid_ns, tail.fill_ns
    for moments in book.drift:
        decode_moments(moments, cursor)
    book.rows = [decode_row(cursor) for _ in range(venues)]
    book.at_bid, book.at_ask, _, _ = book.best_masks()
    return book


def _decode_order(shard: Shard, cursor: Cursor) -> None:
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
    if values.amends:
        order.amendment = cursor.raw(orders.NEW_ORDER.size)
    for _ in range(values.children):
        child = _decode_child(order, cursor)
        order.children.append(child)
        shard.children[child.child_id] = child
        shard.books[child.instrument].open_children += child.state in OPEN
    shard.orders[order.order_id] = order
    shard.open_orders += not order.final


def _decode_child(order: Order, cursor: Cursor) -> Child:
    values = cursor.read(CHILD)
    fields = {name: getattr(values, name) for name in _CHILD_SCALARS}
    child = Child(
        order_id=order.order_id,
        instrument=order.record.instrument,
        side=order.record.side,
        acked=bool(values.acked),
        rested=bool(values.rested),
        **fields,
    )
    for _ in range(values.trades):
        trade = cursor.read(TRADE)
        told = Trade(**{name: getattr(trade, name) for name in _TRADE_SCALARS})
        told.changed = bool(told.changed)
        child.trades[trade.trade_id] = told
    return child
