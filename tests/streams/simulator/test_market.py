"""The replay market's edges: parity with schemas, time, faults, state, fees, jitter."""

from __future__ import annotations

from typing import Any

import pytest

import schemas.codes
from schemas.codes import ExecType, InputType, OutputType, Side, TimeInForce
from schemas.decisions import CHILD
from schemas.envelope import SLOT, SLOTS
from schemas.errors import InputError
from schemas.market import QUOTE, TIMER
from schemas.reference import FEE, INSTRUMENT, VENUE
from schemas.reports import EXEC_REPORT
from schemas.units import INSTRUMENT_NONE, INT64_MAX
from streams.simulator._market import ReplayMarket, child_offsets, codes
from streams.simulator.market import replay_market

FEES = {(0, 0, 1): (7, 0), (0, 0, 2): (-7, 0)}


def build(
    *,
    latency: tuple[int, int] = (10, 20),
    fees: dict[tuple[int, int, int], tuple[int, int]] | None = None,
    units_per_one: int = 1,
    seed: int = 0,
    jitter_ns: int = 0,
) -> ReplayMarket:
    return ReplayMarket(
        [latency], fees or FEES, [units_per_one], "traded_through", seed, jitter_ns=jitter_ns
    )


def quote(log_ns: int, ask_nanos: int = 101, ask_units: int = 5, **more: int) -> bytes:
    bid = {"bid_nanos": 99, "bid_units": 10}
    header = {"type": InputType.QUOTE, "log_ns": log_ns}
    return QUOTE.pack(**header | bid | {"ask_nanos": ask_nanos, "ask_units": ask_units} | more)


def child(child_id: int = 1, **more: int) -> bytes:
    usual = {
        "units": 5,
        "limit_nanos": 101,
        "side": Side.BUY,
        "ord_type": 2,
        "time_in_force": TimeInForce.IOC,
    }
    return CHILD.pack(size=CHILD.size, type=OutputType.CHILD, child_id=child_id, **usual | more)


def resting(child_id: int = 1) -> bytes:
    return child(child_id, limit_nanos=99, time_in_force=TimeInForce.DAY)


def reports(market: ReplayMarket, until_ns: int = INT64_MAX) -> list[Any]:
    taken = market.pop_reports(until_ns)
    return [EXEC_REPORT.unpack(taken, at) for at in range(0, len(taken), EXEC_REPORT.size)]


def test_codes_slots_and_layout_are_those_of_schemas() -> None:
    for name, value in codes().items():
        family, member = name.split(".")
        assert getattr(schemas.codes, family)[member] == value, name
    assert child_offsets() == {name: at for name, (at, _) in CHILD.offsets().items()}


@pytest.mark.parametrize("kind", range(1, 64))
def test_every_record_is_stepped_over_whole(kind: int) -> None:
    """A record of any type takes its slots: the quote behind it is seen."""
    size = SLOT * {int(known): slots for known, slots in SLOTS.items()}.get(kind, 1)
    market = build()
    if kind in {InputType.QUOTE, InputType.TRADE, InputType.STATUS}:
        size = 0
    other = bytearray(size)
    if size:
        other[0] = kind
    market.advance(bytes(other) + quote(100))
    assert market.now_ns == 100
    assert market.records_ignored == 0


def test_feedback_bounds_through_the_life_of_a_child() -> None:
    market = build()
    market.advance(quote(100))
    assert market.earliest_feedback_ns == market.next_report_ns == INT64_MAX
    market.submit(resting(), 100)
    assert (market.live_children, market.earliest_feedback_ns) == (1, 130)
    assert market.next_report_ns == INT64_MAX
    market.advance(quote(111))
    assert market.next_report_ns == 130
    assert [report.exec_type for report in reports(market, 130)] == [ExecType.NEW]
    assert market.certain_feedback_ns == INT64_MAX
    assert market.earliest_feedback_ns == 131 + 20
    market.advance(quote(400))
    assert market.earliest_feedback_ns == 420
    market.cancel(1, 400)
    assert market.certain_feedback_ns == 430
    assert [report.exec_type for report in reports(market, 430)] == [ExecType.CANCELED]
    assert (market.live_children, market.earliest_feedback_ns) == (0, INT64_MAX)


def test_reports_come_out_by_time_over_venues_with_dense_numbers() -> None:
    fees = {(0, venue, 1): (0, 0) for venue in range(2)}
    market = ReplayMarket([(0, 100), (0, 10)], fees, [1], "traded_through", 0, report_source=221)
    market.submit(child(1, venue=0), 50)
    market.submit(child(2, venue=1), 60)
    told = [(r.log_ns, r.child_id, r.source_seq, r.source) for r in reports(market)]
    assert told == [(70, 2, 1, 221), (70, 2, 2, 221), (150, 1, 3, 221), (150, 1, 4, 221)]


