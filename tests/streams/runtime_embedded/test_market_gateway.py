"""The live market goes on after a kill, keeps to its pace, and takes faults from people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.codes import ExecType, InputType, OutputType, Side, TimeInForce
from schemas.commands import VenueFault
from schemas.decisions import CANCEL_CHILD, CHILD, STATUS_REQUEST
from schemas.errors import InputError
from schemas.reports import EXEC_REPORT
from schemas.units import NS_PER_MS, NS_PER_S
from streams.runtime_embedded.gateway import Arrivals
from streams.runtime_embedded.market_gateway import LOST_TEXT, MarketGateway, parted
from streams.runtime_embedded.order_flow import OrderFlow
from streams.simulator.synthetic.live import live_preset, natural_pace

START = 1_767_623_400 * NS_PER_S
PRESET = live_preset("us_equity_24", START, venues=6, instruments=2)


def child(out_seq: int, venue: int = 0, units: int = 100) -> bytes:
    """A CHILD record that buys whatever the price."""
    return CHILD.pack(
        size=CHILD.size,
        type=int(OutputType.CHILD),
        out_seq=out_seq,
        child_id=out_seq,
        units=units,
        limit_nanos=10**15,
        venue=venue,
        side=int(Side.BUY),
        time_in_force=int(TimeInForce.IOC),
    )


Open = Callable[[Path], MarketGateway]


@pytest.fixture
def gateway() -> Iterator[Open]:
    """Opens gateways and closes them all."""
    opened: list[MarketGateway] = []

    def opens(folder: Path) -> MarketGateway:
        opened.append(MarketGateway(PRESET, 1, folder))
        return opened[-1]

    yield opens
    for one in opened:
        one.close()


def at(ms: int) -> int:
    return START + ms * NS_PER_MS


def script(market: MarketGateway) -> list[Arrivals]:
    """Children, a cancel, an outage and a fault over half a second."""
    found = [market.poll(at(200))]
    market.send(child(1), at(200))
    market.send(child(2, venue=1), at(201))
    found.append(market.poll(at(210)))
    assert market.disturb(VenueFault(1, is_on=True)) is None
    market.send(child(3, venue=1), at(211))
    assert market.disturb(VenueFault(2, is_on=True, fault="slow_venue")) is None
    market.send(child(4, venue=2), at(215))
    gone = CANCEL_CHILD.pack(type=int(OutputType.CANCEL_CHILD), out_seq=5, child_id=1, venue=0)
    market.send(gone, at(216))
    found.append(market.poll(at(300)))
    return found


def reports(arrivals: list[Arrivals]) -> np.ndarray[Any, Any]:
    return np.concatenate([part.reports for part in arrivals])


@pytest.mark.parametrize("saves", [False, True])
def test_a_killed_market_goes_on(tmp_path: Path, gateway: Open, saves: bool) -> None:
    """All reports since the snapshot come again with their numbers; the market is the same one."""
    whole, cut = gateway(tmp_path / "whole"), gateway(tmp_path / "cut")
    told = script(whole)
    saved = cut.save() if saves else b""
    script(cut)
    with (tmp_path / "cut" / "sent.log").open("ab") as file:
        file.write(b"\x07\x00")  # torn by the kill
    again = gateway(tmp_path / "cut")
    back = again.restore(saved, at(300))
    assert (reports([back]) == reports(told)).all()
    assert again.taken_out_seq == 5
    later, same = again.poll(at(900)), whole.poll(at(900))
    assert (later.market == same.market).all()
    assert (later.reports == same.reports).all()
    assert again.outages() == [1]


def test_it_goes_on_from_a_snapshot_in_the_middle(tmp_path: Path, gateway: Open) -> None:
    one = gateway(tmp_path)
    script(one)
    saved = one.save()
    one.send(child(6), at(301))
    late = one.poll(at(400))
    again = gateway(tmp_path)
    back = again.restore(saved, at(400))
    assert (back.reports == late.reports).all()
    assert len(back.reports)


def test_what_was_sent_twice_is_taken_once(tmp_path: Path, gateway: Open) -> None:
    one = gateway(tmp_path)
    one.poll(at(200))
    for _ in range(2):
        one.send(child(1), at(200))
    acks = one.poll(at(300)).reports
    assert (acks["exec_type"] == ExecType.NEW).sum() == 1


def test_an_outage_is_silent_and_then_tells(tmp_path: Path, gateway: Open) -> None:
    one = gateway(tmp_path)
    one.poll(at(200))
    one.disturb(VenueFault(1, is_on=True))
    one.send(child(1, venue=1), at(200))
    asked = STATUS_REQUEST.pack(type=int(OutputType.STATUS_REQUEST), out_seq=2, child_id=1, venue=1)
    one.send(asked, at(210))
    out = one.poll(at(1_000))
    assert not (out.market["venue"] == 1).any()
    assert not len(out.reports)
    one.disturb(VenueFault(1, is_on=False))
    back = one.poll(at(2_000))
    assert (back.market["venue"] == 1).any()
    assert [bytes(text) for text in back.reports["text"]] == [LOST_TEXT]


def test_a_question_is_answered_by_a_venue_that_is_well(tmp_path: Path, gateway: Open) -> None:
    one = gateway(tmp_path)
    one.poll(at(200))
    asked = STATUS_REQUEST.pack(
        type=int(OutputType.STATUS_REQUEST), out_seq=1, child_id=77, venue=2
    )
    one.send(asked, at(200))
    (answer,) = one.poll(at(300)).reports
    assert (answer["exec_type"], answer["child_id"]) == (ExecType.ORDER_STATUS, 77)


def test_faults_that_do_not_exist_are_refused(tmp_path: Path, gateway: Open) -> None:
    one = gateway(tmp_path)
    for fault, words in (
        (VenueFault(6, is_on=True), "0 to 5"),
        (VenueFault(1, is_on=True, fault="fire"), "slow_venue"),
        (VenueFault(1, is_on=False, fault="slow_venue"), "by itself"),
    ):
        refused = one.disturb(fault)
        assert refused is not None
        assert words in str(refused)


def test_reports_are_told_from_quotes_whatever_they_hold() -> None:
    """A report's later slots may begin with any byte."""
    text = bytes([InputType.EXEC_REPORT]) * 40
    report = EXEC_REPORT.pack(type=int(InputType.EXEC_REPORT), child_id=5, text=text)
    quote = bytes([InputType.QUOTE]).ljust(64, b"\0")
    market, told = parted(quote + report + quote + report)
    assert (len(market), len(told)) == (2, 2)
    assert told["child_id"].tolist() == [5, 5]
    assert [len(part) for part in parted(b"")] == [0, 0]


def test_a_pace_is_about_what_was_asked_for() -> None:
    calm, busy = (
        natural_pace(live_preset("us_equity_24", START, records_per_s=r)) for r in (0, 20_000)
    )
    assert 15_000 < busy < 25_000
    assert calm < 10_000


@pytest.mark.parametrize(
    ("venues", "instruments", "key"),
    [(25, 0, "market.venues"), (1, 0, "market.venues"), (0, 5, "market.instruments")],
)
def test_more_than_a_market_has_is_refused_by_key(venues: int, instruments: int, key: str) -> None:
    with pytest.raises(InputError, match=key):
        live_preset("us_equity_24", START, venues, instruments)
    with pytest.raises(InputError, match="cannot read"):
        live_preset("no_such_market", START)


def test_orders_come_by_the_clock_and_never_twice(tmp_path: Path, gateway: Open) -> None:
    one, flow = gateway(tmp_path), OrderFlow(PRESET, 1, orders_per_s=10)
    flow.observe(one.poll(at(3_000)).market)
    assert flow.due(at(1_000)) == []
    assert len(flow.due(at(3_000))) == 1
    assert flow.due(at(3_050)) == []
    assert len(flow.due(at(9_000))) == 1  # none for the time that was missed
