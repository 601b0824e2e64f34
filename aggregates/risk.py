"""Pre-trade checks of a parent order: the first that fails refuses it, with the deciding value."""

from __future__ import annotations

from typing import Any

from aggregates.book import Book
from schemas.codes import ExecInst, OrdType, Reason, Side, TimeInForce
from schemas.units import E9, MAX_PRICE_NANOS, MAX_UNITS

FUTURE_TOLERANCE_NS = 60 * E9
_SIDES = (Side.BUY, Side.SELL, Side.SELL_SHORT, Side.SELL_SHORT_EXEMPT)
_SUPPORTED_TIMES = (TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD)
# A plain number: the complement of a flag knows only the named bits, so others would slip through.
_SUPPORTED_EXEC_INST = int(ExecInst.HELD | ExecInst.NOT_HELD)

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
    if order.exec_inst & ~_SUPPORTED_EXEC_INST:
        return Reason.UNSUPPORTED_EXEC_INST, order.exec_inst
    return _check_sizes(order)


def _check_sizes(order: Any) -> Verdict:
    if order.min_units:
        return Reason.UNSUPPORTED_MIN_QTY, order.min_units
    if order.display_units:
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
    """Size, collar against the reference mid, and notional."""
    limits = book.limits
    if order.order_units > limits.max_order_units:
        return Reason.MAX_ORDER_UNITS, order.order_units
    mid_x2, collar = bid_nanos + ask_nanos, limits.collar_e9
    scaled = 2 * limit_nanos * E9
    if order.side == Side.BUY and scaled > mid_x2 * (E9 + collar):
        return Reason.PRICE_COLLAR, limit_nanos
    if order.side != Side.BUY and scaled < mid_x2 * (E9 - collar):
        return Reason.PRICE_COLLAR, limit_nanos
    if order.order_units * limit_nanos > limits.max_notional_ones * E9 * book.units_per_one:
        return Reason.MAX_ORDER_NOTIONAL, order.order_units
    return PASS


def _text(field: bytes) -> bytes:
    return field.rstrip(b"\0")