def test_a_venue_order_id_and_trade_ids_are_dense_and_named() -> None:
    market = build()
    market.advance(quote(100) + quote(100, flags=1, ask_nanos=101))
    market.submit(child(2**64 - 1), 100)
    told = reports(market)
    assert told[0].venue_order_id == b"SIM-18446744073709551615"
    assert [report.trade_id for report in told if report.exec_type == ExecType.TRADE] == [1]


@pytest.mark.parametrize(
    ("rate", "units_per_one", "fee"),
    [
        ((0, 1), 1, 0),
        ((0, -1), 1, -5),  # a share of -101e-9 is below zero: it rounds down to -1, five times
        ((7, 0), 2, 17),
        ((-7, 0), 2, -18),
        ((0, 999_999_999), 3, 166),
    ],
)
def test_fees_round_toward_minus_infinity(
    rate: tuple[int, int], units_per_one: int, fee: int
) -> None:
    market = build(fees={(0, 0, 1): rate}, units_per_one=units_per_one)
    market.advance(quote(100))
    market.submit(child(), 100)
    assert [report.fee_nanos for report in reports(market)][1] == fee


def test_a_fee_beyond_64_bits_stops_there() -> None:
    market = build(fees={(0, 0, 1): (0, 900_000_000)})
    market.advance(quote(100, ask_nanos=10**17, ask_units=10**15))
    market.submit(child(units=10**15, limit_nanos=10**17), 100)
    assert reports(market)[1].fee_nanos == INT64_MAX


def test_jitter_is_keyed_by_seed_and_child() -> None:
    def arrivals(seed: int, ids: list[int]) -> dict[int, int]:
        market = build(seed=seed, jitter_ns=1000)
        for child_id in ids:
            market.submit(child(child_id), 100)
        return {report.child_id: report.venue_ns for report in reports(market)}

    first = arrivals(1, list(range(1, 50)))
    assert arrivals(1, list(range(49, 0, -1))) == first
    assert arrivals(2, list(range(1, 50))) != first
    assert all(110 <= at <= 1110 for at in first.values())
    assert len(set(first.values())) > 40


def test_a_state_goes_through_bytes_and_a_damaged_one_is_refused() -> None:
    market = build()
    market.advance(quote(100))
    market.submit(resting(1), 100)
    market.submit(child(2), 100)
    market.advance(quote(115))
    market.submit(child(3), 115)
    market.cancel(1, 120)
    state, twin = market.state_bytes(), build()
    twin.restore(state)
    assert twin.state_bytes() == state
    assert twin.live_children == market.live_children == 2
    for cut in range(0, len(state), 7):
        with pytest.raises(InputError, match="state"):
            build().restore(state[:cut])
    with pytest.raises(InputError, match="goes on"):
        build().restore(state + b"\0")
    with pytest.raises(InputError, match="another market"):
        build(seed=1).restore(state)
    assert twin.pop_reports(INT64_MAX) == market.pop_reports(INT64_MAX)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (quote(99), "byte 64 is at 99 ns, before 100 ns"),
        (quote(100)[:40], "byte 64 is cut short"),
        (bytes([InputType.NEW_ORDER]) + bytes(100), "byte 64 is cut short"),
    ],
)
def test_a_bad_batch_changes_nothing(batch: bytes, message: str) -> None:
    market = build()
    market.advance(quote(100))
    before = market.state_bytes()
    with pytest.raises(InputError, match=message):
        market.advance(quote(100, ask_units=9) + batch)
    assert market.state_bytes() == before


def test_the_market_cannot_change_behind_reports_that_were_taken() -> None:
    market = build()
    market.pop_reports(100)
    market.advance(TIMER.pack(type=InputType.TIMER, log_ns=100))
    with pytest.raises(InputError, match="reports through 100 ns were taken"):
        market.advance(quote(100))
    market.submit(child(), 100)
    with pytest.raises(InputError, match="would arrive at 99 ns"):
        market.submit(child(2), 89)


def test_a_child_is_known_until_its_last_report_was_surely_read() -> None:
    market = build()
    market.submit(child(), 100)
    with pytest.raises(InputError, match="submitted before"):
        market.submit(child(), 100)
    assert len(reports(market, 130)) == 2
    market.cancel(1, 130)
    assert [report.exec_type for report in reports(market, 160)] == [ExecType.CANCEL_REJECT]
    with pytest.raises(InputError, match="child 1 is not known"):
        market.cancel(1, 160)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (child()[:-1], "159 bytes"),
        (bytes(CHILD.size), "type 0 is not a child"),
        (child(send_delay_ns=-1), "negative time"),
    ],
)
def test_a_bad_child_record_is_refused(record: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build().submit(record, 100)


def test_records_out_of_range_are_ignored_and_counted() -> None:
    market = build()
    wrong: list[dict[str, int]] = [
        {"venue": 1},
        {"instrument": 1},
        {"flags": 10},
        {"ask_nanos": 0},
        {"ask_units": -1},
        {"ask_nanos": 10**17 + 1},
        {"bid_units": 10**15 + 1},
        {"type": InputType.TRADE, "bid_nanos": 0},
        {"type": InputType.STATUS, "venue": 3},
        {"type": InputType.STATUS, "bid_nanos": 9},
    ]
    for fields in wrong:
        market.advance(quote(100, **fields))
    assert market.records_ignored == len(wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"latency": (-1, 0)}, "negative latency"),
        ({"units_per_one": 0}, "units_per_one"),
        ({"jitter_ns": -1}, "jitter_ns"),
        ({"fees": {(0, 1, 1): (0, 0)}}, "no such instrument"),
        ({"fees": {(0, 0, 1): (0, 10**9)}}, "out of range"),
    ],
)
def test_a_wrong_configuration_is_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(**wrong)
    with pytest.raises(InputError, match="neither traded_through"):
        ReplayMarket([(0, 0)], {}, [1], "hopeful", 0)


