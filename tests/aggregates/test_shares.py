"""What shards learn from each other and share, and what a desk asks; both cores, the same bytes."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.codes import ExecType, KillScope, OrderState, OutputType, Reason, Side, TimeInForce
from schemas.units import E9
from tests.aggregates.parity import Twins
from tests.builders import MS, S, Tape, of_type, set_up

PRICE = (("99.98", 5_000), ("100.00", 5_000))


class Shard:
    """Both cores with one instrument at two venues at 100.00, and an account over all shards."""

    def __init__(self, limit_ones: int = 100_000) -> None:
        self.tape, self.twins = Tape(), Twins()
        set_up(self.tape)
        self.tape.settings(publish_ns=100 * MS)
        self.tape.account(b"ACC1", max_gross_ones=limit_ones, budgeted=1)
        for venue in range(2):
            self.tape.quote(0, venue, *PRICE)
        self.said()

    def said(self) -> bytes:
        """What both cores say to all that the tape holds since the last time."""
        batch = bytes(self.tape.data)
        self.tape.data.clear()
        outputs = self.twins.step(batch)[1]
        self.twins.check_state()
        self.twins.swap()
        return outputs

    def order(self, name: str, units: int, **values: Any) -> bytes:
        """A limit order to buy at the ask."""
        self.tape.order(0, name, Side.BUY, units, limit="100.00", policy=1, **values)
        return self.said()

    def states(self, outputs: bytes) -> list[tuple[int, int, int, int]]:
        """(number, budget, used, wanted) of each BUDGET_STATE."""
        found = of_type(outputs, OutputType.BUDGET_STATE)
        return [(r.number, r.budget_ones, r.used_ones, r.wanted_ones) for r in found]


def refusal(outputs: bytes) -> tuple[int, int]:
    (record,) = of_type(outputs, OutputType.REFUSAL)
    return record.reason, record.value


def test_a_shard_uses_no_more_than_its_share() -> None:
    """None before the first allocation; then up to it; what was wanted is told on the cadence."""
    shard = Shard()
    assert refusal(shard.order("A", 100)) == (Reason.BUDGET, 9_999)
    shard.tape.budget(b"ACC1", 30_000)
    assert shard.states(shard.said()) == [(1, 30_000, 0, 9_999)]
    assert not of_type(shard.order("B", 200), OutputType.REFUSAL)
    assert refusal(shard.order("C", 150)) == (Reason.BUDGET, 34_997)
    assert refusal(shard.order("D", 2_000)) == (Reason.GROSS_POSITION, 219_978)
    shard.tape.wait(150 * MS)
    shard.tape.timer()
    assert shard.states(shard.said()) == [(1, 30_000, 19_998, 34_997)]
    shard.tape.wait(150 * MS)
    shard.tape.timer()
    assert shard.states(shard.said()) == []


def test_a_share_that_shrinks_keeps_what_is_in_use() -> None:
    """And one that is used beyond itself, by prices that moved, does not grow by that."""
    shard = Shard()
    shard.tape.budget(b"ACC1", 30_000)
    shard.order("A", 200)
    shard.tape.budget(b"ACC1", 5_000)
    shard.tape.budget(b"ACC1", 25_000)
    shard.tape.budget(b"ACC1", 0)
    assert [state[:3] for state in shard.states(shard.said())] == [
        (2, 19_998, 19_998),
        (3, 25_000, 19_998),
        (4, 19_998, 19_998),
    ]
    for venue in range(2):
        shard.tape.quote(0, venue, ("199.98", 100), ("200.00", 100))
    shard.tape.budget(b"ACC1", 0)
    assert [state[:3] for state in shard.states(shard.said())] == [(5, 19_998, 39_998)]


@pytest.mark.parametrize(
    ("account", "ones", "reason"),
    [
        (b"NOBODY", 1, Reason.UNKNOWN_ACCOUNT),
        (b"ACC2", 1, Reason.UNKNOWN_ACCOUNT),
        (b"ACC1", -1, Reason.BAD_VALUE),
        (b"ACC1", 10**15 + 1, Reason.BAD_VALUE),
    ],
)
def test_what_is_no_allocation_is_refused(account: bytes, ones: int, reason: Reason) -> None:
    shard = Shard()
    shard.tape.account(b"ACC2", max_gross_ones=5)
    shard.tape.budget(account, ones)
    assert refusal(shard.said())[0] == reason


def test_an_allocation_that_comes_again_changes_nothing() -> None:
    shard = Shard()
    raw = shard.tape.budget(b"ACC1", 30_000)
    shard.tape.budget(b"ACC1", 10_000)
    shard.said()
    shard.tape.add(raw)
    outputs = shard.said()
    assert refusal(outputs)[0] == Reason.DUPLICATE_INPUT
    assert shard.states(outputs) == []


def test_a_limit_without_a_gross_amount_cannot_be_split() -> None:
    shard = Shard()
    shard.tape.account(b"ACC3", budgeted=1)
    assert refusal(shard.said())[0] == Reason.BAD_VALUE


def test_a_venue_prior_stands_in_place_of_that_of_its_kind() -> None:
    """Expected fills and latencies follow it, until it is taken back."""
    shard = Shard()
    shard.tape.budget(b"ACC1", 90_000)
    before = quality(shard, "A")
    shard.tape.venue_prior(0, fill_ratio_e9=E9 // 4, ack_ns=40 * MS, children=9)
    taught = quality(shard, "B")
    assert before[0] == pytest.approx((0.9, MS))
    assert taught[0] == pytest.approx((0.25, 40 * MS))
    assert taught[1] == before[1]
    shard.tape.venue_prior(0)
    assert quality(shard, "C") == before
    for wrong in ({"fill_ratio_e9": E9 + 1}, {"fill_ratio_e9": -2}, {"ack_ns": -1}):
        shard.tape.venue_prior(0, **wrong)
        assert refusal(shard.said())[0] == Reason.BAD_VALUE
    shard.tape.venue_prior(2)
    assert refusal(shard.said())[0] == Reason.UNKNOWN_VENUE


def quality(shard: Shard, name: str) -> dict[int, tuple[float, float]]:
    """(fill ratio, acknowledgement ns) by venue, as published; and a decision uses them."""
    for venue in range(2):
        shard.tape.quote(0, venue, *PRICE)
    shard.order(name, 10, time_in_force=TimeInForce.IOC, account=b"FREE")
    shard.tape.wait(150 * MS)
    shard.tape.timer()
    rows = of_type(shard.said(), OutputType.QUALITY)
    return {row.venue: (row.fill_ratio, row.ack_ns) for row in rows}


def test_sums_of_a_venue_are_told_and_fade() -> None:
    """Weight and total of what children taught; their ratio is the mean, and both fade alike."""
    shard = Shard()
    shard.tape.venue_prior(1, fill_ratio_e9=0)  # so the first venue is the better one
    outputs = shard.order("A", 100, time_in_force=TimeInForce.IOC, account=b"FREE")
    children = of_type(outputs, OutputType.CHILD)
    for number, child in enumerate(children):
        shard.tape.wait(2 * MS)
        shard.tape.report(child.child_id, ExecType.NEW, venue=child.venue)
        half, venue = child.units // 2, child.venue
        shard.tape.fill(child.child_id, half, "100.00", 7 + number, venue=venue, cum_units=half)
        shard.tape.report(child.child_id, ExecType.EXPIRED, venue=venue, cum_units=half)
    shard.tape.wait(150 * MS)
    shard.tape.timer()
    sums = {r.venue: r for r in of_type(shard.said(), OutputType.VENUE_SUMS)}
    first = sums[children[0].venue]
    assert first.fill_total / first.fill_weight == pytest.approx(0.5)
    assert first.ack_total / first.ack_weight == pytest.approx(2 * MS)
    shard.tape.wait(600 * S)  # the half-life of fills
    shard.tape.quote(0, children[0].venue, *PRICE)
    shard.tape.wait(150 * MS)
    shard.tape.timer()
    later = {r.venue: r for r in of_type(shard.said(), OutputType.VENUE_SUMS)}[first.venue]
    assert later.fill_weight / first.fill_weight == pytest.approx(0.5, rel=0.01)
    assert later.fill_total / first.fill_total == pytest.approx(0.5, rel=0.01)


def test_a_status_request_is_answered_with_the_state() -> None:
    shard = Shard()
    shard.order("A", 100, account=b"FREE")
    shard.tape.order_status(0, "A", account=b"FREE")
    outputs = shard.said()
    (state,) = of_type(outputs, OutputType.ORDER_STATE)
    assert state.cl_ord_id.rstrip(b"\0") == b"A"
    assert (state.state, state.order_units) == (OrderState.WORKING, 100)
    shard.tape.order_status(0, "B", account=b"FREE")
    (refused,) = of_type(shard.said(), OutputType.REFUSAL)
    assert refused.reason == Reason.UNKNOWN_ORDER
    assert refused.cl_ord_id.rstrip(b"\0") == b"XB"


@pytest.mark.parametrize(
    ("scope", "values", "ended"),
    [
        (KillScope.ALL, {}, {b"A", b"B", b"C"}),
        (KillScope.INSTRUMENT, {"instrument": 0}, {b"A", b"B", b"C"}),
        (KillScope.ACCOUNT, {"target": b"FREE"}, {b"A", b"C"}),
        (KillScope.CLIENT, {"target": b"BANK"}, {b"C"}),
        (KillScope.TRADER, {"target": b"ADA"}, {b"A"}),
        (KillScope.TRADER, {"target": b"NOBODY"}, set()),
    ],
)
def test_a_mass_cancel_ends_what_is_in_its_scope(
    scope: KillScope, values: dict[str, Any], ended: set[bytes]
) -> None:
    """It says how many, holds back nothing new, and a repeat finds none."""
    shard = Shard()
    shard.order("A", 100, account=b"FREE", trader=b"ADA")
    shard.order("B", 100, account=b"OTHER")
    shard.order("C", 100, account=b"FREE", client=b"BANK")
    shard.tape.mass_cancel(scope, **values)
    outputs = shard.said()
    states = of_type(outputs, OutputType.ORDER_STATE)
    assert {r.cl_ord_id.rstrip(b"\0") for r in states} == ended
    assert {r.state for r in states} <= {OrderState.CANCEL_PENDING, OrderState.CANCELED}
    (report,) = of_type(outputs, OutputType.MASS_CANCEL_REPORT)
    assert (report.affected, report.scope) == (len(ended), scope)
    assert report.cl_ord_id.rstrip(b"\0") == b"MASS"
    assert not of_type(shard.order("D", 100, account=b"FREE"), OutputType.REFUSAL)


@pytest.mark.parametrize(
    ("scope", "values"),
    [
        (KillScope.INSTRUMENT, {"instrument": 1}),
        (KillScope.VENUE, {"venue": 0}),
        (KillScope.SELF_HELP, {"venue": 0}),
        (KillScope.ACCOUNT, {}),
        (99, {}),
    ],
)
def test_what_is_no_scope_of_a_mass_cancel_is_refused(scope: int, values: dict[str, Any]) -> None:
    shard = Shard()
    shard.order("A", 100, account=b"FREE")
    shard.tape.mass_cancel(scope, **values)
    outputs = shard.said()
    assert refusal(outputs) == (Reason.BAD_VALUE, scope)
    assert not of_type(outputs, OutputType.ORDER_STATE)
