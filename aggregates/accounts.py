"""What accounts may do and what they hold: positions, rates, the repeat-execution throttle.

A rate is exact: the times of the last N events are kept, and one more is allowed when the oldest of
them has left the window.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aggregates.book import Book
from aggregates.order import Order
from aggregates.shard import Shard
from schemas.codes import AlarmKind, Reason, Side
from schemas.reference import ACCOUNT
from schemas.units import E9, INT64_MAX, INT64_MIN

MAX_ACCOUNTS = 4096
MAX_POSITIONS = 65_536
MAX_RATE = 1024
MAX_ONES = 10**15
MAX_WINDOW_NS = 2**55
POSITION_BOUND = 2**62
PASS = (Reason.NONE, 0)


@dataclass(slots=True)
class Account:
    """Limits of one account in force, and what counts against them."""

    raw: bytes
    record: Any
    throttled: bool = False
    messages: deque[int] = field(default_factory=deque)
    sends: deque[int] = field(default_factory=deque)
    budget_ones: int = 0
    told_ones: int = 0
    wanted_ones: int = 0
    budget_seq: int = 0


@dataclass(slots=True)
class Position:
    """One account in one instrument. `open_units` is (buy, sell): what its parents may still do;
    `holdings` are by venue, None where nobody asks (`inventory`).
    """

    net_units: int = 0
    bought_units: int = 0
    sold_units: int = 0
    notional: int = 0
    fee_nanos: int = 0
    open_units: list[int] = field(default_factory=lambda: [0, 0])
    holdings: dict[int, Any] | None = None


def put_account(shard: Shard, raw: bytes) -> Reason:
    """New limits of an account; what has counted so far goes on counting."""
    record = ACCOUNT.unpack(raw)
    if not account_is_valid(record):
        return Reason.BAD_VALUE
    known = shard.accounts.get(record.account)
    if known is None:
        if len(shard.accounts) >= MAX_ACCOUNTS:
            return Reason.TABLE_FULL
        shard.accounts[record.account] = Account(raw, record)
    else:
        known.raw, known.record = raw, record
    return Reason.NONE


def account_is_valid(record: Any) -> bool:
    """Whether an ACCOUNT record's numbers can be believed."""
    return bool(
        record.account.strip(b"\0")
        and 0 <= record.max_gross_ones <= MAX_ONES
        and 0 <= record.max_net_ones <= MAX_ONES
        and 0 <= record.rate_ns <= MAX_WINDOW_NS
        and 0 <= record.throttle_ns <= MAX_WINDOW_NS
        and record.rate_max <= MAX_RATE
        and record.throttle_max <= MAX_RATE
        and record.budgeted <= (1 if record.max_gross_ones else 0)
    )


def count_message(shard: Shard, name: bytes) -> tuple[Reason, int]:
    """Counts a new order or an amendment, unless there were too many in the window."""
    account = shard.accounts.get(name)
    if account is None or not account.record.rate_max:
        return PASS
    most, window_ns = account.record.rate_max, account.record.rate_ns
    if not _count(account.messages, shard.log_ns, window_ns, most):
        return Reason.MESSAGE_RATE, most
    return PASS


def may_send(shard: Shard, order: Order) -> bool:
    """Counts a routing attempt; False trips the throttle, which only a person re-arms."""
    account = shard.accounts.get(order.record.account)
    if account is None or not account.record.throttle_max:
        return True
    most, window_ns = account.record.throttle_max, account.record.throttle_ns
    if not account.throttled and _count(account.sends, shard.log_ns, window_ns, most):
        return True
    if not account.throttled:
        account.throttled = True
        place = {"instrument": order.record.instrument, "order_id": order.order_id}
        shard.alarm(AlarmKind.THROTTLE_TRIPPED, most, **place)
    return False


