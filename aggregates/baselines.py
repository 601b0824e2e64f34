"""What simple routers would have paid on the same snapshot."""

from __future__ import annotations

from collections.abc import Iterator

from aggregates.candidates import Candidate, Level, taker_terms
from aggregates.fees import per_one
from aggregates.order import Order
from aggregates.quality import Row
from aggregates.shard import Shard
from schemas.codes import Liquidity, VenueStatus


def best_price(order: Order, candidates: list[Candidate], wanted: int) -> tuple[int, int]:
    """Everything to the venue with the best touch, fees ignored: (units, cost)."""
    eligible = [c for c in candidates if not c.reason and not c.is_dark]
    if not eligible:
        return 0, 0
    touch = min(eligible, key=lambda c: (order.sign * c.value, c.rank))
    return _sweep(order.sign, list(touch.levels), wanted)


def fee_blind_sweep(order: Order, candidates: list[Candidate], wanted: int) -> tuple[int, int]:
    """Best prices first over all venues, fees ignored: (units, cost)."""
    shown = [c for c in candidates if not c.reason and not c.is_dark]
    levels = [level for c in shown for level in c.levels]
    # The sort is stable: equal prices stay in venue-key order.
    levels.sort(key=lambda level: order.sign * level.price_nanos)
    return _sweep(order.sign, levels, wanted)


def clean_sweep(shard: Shard, order: Order, wanted: int) -> tuple[int, int]:
    """What taking `wanted` now would cost at the displayed prices of all venues that trade.

    Best prices first, with taker fees and whatever the order's limit is: (units, cost).
    """
    book, levels = shard.books[order.record.instrument], []
    for venue in shard.tables.rank_order:
        if _can_sweep(shard, order, venue):
            levels += list(_displayed(shard, order, book.rows[venue], venue))
    levels.sort(key=lambda level: order.sign * level.price_nanos)
    return _sweep(order.sign, levels, wanted)


def _can_sweep(shard: Shard, order: Order, venue: int) -> bool:
    row = shard.books[order.record.instrument].rows[venue]
    entry, policy = shard.tables.venues[venue], shard.tables.policies[order.policy]
    if not row.listed or not entry.status == row.status == VenueStatus.OPEN:
        return False
    if shard.log_ns - row.quote_ns > policy.stale_ns:
        return False
    return not row.ask_nanos[0] or row.bid_nanos[0] <= row.ask_nanos[0]


def _displayed(shard: Shard, order: Order, row: Row, venue: int) -> Iterator[Level]:
    """The far side of one venue's book, as far as each level is worse than the one before."""
    account, instrument = order.record.account, order.record.instrument
    line = shard.tables.fees.find(venue, account, instrument, Liquidity.TAKE)
    if line is None and not row.fee_known >> Liquidity.TAKE & 1:
        return
    fee, previous = taker_terms(row, line, order), None
    sides = (row.ask_nanos, row.ask_units), (row.bid_nanos, row.bid_units)
    prices, sizes = sides[order.side_index]
    for price, units in zip(prices, sizes, strict=True):
        if not units or (previous is not None and order.sign * price <= previous):
            return
        previous = order.sign * price
        yield Level(price, units, units, per_one(fee, price))


def _sweep(sign: int, levels: list[Level], wanted: int) -> tuple[int, int]:
    left, cost = wanted, 0
    for level in levels:
        take = min(left, level.available_units)
        left -= take
        cost += (sign * level.price_nanos + level.fee_nanos) * take
    return wanted - left, cost
