"""Pre-trade checks of a parent order: the first that fails refuses it, with the deciding value."""

from __future__ import annotations

import struct
from typing import Any

from aggregates.arithmetic import digest64
from aggregates.book import Book
from aggregates.order import Order
from aggregates.shard import Shard
from schemas.codes import ExecInst, KillScope, OrdType, Reason, SelfMatch, Side, TimeInForce
from schemas.units import E9, MAX_PRICE_NANOS, MAX_UNITS

FUTURE_TOLERANCE_NS = 60 * E9
_SIDES = (Side.BUY, Side.SELL, Side.SELL_SHORT, Side.SELL_SHORT_EXEMPT)
_SUPPORTED_TIMES = (TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD)
# A plain number: the complement of a flag knows only the named bits, so others would slip through.
_SUPPORTED_EXEC_INST = int(
    ExecInst.HELD | ExecInst.NOT_HELD | ExecInst.ALL_OR_NONE | ExecInst.POST_ONLY
)
MAX_RECENT = 65_536
_SAME = struct.Struct("<16sqqIBB2x")

Verdict = tuple[Reason, int]
PASS: Verdict = (Reason.NONE, 0)


def check_terms(order: Any, now_ns: int) -> Verdict:
    """What the order asks for: side, type, time in force, instructions, sizes."""
    if order.side not in _SIDES:
        return Reason.BAD_SIDE, order.side
    if order.side in (Side.SELL_SHORT, Side.SELL_SHORT_EXEMPT) and not _text(order.locate_id):
        return Reason.LOCATE_REQUIRED, order.side
    if order.ord_type not in (OrdType.MARKET, OrdType.LIMIT):
        return Reason.UNSUPPORTED_ORD_TYPE, order.ord_type
    if order.time_in_force not in _SUPPORTED_TIMES:
        return Reason.UNSUPPORTED_TIME_IN_FORCE, order.time_in_force
    if order.time_in_force == TimeInForce.GTD and order.expire_ns <= now_ns:
        return Reason.BAD_VALUE, order.expire_ns
    if order.exec_inst & ~_SUPPORTED_EXEC_INST or not _can_rest(order):
        return Reason.UNSUPPORTED_EXEC_INST, order.exec_inst
    return _check_sizes(order)


def _can_rest(order: Any) -> bool:
    """Post-only needs a time in force that rests, and cannot be all or none at once."""
    if not order.exec_inst & ExecInst.POST_ONLY:
        return True
    waits = order.time_in_force in (TimeInForce.DAY, TimeInForce.GTD)
    return waits and not order.exec_inst & ExecInst.ALL_OR_NONE


def _check_sizes(order: Any) -> Verdict:
    post_only = order.exec_inst & ExecInst.POST_ONLY
    if not 0 <= order.min_units <= (0 if post_only else max(0, order.order_units)):
        return Reason.UNSUPPORTED_MIN_QTY, order.min_units
    if not 0 <= order.display_units <= max(0, order.order_units):
        return Reason.UNSUPPORTED_DISPLAY_QTY, order.display_units
    if not 0 < order.order_units <= MAX_UNITS:
        return Reason.BAD_SIZE, order.order_units
    if order.ord_type == OrdType.LIMIT and not 0 < order.limit_nanos <= MAX_PRICE_NANOS:
        return Reason.BAD_PRICE, order.limit_nanos
    return PASS