def _count(times: deque[int], now_ns: int, window_ns: int, most: int) -> bool:
    while len(times) > most:
        times.popleft()
    if len(times) == most:
        if times[0] > now_ns - window_ns:
            return False
        times.popleft()
    times.append(now_ns)
    return True


def is_throttled(shard: Shard, name: bytes) -> bool:
    """Whether an account waits for a person."""
    account = shard.accounts.get(name)
    return account is not None and account.throttled


def permitted_venues(shard: Shard, name: bytes) -> int:
    """Bit mask of the venues that an account may use."""
    account = shard.accounts.get(name)
    return (account.record.venues_permitted if account else 0) or ~0


def position_of(shard: Shard, name: bytes, instrument: int) -> Position | None:
    """An account's position, made where there is none; None when the table is full."""
    key = (name, instrument)
    position = shard.positions.get(key)
    if position is None:
        if len(shard.positions) >= MAX_POSITIONS:
            return None
        position = shard.positions[key] = Position()
    return position


def check_position(
    shard: Shard, record: Any, book: Book, added_units: int, mid_x2: int
) -> tuple[Reason, int]:
    """Net and gross notional if all that is open, and `added_units` more, were executed."""
    position = position_of(shard, record.account, record.instrument)
    if position is None:
        return Reason.TABLE_FULL, len(shard.positions)
    account = shard.accounts.get(record.account)
    if account is None:
        return PASS
    side = 0 if record.side == Side.BUY else 1
    opened = position.open_units[side] + added_units
    worst = abs(position.net_units + opened if side == 0 else position.net_units - opened)
    most = account.record.max_net_ones
    if most and worst * mid_x2 > 2 * most * E9 * book.units_per_one:
        return Reason.NET_POSITION, min(worst, INT64_MAX)
    most = account.record.max_gross_ones
    if most:
        gross = gross_ones(shard, record.account, record.instrument, added_units, mid_x2)
        if gross > most:
            return Reason.GROSS_POSITION, min(gross, INT64_MAX)
        if account.record.budgeted and gross > account.budget_ones:
            account.wanted_ones = max(account.wanted_ones, gross)
            return Reason.BUDGET, gross
    return PASS


def gross_ones(shard: Shard, account: bytes, instrument: int, added_units: int, mid_x2: int) -> int:
    """Whole quote currency over the account's instruments, each at its last valid mid.

    `instrument` counts with `added_units` more, at `mid_x2`.
    """
    total = 0
    for (name, place), position in sorted(shard.positions.items()):
        if name != account:
            continue
        book = shard.books[place]
        own = place == instrument
        opened = sum(position.open_units) + (added_units if own else 0)
        exposed = abs(position.net_units) + opened
        price_x2 = mid_x2 if own else book.mid_x2
        total += -(-exposed * price_x2 // (2 * E9 * book.units_per_one))
    return total


def reserve(shard: Shard, order: Order) -> None:
    """Keeps what is open of the account in step with what a parent may still do."""
    position = shard.positions[order.record.account, order.record.instrument]
    units = 0 if order.final else max(0, order.record.order_units - order.cum_units)
    position.open_units[order.side_index] += units - order.reserved_units
    order.reserved_units = units


def book_fill(shard: Shard, order: Order, units: int, nanos: int, fee_nanos: int) -> None:
    """A fill moves the position; negative units take one back."""
    position = shard.positions[order.record.account, order.record.instrument]
    position.net_units = _bounded(position.net_units + order.sign * units)
    if order.sign > 0:
        position.bought_units = _bounded(position.bought_units + units)
    else:
        position.sold_units = _bounded(position.sold_units + units)
    position.notional += order.sign * units * nanos
    position.fee_nanos += fee_nanos


def _bounded(units: int) -> int:
    return max(-POSITION_BOUND, min(POSITION_BOUND, units))


def fee_word(fee_nanos: int) -> int:
    """A fee as an output's 64 bits hold it."""
    return max(INT64_MIN, min(INT64_MAX, fee_nanos))
