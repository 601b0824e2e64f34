"""Totals, quality and names, folded from records made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from projections.views.names import Names
from projections.views.quality import QualityTable, mean
from projections.views.reasons import ENDS, EXCLUSIONS, REFUSALS, duration, exclusion, refusal
from projections.views.totals import RunTotals
from schemas import decisions
from schemas.codes import (
    AlarmKind,
    ChildState,
    ExecType,
    HealthState,
    InputType,
    OrderState,
    OutputType,
    PolicyKind,
    Reason,
    Side,
    VenueStatus,
)
from schemas.layout import Layout
from schemas.reference import INSTRUMENT
from schemas.units import INT64_MAX
from tests.projections.views.stories import CENT, names

ONE = 10**9


def record(layout: Layout, kind: OutputType, /, **values: Any) -> bytes:
    """Bytes of an output record."""
    return layout.pack(size=layout.size, type=int(kind), version=1, **values)


def decision(**values: Any) -> bytes:
    """A decision for 100 at a mid of 100, cost 100.02 against 100.05 of the sweep."""
    plain = {
        "order_id": 7,
        "attempt": 1,
        "policy": 2,
        "side": 1,
        "allocated_units": 100,
        "arrival_bid_nanos": 99 * ONE,
        "arrival_ask_nanos": 101 * ONE,
        "displayed_bid_nanos": 99 * ONE,
        "displayed_ask_nanos": 101 * ONE,
        "expected_cost_lo": 100 * 100_020_000_000,
        "sweep_units": 100,
        "sweep_cost_lo": 100 * 100_050_000_000,
        "best_price_units": 50,
    }
    return record(decisions.DECISION, OutputType.DECISION, **{**plain, **values})


def order_state(**values: Any) -> bytes:
    """The end of order 7: 50 traded at 100.1 (10 bps), 0.5 of fees (1 bp)."""
    plain = {
        "order_id": 7,
        "state": int(OrderState.DONE),
        "reason": int(Reason.FILLED),
        "side": 1,
        "cum_units": 50,
        "notional_lo": 50 * 100_100_000_000,
        "fee_nanos": ONE // 2,
    }
    return record(decisions.ORDER_STATE, OutputType.ORDER_STATE, **{**plain, **values})


def test_savings_are_kept_by_policy_and_only_for_equal_sizes() -> None:
    totals = RunTotals(names())
    totals.add(decision() + decision(policy=1, attempt=2))
    assert totals.saved_bps(2, "sweep") == pytest.approx(3.0)
    assert totals.saved_bps(2, "best_price") is None
    assert totals.gaps[2, "best_price"].unequal == 1
    assert totals.saved_bps(9, "sweep") is None
    assert totals.accepted == totals.orders == 1


@pytest.mark.parametrize(
    ("side", "expected"), [(Side.BUY, 11.0), (Side.SELL, -9.0)], ids=["buy", "sell"]
)
def test_realised_cost_is_price_and_fees_against_arrival(side: Side, expected: float) -> None:
    totals = RunTotals(names())
    totals.add(decision(side=int(side)) + order_state(side=int(side)))
    assert totals.realised.bps(totals.names) == pytest.approx(expected)
    assert totals.ends == {"filled": 1}


def test_an_order_ends_once() -> None:
    totals = RunTotals(names())
    working = order_state(state=int(OrderState.WORKING))
    totals.add(decision() + working + order_state() + order_state())
    assert totals.ends == {"filled": 1}


def test_fills_refusals_and_alarms_are_counted() -> None:
    totals = RunTotals(names())
    child = record(decisions.CHILD, OutputType.CHILD, venue=1)
    fill = record(
        decisions.CHILD_STATE,
        OutputType.CHILD_STATE,
        venue=1,
        last_units=30,
        last_nanos=100 * ONE,
        fee_nanos=ONE,
        exec_type=int(ExecType.TRADE),
        state=int(ChildState.FILLED),
    )
    other = record(decisions.CHILD_STATE, OutputType.CHILD_STATE, venue=1)
    refused = record(decisions.REFUSAL, OutputType.REFUSAL, reason=int(Reason.PRICE_COLLAR))
    alarm = record(decisions.ALARM, OutputType.ALARM, kind=int(AlarmKind.OVERFILL))
    totals.add(child + fill + other + refused + alarm)
    assert totals.fills == 1
    assert totals.venue_rows() == [
        {"venue": "BBB", "children": 1, "fills": 1, "notional": 3000.0, "fees": 1.0}
    ]
    assert totals.refusals == {"price_collar": 1}
    assert totals.alarms == {"overfill": 1}
    assert totals.types[OutputType.CHILD_STATE] == 2


def quality(**values: Any) -> bytes:
    """A row of the quality table."""
    return record(decisions.QUALITY, OutputType.QUALITY, **values)


def test_the_last_row_before_the_moment_counts() -> None:
    rows = quality(venue=1, quotes=1, seq=5, log_ns=50) + quality(
        venue=1, quotes=9, seq=8, log_ns=80
    )
    for table, quotes in (
        (QualityTable(), 9),
        (QualityTable(max_seq=7), 1),
        (QualityTable(max_ns=79), 1),
    ):
        table.add(rows)
        (row,) = table.table(names())
        assert (row["instrument"], row["venue"], row["quotes"]) == ("IBM", "BBB", quotes)
    table = QualityTable(max_seq=4)
    table.add(rows)
    assert table.table(names()) == []


def test_rows_are_chosen_and_sorted_by_key() -> None:
    table = QualityTable()
    never = {"feed_delay_min_ns": INT64_MAX}
    table.add(quality(venue=2, **never) + quality(venue=0) + quality(venue=1, instrument=1))
    assert [row["venue"] for row in table.table(names())] == ["BBB", "AAA", "CCC"]
    assert [row["venue"] for row in table.table(names(), instrument=0)] == ["AAA", "CCC"]
    (row,) = table.table(names(), venue=2)
    assert row["feed_delay_min_ns"] is None


def test_a_venue_is_the_weighted_mean_of_its_rows() -> None:
    table = QualityTable()
    table.add(
        quality(venue=0, instrument=0, fills=1, fill_ratio=0.5, fill_ratio_n=3.0, ack_ns=10.0)
        + quality(venue=0, instrument=1, fills=2, fill_ratio=1.0, fill_ratio_n=1.0, ack_ns=20.0)
    )
    (row,) = table.by_venue(names())
    assert row["fills"] == 3
    assert row["fill_ratio"] == pytest.approx(0.625)
    assert row["ack_ns"] is None, "nothing stands behind it"
    assert mean([], []) is None


def test_names_fall_back_to_ids() -> None:
    empty = Names()
    assert (empty.venue(3), empty.instrument(4).key, empty.policy(5)) == ("3", "4", "5")
    known = names()
    assert known.venue_id("bbb") == 1
    assert known.instrument_id("ibm") == 0
    assert known.venue_id("ZZZ") is None
    assert known.policy(int(PolicyKind.LOWEST_COST)) == "lowest_cost"


def test_sizes_read_like_people_write_them() -> None:
    known = names()
    coin = INSTRUMENT.pack(instrument=1, key=b"BTC", quote_ccy=b"USDT", units_per_one=10**8)
    known.add(InputType.INSTRUMENT, coin)
    assert known.instrument(1).size(123_456_000_000) == "1,234.56"
    assert known.instrument(0).size(12_000) == "12,000"


@pytest.mark.parametrize(
    ("ns", "words"),
    [
        (0, "0 us"),
        (1_500, "1.5 us"),
        (80_000_000, "80 ms"),
        (-1_270_000_000, "-1.27 s"),
        (90 * ONE, "1.5 min"),
        (7_200 * ONE, "2 h"),
    ],
)
def test_durations(ns: int, words: str) -> None:
    assert duration(ns) == words


def test_every_reason_that_can_leave_a_venue_out_has_words() -> None:
    one = names().instrument(0)
    exclusions = [r.name.lower() for r in Reason if 0 < r < Reason.UNKNOWN_TYPE]
    assert set(exclusions) == set(EXCLUSIONS)
    for reason in exclusions:
        assert exclusion(reason, 2, one)
    assert exclusion("venue_not_open", int(VenueStatus.HALTED), one) == "it is halted"
    assert exclusion("venue_health", int(HealthState.COOLING), one) == "its health is cooling"
    assert exclusion("beyond_limit", 10_001 * CENT, one).endswith("100.01 is beyond the limit")
    assert exclusion("odd_thing", 4, one) == "odd thing (4)"


def test_words_name_reasons_that_exist() -> None:
    codes = {reason.name.lower() for reason in Reason}
    assert set(REFUSALS) <= codes
    assert set(ENDS) <= codes
    one = names().instrument(0)
    for reason in REFUSALS:
        assert refusal(reason, 1, one)
    assert refusal("odd_thing", 4, one) == "odd thing (4)"
