"""A trade that was canceled or corrected has not taught what it had taught."""

from __future__ import annotations

from typing import Any

import pytest

from aggregates import kernel
from schemas.codes import ExecType, OutputType, TimeInForce
from tests.builders import MS, S, Tape, children, nanos, of_type, records, set_up

TABLES = (OutputType.QUALITY, OutputType.EXECUTION_QUALITY)


class Desk:
    """One venue whose children are filled at prices of our choice."""

    def __init__(self, core: str) -> None:
        self.engine, self.tape, self.consumed, self.trades = kernel.load(core), Tape(), 0, 0
        set_up(self.tape, ("XNYS",))
        self.tape.fee(0, 0, "0.003")
        self.tape.settings(publish_ns=S)
        self.play()

    def play(self) -> bytes:
        """What the engine says to what was appended."""
        consumed, outputs = self.engine.step(bytes(self.tape.data[self.consumed :]))
        self.consumed += consumed
        return outputs

    def fill(
        self, name: str, price: str, units: int = 100, limit: str = "10.00"
    ) -> tuple[int, int]:
        """Sends 100 and has `units` filled, the rest canceled: (child, trade)."""
        self.tape.quote(0, 0, ("9.99", 1000), ("10.00", 1000))
        self.tape.order(0, name, 1, 100, limit=limit, time_in_force=TimeInForce.IOC)
        (child,) = children(self.play())
        self.tape.wait(MS)
        self.trades += 1
        fee_nanos = nanos("0.003") * units
        self.tape.fill(child.child_id, units, price, self.trades, fee_nanos=fee_nanos)
        if units < 100:
            self.tape.report(child.child_id, ExecType.CANCELED)
        self.tape.wait(MS)
        self.play()
        return child.child_id, self.trades

    def change(self, place: tuple[int, int], kind: ExecType, **values: Any) -> None:
        """What the venue says later of a trade."""
        self.tape.report(place[0], kind, ref_trade_id=place[1], trade_id=900, **values)
        self.play()

    def read(self) -> dict[OutputType, Any]:
        """The row's read-outs at the next publication."""
        self.tape.wait(S)
        self.tape.timer()
        return {kind: told for kind, told, _ in records(self.play()) if kind in TABLES}


def same(one: Any, other: Any, names: tuple[str, ...]) -> None:
    """Read-outs that must not differ."""
    for name in names:
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-9), name


COSTS = ("effective_bps", "improvement_bps", "all_in_bps")


def test_a_canceled_trade_has_cost_nothing(core: str) -> None:
    busted, never = Desk(core), Desk(core)
    place = busted.fill("A", "9.70")
    never.tape.quote(0, 0, ("9.99", 1000), ("10.00", 1000))
    never.tape.wait(2 * MS)
    never.play()
    for desk in (busted, never):
        desk.fill("B", "9.99")
    busted.change(place, ExecType.TRADE_CANCEL)
    was, wanted = busted.read(), never.read()
    execution = OutputType.EXECUTION_QUALITY
    same(was[execution], wanted[execution], COSTS)
    same(was[execution], wanted[execution], tuple(f"{name}_n" for name in COSTS))
    same(was[execution], wanted[execution], ("fee_expected_nanos", "fee_charged_nanos"))


def test_a_canceled_trade_was_not_there(core: str) -> None:
    desk = Desk(core)
    place = desk.fill("A", "10.00")
    before = desk.read()
    desk.change(place, ExecType.TRADE_CANCEL)
    after = desk.read()
    assert before[OutputType.QUALITY].fill_ratio > 0.9 > after[OutputType.QUALITY].fill_ratio
    told = after[OutputType.EXECUTION_QUALITY]
    assert (told.available_0, told.available_0_n) == (0.0, pytest.approx(1.0, rel=0.01))
    assert all(getattr(told, f"{name}_n") == getattr(told, name) == 0.0 for name in COSTS)
    assert told.fee_expected_nanos == told.fee_charged_nanos == 0


def test_a_corrected_trade_teaches_its_new_terms_at_its_own_time(core: str) -> None:
    corrected, right = Desk(core), Desk(core)
    place = corrected.fill("A", "9.70")
    right.fill("A", "9.90", units=100)
    for desk in (corrected, right):
        desk.tape.wait(10 * S)
        desk.fill("B", "10.00")
    terms = {"last_units": 100, "last_nanos": nanos("9.90"), "fee_nanos": nanos("0.003") * 100}
    corrected.change(place, ExecType.TRADE_CORRECT, **terms)
    was, wanted = corrected.read(), right.read()
    for kind in TABLES:
        names = COSTS if kind == OutputType.EXECUTION_QUALITY else ("fill_ratio",)
        same(was[kind], wanted[kind], names)


def test_the_bust_of_everything_leaves_the_prior(core: str) -> None:
    desk = Desk(core)
    places = [desk.fill(name, "10.00", units=60) for name in "ABC"]
    for place in places:
        desk.change(place, ExecType.TRADE_CANCEL)
    told = desk.read()
    row, execution = told[OutputType.QUALITY], told[OutputType.EXECUTION_QUALITY]
    assert row.fills == 0
    # Three children asked for 100 each and got nothing.
    assert row.fill_ratio < 0.55
    assert execution.all_in_bps_n == 0.0
    assert of_type(desk.play(), OutputType.REFUSAL) == []
