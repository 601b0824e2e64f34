"""Canonical encoding of accounts, positions, recent terms and trades that wait for a copy."""

from __future__ import annotations

from collections import deque
from typing import Any

from aggregates.accounts import Account, Position, reserve
from aggregates.arithmetic import join_128, split_128
from aggregates.cursor import Cursor
from aggregates.day import Copy
from aggregates.inventory import Holding, count_reserved
from aggregates.shard import Shard
from schemas import reference
from schemas.layout import Layout

ACCOUNT_TAIL = Layout(
    "AccountTail",
    (
        ("throttled", "Q"),
        ("messages", "I"),
        ("sends", "I"),
        ("budget_ones", "q"),
        ("told_ones", "q"),
        ("wanted_ones", "q"),
        ("budget_seq", "Q"),
    ),
)
"""After the ACCOUNT record; followed by the times of its messages and of its sends."""
_SHARE = ("budget_ones", "told_ones", "wanted_ones", "budget_seq")
TIME = Layout("TimeBytes", (("time_ns", "q"),))
POSITION = Layout(
    "PositionBytes",
    (
        ("account", "16s"),
        ("instrument", "Q"),
        ("net_units", "q"),
        ("bought_units", "q"),
        ("sold_units", "q"),
        ("notional_lo", "Q"),
        ("notional_hi", "q"),
        ("fee_lo", "Q"),
        ("fee_hi", "q"),
        ("keeps", "I"),
        ("holdings", "I"),
    ),
)
"""What is open or reserved follows from the parents. With `keeps` 1 inventory is kept, and so many
holdings follow by venue: those of a size other than 0."""
HOLDING = Layout("HoldingBytes", (("venue", "Q"), ("units", "q")))
RECENT = Layout("RecentBytes", (("digest", "Q"), ("sent_ns", "q")))
COPY = Layout(
    "CopyBytes",
    (
        ("child_id", "Q"),
        ("trade_id", "Q"),
        ("order_id", "Q"),
        ("units", "q"),
        ("nanos", "q"),
        ("instrument", "I"),
        ("venue", "B"),
        ("is_ours", "B"),
        ("reserved", "2s"),
    ),
)


def encode_accounts(shard: Shard) -> bytes:
    """All four tables: by account, by account and instrument, by age, by child and trade."""
    parts = [_account(shard.accounts[name]) for name in sorted(shard.accounts)]
    parts += [_position(key, item) for key, item in sorted(shard.positions.items())]
    parts += [RECENT.pack(digest=key, sent_ns=ns) for key, ns in shard.recent.items()]
    parts += [_copy(key, item) for key, item in sorted(shard.copies.items())]
    return b"".join(parts)


def _account(account: Account) -> bytes:
    times = (*account.messages, *account.sends)
    tail = ACCOUNT_TAIL.pack(
        throttled=account.throttled,
        messages=len(account.messages),
        sends=len(account.sends),
        **{key: getattr(account, key) for key in _SHARE},
    )
    return account.raw + tail + b"".join(TIME.pack(time_ns=time) for time in times)


def _position(key: tuple[bytes, int], position: Position) -> bytes:
    notional, fee = split_128(position.notional), split_128(position.fee_nanos)
    kept = sorted((position.holdings or {}).items())
    held = [HOLDING.pack(venue=venue, units=h.units) for venue, h in kept if h.units]
    head = POSITION.pack(
        account=key[0],
        instrument=key[1],
        net_units=position.net_units,
        bought_units=position.bought_units,
        sold_units=position.sold_units,
        notional_lo=notional[0],
        notional_hi=notional[1],
        fee_lo=fee[0],
        fee_hi=fee[1],
        keeps=position.holdings is not None,
        holdings=len(held),
    )
    return head + b"".join(held)


def _copy(key: tuple[int, int], item: Copy) -> bytes:
    return COPY.pack(
        child_id=key[0],
        trade_id=key[1],
        order_id=item.order_id,
        units=item.units,
        nanos=item.nanos,
        instrument=item.instrument,
        venue=item.venue,
        is_ours=item.is_ours,
    )


def decode_accounts(shard: Shard, head: Any, cursor: Cursor) -> None:
    """Inverse of encode_accounts, after the parents are there."""
    shard.compares_copies = bool(head.compares_copies)
    for _ in range(head.accounts):
        raw = cursor.raw(reference.ACCOUNT.size)
        record = reference.ACCOUNT.unpack(raw)
        tail = cursor.read(ACCOUNT_TAIL)
        share = {key: getattr(tail, key) for key in _SHARE}
        account = Account(raw, record, bool(tail.throttled), **share)
        account.messages = deque(cursor.read(TIME).time_ns for _ in range(tail.messages))
        account.sends = deque(cursor.read(TIME).time_ns for _ in range(tail.sends))
        shard.accounts[record.account] = account
    for _ in range(head.positions):
        _decode_position(shard, cursor)
    for _ in range(head.recent):
        recent = cursor.read(RECENT)
        shard.recent[recent.digest] = recent.sent_ns
    for _ in range(head.copies):
        item = cursor.read(COPY)
        shard.copies[item.child_id, item.trade_id] = Copy(
            bool(item.is_ours),
            item.instrument,
            item.venue,
            item.order_id,
            item.units,
            item.nanos,
        )
    for order_id in sorted(shard.orders):
        reserve(shard, shard.orders[order_id])
        count_reserved(shard, shard.orders[order_id])


def _decode_position(shard: Shard, cursor: Cursor) -> None:
    item = cursor.read(POSITION)
    position = Position(
        item.net_units,
        item.bought_units,
        item.sold_units,
        join_128(item.notional_lo, item.notional_hi),
        join_128(item.fee_lo, item.fee_hi),
    )
    if item.keeps:
        held = [cursor.read(HOLDING) for _ in range(item.holdings)]
        position.holdings = {holding.venue: Holding(holding.units) for holding in held}
    shard.positions[item.account, item.instrument] = position
