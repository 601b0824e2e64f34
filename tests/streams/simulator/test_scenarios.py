"""The fill rules, one readable scenario each: scenarios.txt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.codes import (
    ExecInst,
    ExecType,
    InputType,
    Liquidity,
    OutputType,
    QuoteFlag,
    Reason,
    ReportFlag,
    Side,
    TimeInForce,
    TradeCondition,
    VenueStatus,
)
from schemas.decisions import CHILD
from schemas.market import QUOTE, STATUS, TRADE
from schemas.reports import EXEC_REPORT
from schemas.units import INSTRUMENT_NONE, INT64_MAX, decimal_text, price_nanos
from streams.simulator._market import ReplayMarket

VENUES = "ABC"
LATENCIES = [(10, 20), (0, 0), (50, 5)]
CENT = 10_000_000
FEES = {
    (0, 0, 1): (CENT * 3 // 10, 0),
    (0, 0, 2): (-CENT * 2 // 10, 0),
    (0, 1, 1): (0, 1_000_000),
    (0, 1, 2): (0, 0),
    (0, 2, 1): (CENT * 3 // 10, 0),
}
WORDS = {
    ExecType.NEW: "new",
    ExecType.CANCELED: "cancel",
    ExecType.EXPIRED: "expire",
    ExecType.CANCEL_REJECT: "too-late",
}


def read_scenarios() -> dict[str, list[str]]:
    """Title -> lines."""
    scenarios: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in Path(__file__).with_name("scenarios.txt").read_text().splitlines():
        if line.startswith("== "):
            lines = scenarios.setdefault(line[3:], [])
        elif line and not line.startswith("#"):
            lines.append(line)
    return scenarios


SCENARIOS = read_scenarios()


@pytest.mark.parametrize("title", SCENARIOS)
def test_scenario(title: str) -> None:
    lines = SCENARIOS[title]
    expected = [line[2:] for line in lines if line.startswith(">")]
    models = [line.split()[1] for line in lines if line.startswith("model")]
    if title.startswith("both models"):
        models = ["traded_through", "queue_depleted"]
    for model in models or ["traded_through"]:
        events = [line for line in lines if line[0].isdigit()]
        assert play(events, model) == expected


def play(events: list[str], model: str) -> list[str]:
    """Runs the events and tells every report as a line."""
    market = ReplayMarket(LATENCIES, FEES, [1], model, 0)
    for event in events:
        time, verb, *words = event.split()
        now = int(time)
        if verb == "child":
            market.submit(child(words), now)
        elif verb == "cancel":
            market.cancel(int(words[0]), now)
        else:
            market.advance(record(verb, now, words))
    reports = market.pop_reports(INT64_MAX)
    told: list[str] = []
    for at in range(0, len(reports), EXEC_REPORT.size):
        report = EXEC_REPORT.unpack(reports, at)
        assert report.source_seq == report.report_id == len(told) + 1
        assert report.report_flags == ReportFlag.MODELLED
        told.append(line_of(report))
    return told


def child(words: list[str]) -> bytes:
    child_id, venue, side, quantity, force, *options = words
    units, limit = quantity.split("@")
    extra = dict(zip(options[::2], map(int, options[1::2]), strict=True))
    is_post = force == "post"
    return CHILD.pack(
        size=CHILD.size,
        type=OutputType.CHILD,
        child_id=int(child_id),
        venue=VENUES.index(venue) if venue in VENUES else 9,
        side=int(Side[side.upper()]),
        units=int(units),
        limit_nanos=price_nanos(limit),
        ord_type=2,
        time_in_force=int(TimeInForce.DAY if is_post else TimeInForce[force.upper()]),
        exec_inst=int(ExecInst.POST_ONLY) if is_post else 0,
        min_units=extra.get("min", 0),
        send_delay_ns=extra.get("delay", 0),
    )


def record(verb: str, now: int, words: list[str]) -> bytes:
    place = {"log_ns": now, "venue": VENUES.index(words[0])}
    if verb == "quote":
        bid, bid_units = words[2].split("x")
        ask, ask_units = words[3].split("x")
        return QUOTE.pack(
            type=InputType.QUOTE,
            flags=int(words[1].rstrip("+")) | (QuoteFlag.MORE if "+" in words[1] else 0),
            bid_nanos=price_nanos(bid),
            bid_units=int(bid_units),
            ask_nanos=price_nanos(ask),
            ask_units=int(ask_units),
            **place,
        )
    if verb == "print":
        units, price = words[1].split("@")
        conditions = sum(TradeCondition[word] for word in words[2:]) or TradeCondition.REGULAR
        return TRADE.pack(
            type=InputType.TRADE,
            price_nanos=price_nanos(price),
            units=int(units),
            conditions=conditions,
            **place,
        )
    assert verb == "status", verb
    status = VenueStatus[words[1]]
    return STATUS.pack(type=InputType.STATUS, instrument=INSTRUMENT_NONE, status=status, **place)


def line_of(report: Any) -> str:
    head = f"{report.log_ns} {report.child_id}"
    if report.exec_type == ExecType.REJECTED:
        assert report.text.rstrip(b"\0")
        return f"{head} reject {Reason(report.reject_reason).name}"
    if report.exec_type != ExecType.TRADE:
        return f"{head} {WORDS[report.exec_type]}"
    verb = "take" if report.liquidity == Liquidity.TAKE else "add"
    price = f"{report.last_nanos / 1e9:.2f}"
    return f"{head} {verb} {report.last_units}@{price} fee {decimal_text(report.fee_nanos)}"