def test_a_market_is_built_from_the_reference_of_its_run() -> None:
    reference = b"".join(
        (
            INSTRUMENT.pack(type=InputType.INSTRUMENT, instrument=0, units_per_one=1),
            INSTRUMENT.pack(type=InputType.INSTRUMENT, instrument=1, units_per_one=100),
            VENUE.pack(type=InputType.VENUE, venue=0),
            FEE.pack(type=InputType.FEE, instrument=INSTRUMENT_NONE, liquidity=1, fixed_nanos=300),
        )
    )
    market = replay_market(reference, [(0, 0)])
    market.advance(quote(100) + quote(100, instrument=1))
    market.submit(child(1), 100)
    market.submit(child(2, instrument=1), 100)
    assert [r.fee_nanos for r in reports(market) if r.exec_type == ExecType.TRADE] == [1500, 15]
    with pytest.raises(InputError, match="1 venues but 0 latencies"):
        replay_market(reference, [])
    with pytest.raises(InputError, match="ids are dense"):
        replay_market(reference[192:], [(0, 0)])


def test_a_smaller_size_at_the_same_price_keeps_its_place() -> None:
    market = build()
    market.advance(quote(1))
    market.submit(resting(), 10)
    market.replace(1, 3, 99, 30)
    assert [(r.exec_type, r.leaves_units) for r in reports(market)] == [
        (ExecType.NEW, 5),
        (ExecType.REPLACED, 3),
    ]


def test_new_terms_that_reach_the_other_side_trade_at_once() -> None:
    market = build()
    market.advance(quote(1))
    market.submit(resting(), 10)
    market.replace(1, 8, 101, 30)
    told = [(r.exec_type, r.last_units, r.cum_units, r.leaves_units) for r in reports(market, 90)]
    assert told == [
        (ExecType.NEW, 0, 0, 5),
        (ExecType.REPLACED, 0, 0, 8),
        (ExecType.TRADE, 5, 5, 3),
    ]
    market.cancel(1, 100)
    assert [r.exec_type for r in reports(market)] == [ExecType.CANCELED]


def test_new_terms_are_refused_where_nothing_rests_or_they_make_no_sense() -> None:
    market = build()
    market.advance(quote(1))
    market.submit(resting(1), 10)
    market.replace(1, 5, 0, 30)
    market.replace(1, 0, 99, 30)
    market.submit(child(2), 40)
    market.replace(2, 5, 101, 40)
    refused = [r for r in reports(market, 90) if r.exec_type == ExecType.REPLACE_REJECT]
    assert [(r.child_id, r.cum_units, r.leaves_units) for r in refused] == [
        (1, -1, -1),
        (1, -1, -1),
        (2, -1, -1),
    ]
    market.query(1, 100)
    assert [(r.exec_type, r.leaves_units) for r in reports(market)] == [(ExecType.ORDER_STATUS, 5)]


@pytest.mark.parametrize(
    ("record", "cum", "leaves"),
    [(resting(), 0, 5), (child(), 5, 0), (child(units=9), 5, 0)],
    ids=["rests", "filled", "remainder canceled"],
)
def test_a_status_request_is_answered_with_what_the_venue_knows(
    record: bytes, cum: int, leaves: int
) -> None:
    market = build()
    market.advance(quote(1))
    market.submit(record, 10)
    market.query(1, 11)
    last = reports(market)[-1]
    assert (last.exec_type, last.log_ns) == (ExecType.ORDER_STATUS, 11 + 10 + 20)
    assert (last.cum_units, last.leaves_units) == (cum, leaves)


def test_requests_under_way_are_part_of_the_state() -> None:
    market = build()
    market.advance(quote(1))
    market.submit(resting(), 10)
    market.replace(1, 8, 101, 30)
    market.query(1, 31)
    other = build()
    other.restore(market.state_bytes())
    assert other.state_bytes() == market.state_bytes()
    assert other.pop_reports(INT64_MAX) == market.pop_reports(INT64_MAX)


@pytest.mark.parametrize("ask", ["replace", "query"])
def test_a_request_about_an_unknown_child_is_a_fault(ask: str) -> None:
    terms = (7, 5, 99, 10) if ask == "replace" else (7, 10)
    with pytest.raises(InputError, match="child 7 is not known"):
        getattr(build(), ask)(*terms)
