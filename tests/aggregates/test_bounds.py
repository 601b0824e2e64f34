"""Everything has a bound, and at the bound there is a reason, never a crash or a silent drop."""

from __future__ import annotations

from aggregates.kernel import Engine
from schemas.codes import AlarmKind, OrderState, OutputType, QuoteFlag, Reason, Side
from schemas.units import INT64_MAX, MAX_PRICE_NANOS, MAX_UNITS
from tests.aggregates.decision import read_decision
from tests.builders import MS, START_NS, S, Tape, children, nanos, of_type, records, set_up


def reasons(outputs: bytes) -> list[Reason]:
    """Reasons of all refusals."""
    return [Reason(record.reason) for record in of_type(outputs, OutputType.REFUSAL)]


def step(engine: Engine, tape: Tape) -> bytes:
    """Plays what is on the tape and clears it."""
    consumed, outputs = engine.step(bytes(tape.data))
    assert consumed == len(tape.data)
    tape.data.clear()
    return outputs


def test_venues(engine: Engine) -> None:
    tape = Tape()
    tape.instrument(0, "TEST")
    for venue in range(64):
        tape.venue(venue, f"V{venue:02}")
        tape.listing(0, venue)
        tape.fee(0, venue)
    tape.policy(1, max_children=64)
    tape.limits(0)
    tape.engine()
    for venue in range(64):
        tape.quote(0, venue, ("9.99", 10), ("10.00", 10))
    tape.order(0, "A", Side.BUY, 640, limit="10.00")
    outputs = step(engine, tape)
    assert reasons(outputs) == []
    assert [(child.venue, child.units) for child in children(outputs)] == [
        (venue, 10) for venue in range(64)
    ]
    tape.venue(64, "ONE TOO MANY")
    assert reasons(step(engine, tape)) == [Reason.TABLE_FULL]


def test_open_orders(engine: Engine) -> None:
    tape = Tape()
    set_up(tape, ("XAAA",), horizon_ns=3600 * S, retry_ns=3600 * S)
    tape.quote(0, 0, ("9.99", 10), ("10.00", 10))
    for number in range(8192):
        tape.order(0, f"A{number}", Side.BUY, 5, limit="9.99")
    assert reasons(step(engine, tape)) == []
    tape.order(0, "FULL", Side.BUY, 5, limit="9.99")
    tape.cancel(0, "A0")
    tape.order(0, "AGAIN", Side.BUY, 5, limit="9.99")
    outputs = step(engine, tape)
    assert reasons(outputs) == [Reason.TABLE_FULL]
    states = [record.state for record in of_type(outputs, OutputType.ORDER_STATE)]
    assert states == [OrderState.CANCELED, OrderState.WORKING]


def test_fills_of_one_order(engine: Engine) -> None:
    tape = Tape()
    set_up(tape)
    tape.quote(0, 0, ("9.99", 10), ("10.00", 10))
    tape.order(0, "A", Side.BUY, 10, limit="10.00")
    for number in range(1000):
        tape.fill(1, MAX_UNITS, MAX_PRICE_NANOS, number, fee_nanos=10**15)
    outputs = step(engine, tape)
    assert reasons(outputs) == []
    last = of_type(outputs, OutputType.ORDER_STATE)[-1]
    assert last.cum_units == 1000 * MAX_UNITS
    assert (last.notional_hi << 64) | last.notional_lo == 1000 * MAX_UNITS * MAX_PRICE_NANOS
    assert last.fee_nanos == 10**18
    tape.fill(1, 1, "10.00", 2000)
    assert reasons(step(engine, tape)) == [Reason.BAD_SIZE]


def test_no_limits_no_order(engine: Engine) -> None:
    tape = Tape()
    tape.venue(0, "XAAA")
    tape.instrument(0, "TEST")
    tape.listing(0, 0)
    tape.policy(1)
    tape.engine()
    tape.quote(0, 0, ("9.99", 10), ("10.00", 10))
    tape.order(0, "A", Side.BUY, 5, limit="10.00")
    assert reasons(step(engine, tape)) == [Reason.MAX_ORDER_UNITS]


def test_the_largest_numbers(engine: Engine) -> None:
    """The highest price and size, negative fees at their limit: costs fit 128 bits and add up."""
    tape = Tape()
    tape.venue(0, "XAAA")
    tape.instrument(0, "TEST", units_per_one=10**10)
    tape.listing(0, 0)
    tape.fee(0, 0, -(10**12), rate_e9=-(S - 1))
    tape.policy(1, miss_penalty_e9=S)
    tape.limits(0, max_order_units=MAX_UNITS, max_notional_ones=10**15, collar_e9=S - 1)
    tape.engine()
    tape.quote(0, 0, (MAX_PRICE_NANOS, MAX_UNITS), (MAX_PRICE_NANOS, MAX_UNITS))
    tape.order(0, "A", Side.BUY, MAX_UNITS, limit=MAX_PRICE_NANOS)
    tape.order(0, "B", Side.SELL, MAX_UNITS, limit=MAX_PRICE_NANOS)
    outputs = step(engine, tape)
    assert [child.units for child in children(outputs)] == [MAX_UNITS, MAX_UNITS]
    fee = -(10**12) + MAX_PRICE_NANOS * -(S - 1) // S
    for sign, head in zip((1, -1), of_type(outputs, OutputType.DECISION), strict=True):
        cost = (sign * MAX_PRICE_NANOS + fee) * MAX_UNITS
        assert (head.expected_cost_hi << 64) | head.expected_cost_lo == cost


