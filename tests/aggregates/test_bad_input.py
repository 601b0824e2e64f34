"""What a broken venue sends has a named outcome and a counter, and leaves the tables sane."""

from __future__ import annotations

from math import isfinite
from typing import Any

import pytest

from aggregates import kernel
from aggregates.engine import ReferenceEngine
from aggregates.kernel import Engine
from schemas.codes import AlarmKind, ExecType, HealthState, OutputType, Reason, TimeInForce
from schemas.units import INT64_MAX, INT64_MIN, price_nanos
from tests.aggregates.extremes import extreme_inputs
from tests.aggregates.generator import random_inputs
from tests.builders import MS, S, Tape, children, of_type, records, set_up

TABLES = (OutputType.QUALITY, OutputType.EXECUTION_QUALITY, OutputType.VENUE_QUALITY)
SHARES = ("fill_ratio", "reject_rate", "share_at_bid", "share_at_ask", "two_sided_share")


class Desk:
    """A tape with two venues that quote, played on an engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.tape, self.consumed = engine, Tape(), 0
        set_up(self.tape)
        self.tape.settings(publish_ns=S, health_ns=S)
        for venue in (0, 1):
            self.tape.quote(0, venue, ("9.99", 100), ("10.00", 100), venue_ns=self.tape.now_ns - MS)
        self.play()

    def play(self) -> bytes:
        """What the engine says to what was appended."""
        consumed, outputs = self.engine.step(bytes(self.tape.data[self.consumed :]))
        self.consumed += consumed
        return outputs

    def send(self, name: str = "A") -> Any:
        """A child of 50 at venue 0."""
        values = {"limit": "10.00", "venues_allowed": 1, "time_in_force": TimeInForce.IOC}
        self.tape.order(0, name, 1, 50, **values)
        (child,) = children(self.play())
        return child

    def tables(self) -> dict[tuple[int, int], Any]:
        """Read-outs by (type, venue) at the next publication, all of them sane."""
        self.tape.wait(S)
        self.tape.timer()
        outputs = self.play()
        check_sane(outputs)
        return {
            (kind, record.venue): record for kind, record, _ in records(outputs) if kind in TABLES
        }

    def count(self, reason: Reason) -> int:
        """Inputs refused for a reason."""
        reader = ReferenceEngine(0, kernel.GENERATION)
        reader.restore(self.engine.state_bytes())
        return int(reader.state.counters[reason])


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """Return a desk on an empty engine."""
    return Desk(engine)


def check_sane(outputs: bytes) -> int:
    """No read-out is infinite, no error or sample size negative, no share outside 0 to 1."""
    found = 0
    for kind, record, _ in records(outputs):
        if kind not in TABLES:
            continue
        found += 1
        for name, value in record._asdict().items():
            if isinstance(value, float):
                assert isfinite(value), f"{kind.name} {name} {value}"
            if name.endswith(("_se", "_n")):
                assert value >= 0, f"{kind.name} {name} {value}"
            if name in SHARES or (name.startswith("available_") and not name.endswith("_n")):
                assert -1e-9 <= value <= 1 + 1e-9, f"{kind.name} {name} {value}"
    return found


def refusals(outputs: bytes) -> list[int]:
    """Reasons of the refusals."""
    return [record.reason for record in of_type(outputs, OutputType.REFUSAL)]


def alarms(outputs: bytes) -> list[int]:
    """Kinds of the alarms."""
    return [record.kind for record in of_type(outputs, OutputType.ALARM)]


def test_a_fill_of_an_unknown_child_is_refused_and_alarms(desk: Desk) -> None:
    desk.tape.fill(77, 50, "10.00", 1)
    outputs = desk.play()
    assert refusals(outputs) == [Reason.UNKNOWN_CHILD]
    assert alarms(outputs) == [AlarmKind.UNKNOWN_FILL]
    assert desk.count(Reason.UNKNOWN_CHILD) == 1
    tables = desk.tables()
    assert tables[OutputType.QUALITY, 0].fills == 0
    assert (OutputType.EXECUTION_QUALITY, 0) not in tables


def test_an_acknowledgement_before_the_send_teaches_nothing(desk: Desk) -> None:
    desk.tape.report(1, ExecType.NEW)
    assert refusals(desk.play()) == [Reason.UNKNOWN_CHILD]
    child = desk.send()
    assert child.child_id == 1
    desk.tape.wait(3 * MS)
    desk.tape.fill(1, 50, "10.00", 1)
    desk.play()
    assert desk.tables()[OutputType.VENUE_QUALITY, 0].ack_n == 1


def test_a_fill_told_twice_counts_once(desk: Desk) -> None:
    child = desk.send()
    desk.tape.fill(child.child_id, 20, "10.00", 5)
    desk.tape.fill(child.child_id, 20, "10.00", 5)
    assert refusals(desk.play()) == [Reason.DUPLICATE_TRADE]
    assert desk.count(Reason.DUPLICATE_TRADE) == 1
    tables = desk.tables()
    assert tables[OutputType.QUALITY, 0].fills == 1
    assert 0.9 < tables[OutputType.EXECUTION_QUALITY, 0].effective_bps_n <= 1.0


def test_a_fill_larger_than_the_child_fills_all_of_it_and_no_more(desk: Desk) -> None:
    child = desk.send()
    desk.tape.fill(child.child_id, 5000, "10.00", 5)
    assert AlarmKind.OVERFILL in alarms(desk.play())
    tables = desk.tables()
    assert tables[OutputType.VENUE_QUALITY, 0].fill_ratio == 1.0
    told = tables[OutputType.EXECUTION_QUALITY, 0]
    assert (told.available_6, told.available_6_n) == (1.0, 1.0)
    assert told.available_7_n == 0.0  # so much was never asked for


@pytest.mark.parametrize("venue_ns", [0, -1, INT64_MIN, INT64_MAX, 2**62 + 1])
def test_a_venue_time_that_cannot_be_is_no_delay(desk: Desk, venue_ns: int) -> None:
    desk.tape.quote(0, 0, ("9.99", 100), ("10.00", 100), venue_ns=venue_ns)
    desk.play()
    tables = desk.tables()
    assert tables[OutputType.QUALITY, 0].quotes == 2
    assert tables[OutputType.QUALITY, 0].feed_delay_n == tables[OutputType.QUALITY, 1].feed_delay_n
    assert tables[OutputType.VENUE_QUALITY, 0].feed_n == 1


@pytest.mark.parametrize("jump_ns", [-3600 * S, 3600 * S, 2**61, -(10**18)])
def test_a_venue_clock_that_jumps_moves_the_feed_delay_and_nothing_else(
    core: str, jump_ns: int
) -> None:
    told = []
    for moved_ns in (0, jump_ns):
        desk = Desk(kernel.load(core))
        now_ns = desk.tape.now_ns
        desk.tape.wait(10 * MS)
        desk.tape.quote(0, 0, ("9.98", 90), ("10.00", 100), venue_ns=now_ns + moved_ns)
        child = desk.send()
        desk.tape.fill(child.child_id, 50, "10.00", 5)
        desk.play()
        tables = desk.tables()
        told.append([_without_feed(record) for record in tables.values()])
        assert desk.count(Reason.BAD_VALUE) == 0
    assert told[0] == told[1]


def _without_feed(record: Any) -> dict[str, Any]:
    return {name: value for name, value in record._asdict().items() if "feed" not in name}


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-inf", "1e400", "", "1e5"])
def test_what_is_no_number_stops_at_the_edge(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        price_nanos(text)


def test_a_venue_that_never_quotes_is_neither_ill_nor_known(core: str) -> None:
    desk = Desk(kernel.load(core))
    desk.tape.venue(2, "XMUM")
    desk.tape.listing(0, 2)
    desk.tape.fee(0, 2)
    desk.play()
    for _ in range(5):
        tables = desk.tables()
        assert all(venue != 2 for _, venue in tables)
    reader = ReferenceEngine(0, kernel.GENERATION)
    reader.restore(desk.engine.state_bytes())
    assert reader.state.tables.venues[2].quality.health == HealthState.UP


def test_a_venue_that_quotes_a_hundred_times_more_drowns_nobody(core: str) -> None:
    """A quiet venue's row is the same beside a chatterbox, whose own sizes are still over time."""
    told = []
    for chatter in (1, 100):
        desk = Desk(kernel.load(core))
        for step in range(8):
            desk.tape.quote(0, 0, ("9.99", 100 + step), ("10.00", 100))
            desk.play()
            for index in range(chatter):
                size = 200 if index == chatter - 1 else 999
                desk.tape.quote(0, 1, ("9.98", size), ("10.01", size))
            desk.tape.wait(100 * MS)
        told.append(desk.tables())
    quiet = [_without_place(tables[OutputType.QUALITY, 0]) for tables in told]
    assert quiet[0] == quiet[1]
    loud = told[1][OutputType.QUALITY, 1]
    assert loud.bid_units == pytest.approx(200, rel=1e-6)
    assert loud.quotes == 801


def _without_place(record: Any) -> dict[str, Any]:
    values: dict[str, Any] = record._asdict()
    for name in ("out_seq", "seq", "quality_seq"):
        del values[name]
    return values


@pytest.mark.parametrize("seed", range(6))
def test_tables_stay_sane_at_the_edges_of_every_number(core: str, seed: int) -> None:
    engine = kernel.load(core)
    inputs = extreme_inputs(seed, 600, engine=engine)
    assert check_sane(kernel.load(core).step(inputs)[1]) >= 0


def test_tables_stay_sane_among_garbage(core: str) -> None:
    found = 0
    for seed in range(6):
        inputs = random_inputs(seed, 1500, garbage=0.1)
        found += check_sane(kernel.load(core).step(inputs)[1])
    assert found > 500