def effective_limit(order: Any, book: Book, bid_nanos: int, ask_nanos: int) -> int:
    """Limit price; a market order's is the collar, rounded inward to the tick."""
    if order.ord_type == OrdType.LIMIT:
        return int(order.limit_nanos)
    mid_x2, tick = bid_nanos + ask_nanos, book.tick_nanos
    collar: int = book.limits.collar_e9
    if order.side == Side.BUY:
        edge = mid_x2 * (E9 + collar) // (2 * E9)
        return max(tick, edge - edge % tick)
    edge = -(-mid_x2 * (E9 - collar) // (2 * E9))
    return edge + -edge % tick


def check_limits(
    order: Any, book: Book, limit_nanos: int, bid_nanos: int, ask_nanos: int
) -> Verdict:
    """Size, collar against the reference mid, and notional: a seller's at the mid at least."""
    limits = book.limits
    if order.order_units > limits.max_order_units:
        return Reason.MAX_ORDER_UNITS, order.order_units
    mid_x2, collar = bid_nanos + ask_nanos, limits.collar_e9
    scaled = 2 * limit_nanos * E9
    if order.side == Side.BUY and scaled > mid_x2 * (E9 + collar):
        return Reason.PRICE_COLLAR, limit_nanos
    if order.side != Side.BUY and scaled < mid_x2 * (E9 - collar):
        return Reason.PRICE_COLLAR, limit_nanos
    price_x2 = max(2 * limit_nanos, 0 if order.side == Side.BUY else mid_x2)
    if order.order_units * price_x2 > 2 * limits.max_notional_ones * E9 * book.units_per_one:
        return Reason.MAX_ORDER_NOTIONAL, order.order_units
    return PASS


def check_permission(shard: Shard, order: Any, book: Book, policy_id: int) -> Verdict:
    """Whether this account, client and trader may trade this instrument in this way now."""
    if is_killed(shard, order, book):
        return Reason.KILLED, 0
    limits = book.limits
    if limits is None:
        return Reason.MAX_ORDER_UNITS, 0
    if limits.restricted:
        return Reason.RESTRICTED, order.instrument
    if limits.short_restricted and order.side == Side.SELL_SHORT:
        return Reason.SHORT_RESTRICTED, order.side
    account = shard.accounts.get(order.account)
    if account is not None and account.throttled:
        return Reason.THROTTLED, account.record.throttle_max
    if order.exec_inst & ExecInst.POST_ONLY:
        posting = shard.tables.postings.get(policy_id)
        if posting is None or not posting.enabled or not order.post_permission:
            return Reason.POST_NOT_ALLOWED, policy_id
    return PASS


def is_killed(shard: Shard, order: Any, book: Book) -> bool:
    """Whether any kill switch that covers the order is engaged."""
    return (
        shard.kill_all
        or book.killed != 0
        or order.client in shard.killed[KillScope.CLIENT]
        or order.account in shard.killed[KillScope.ACCOUNT]
        or order.account in shard.killed[KillScope.SUSPENDED_ACCOUNT]
        or order.trader in shard.killed[KillScope.TRADER]
    )


def check_duplicate(shard: Shard, order: Any, book: Book) -> Verdict:
    """The same terms under another name within the window are taken for a mistake."""
    window_ns = book.limits.duplicate_ns
    if not window_ns:
        return PASS
    terms = (order.account, order.order_units, order.limit_nanos, order.instrument)
    digest = digest64(_SAME.pack(*terms, order.side, order.ord_type))
    oldest_ns = shard.log_ns - window_ns
    while shard.recent:
        first = next(iter(shard.recent))
        if shard.recent[first] > oldest_ns and len(shard.recent) < MAX_RECENT:
            break
        del shard.recent[first]
    sent_ns = shard.recent.get(digest)
    if sent_ns is not None:
        return Reason.DUPLICATE_TERMS, shard.log_ns - sent_ns
    shard.recent[digest] = shard.log_ns
    return PASS


def check_self_match(shard: Shard, order: Any, book: Book, limit_nanos: int) -> Verdict:
    """Whether the new order is the one that gives way to an own parent it could trade with."""
    mode = book.limits.self_match
    gives_way = mode in (SelfMatch.CANCEL_NEWEST, SelfMatch.CANCEL_BOTH)
    at_once = order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
    others = matching(shard, order, limit_nanos) if gives_way or at_once else []
    return (Reason.SELF_MATCH, others[0].order_id) if others else PASS


def matching(shard: Shard, order: Any, limit_nanos: int) -> list[Order]:
    """Own working parents on the other side whose limits it crosses, by the self-match id."""
    mode = shard.books[order.instrument].limits.self_match
    if not mode or not _text(order.self_match_id):
        return []
    buys = order.side == Side.BUY
    return [
        other
        for _, other in sorted(shard.orders.items())
        if other.record.self_match_id == order.self_match_id
        and other.record.instrument == order.instrument
        and not other.final
        and (other.sign > 0) != buys
        and (limit_nanos - other.limit_nanos) * (1 if buys else -1) >= 0
    ]


def _text(field: bytes) -> bytes:
    return field.rstrip(b"\0")