def test_wide_levels_in_a_decision(engine: Engine) -> None:
    tape = Tape()
    set_up(tape)
    tape.limits(0, collar_e9=900_000_000, max_order_units=10**15, max_notional_ones=10**15)
    levels = [("100.00", 7), ("104.294967295", 8), ("104.294967296", 9)]
    for level, (price, units) in enumerate(levels):
        tape.quote(0, 0, ("99.00", 10), (price, units), level)
    tape.quote(0, 1, ("99.00", 10), ("100.00", 2**32))
    tape.order(0, "A", Side.BUY, 50, limit="150.00")
    outputs = step(engine, tape)
    raw = next(raw for kind, _, raw in records(outputs) if kind == OutputType.DECISION)
    blocks = read_decision(raw).blocks
    assert blocks[0].levels == tuple((nanos(price), units) for price, units in levels)
    assert (blocks[0].head.flags, blocks[1].head.flags) == (1, 2)
    assert blocks[1].levels == ((nanos("100.00"), 2**32),)


def test_modelled_books_are_marked(engine: Engine) -> None:
    tape = Tape()
    set_up(tape)
    tape.quote(0, 0, ("9.99", 10), ("10.00", 10), flags=int(QuoteFlag.MODELLED_BID))
    tape.quote(0, 1, ("9.99", 10), ("10.00", 10))
    tape.order(0, "A", Side.BUY, 5, limit="10.00")
    tape.order(0, "B", Side.BUY, 5, limit="10.00", venues_banned=1)
    outputs = step(engine, tape)
    flags = [head.flags & 1 for head in of_type(outputs, OutputType.DECISION)]
    assert flags == [1, 0]


def test_crossed_and_locked_arrivals_are_flagged(engine: Engine) -> None:
    tape = Tape()
    set_up(tape)
    tape.quote(0, 0, ("10.00", 10), ("10.02", 10))
    tape.quote(0, 1, ("9.98", 10), ("10.00", 10))
    tape.order(0, "LOCKED", Side.BUY, 1, limit="10.00")
    tape.quote(0, 0, ("10.01", 10), ("10.02", 10))
    tape.order(0, "CROSSED", Side.BUY, 1, limit="10.00")
    heads = of_type(step(engine, tape), OutputType.DECISION)
    assert [head.flags for head in heads] == [4, 2]
    assert (heads[1].arrival_bid_nanos, heads[1].arrival_ask_nanos) == (
        nanos("10.01"),
        nanos("10.00"),
    )


def test_time_cannot_go_back_or_beyond_its_end(engine: Engine) -> None:
    tape = Tape()
    tape.timer()
    for log_ns in (START_NS - 1, 0, -1, 2**62 + 1, INT64_MAX):
        tape.timer(log_ns=log_ns, source_seq=9)
    tape.timer(log_ns=2**62)
    outputs = step(engine, tape)
    assert reasons(outputs) == [Reason.TIME_BACKWARDS] * 5
    assert (engine.log_ns, engine.seq) == (2**62, 7)


def test_a_kill_of_what_does_not_exist(engine: Engine) -> None:
    tape = Tape()
    tape.kill(1, instrument=0)
    tape.kill(2, venue=0)
    tape.kill(10)
    assert reasons(step(engine, tape)) == [Reason.BAD_VALUE] * 3


def test_gaps_are_counted_up_to_the_end(engine: Engine) -> None:
    tape = Tape()
    tape.timer(source_seq=2**64 - 1)
    tape.timer(source_seq=2**64 - 1)
    outputs = step(engine, tape)
    alarm = of_type(outputs, OutputType.ALARM)[0]
    assert (alarm.kind, alarm.value) == (AlarmKind.SOURCE_GAP, INT64_MAX)
    refusal = of_type(outputs, OutputType.REFUSAL)[0]
    assert (refusal.reason, refusal.value) == (Reason.DUPLICATE_INPUT, INT64_MAX)


def test_a_jump_over_many_timers(engine: Engine) -> None:
    """A century in one input: every attempt is made at its own time, then the order expires."""
    tape = Tape()
    set_up(tape, ("XAAA",), max_attempts=1000, retry_ns=1, horizon_ns=MS, stale_ns=2**55)
    tape.quote(0, 0, ("9.99", 10), ("10.00", 10))
    tape.order(0, "A", Side.BUY, 5, limit="9.99")
    tape.timer(log_ns=2**62)
    outputs = step(engine, tape)
    decisions = of_type(outputs, OutputType.DECISION)
    assert [head.log_ns - START_NS for head in decisions] == list(range(1000))
    last = of_type(outputs, OutputType.ORDER_STATE)[-1]
    assert (last.state, last.reason) == (OrderState.CANCELED, Reason.MAX_ATTEMPTS)
