"""The whole life cycle under any order of messages, on both cores in lockstep, judged by a ledger.

Hypothesis draws what the desk, the venues and time do; after each event both cores must have said
the same, and the book-keeper's rules must hold: what is sent less what is cancelled, rejected and
filled is outstanding, never more is out than remains, nothing leaves outside list, limit or kill,
and no venue is sent more to sell than the account holds there while inventory binds.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from schemas.codes import ExecInst, ExecType, KillScope, OrderState, OutputType, Side, TimeInForce
from schemas.units import INT64_MAX
from tests.aggregates.ledger import Ledger
from tests.aggregates.parity import Twins, split
from tests.builders import MS, S, Tape, of_type, records, set_up

VENUES = ("XAAA", "XBBB", "XCCC")
ENDS = (ExecType.CANCELED, ExecType.REJECTED, ExecType.EXPIRED, ExecType.DONE_FOR_DAY)
ANSWERS = (
    *ENDS,
    ExecType.NEW,
    ExecType.CANCEL_REJECT,
    ExecType.REPLACED,
    ExecType.REPLACE_REJECT,
    ExecType.PENDING_CANCEL,
)
ENDED = (OrderState.DONE, OrderState.CANCELED, OrderState.EXPIRED, OrderState.DONE_FOR_DAY)


class Desk(RuleBasedStateMachine):
    """One instrument at three venues, and everything that can happen to its orders."""

    def __init__(self) -> None:
        super().__init__()
        self.tape, self.twins, self.ledger = Tape(), Twins(), Ledger()
        self.consumed = self.names = self.trades = 0
        self.working: dict[bytes, Any] = {}
        self.children: list[Any] = []
        self.booked: list[tuple[Any, int]] = []

    @initialize(bound=st.booleans())
    def open_the_day(self, bound: bool) -> None:
        set_up(self.tape, VENUES, ack_timeout_ns=20 * MS, retry_ns=5 * MS, horizon_ns=500 * MS)
        for venue in range(len(VENUES)):
            self.tape.fee(0, venue, "-0.001", liquidity=2)
        self.tape.posting(1, max_posts=5)
        self.tape.limits(0, status_requests=2, self_match=1, inventory=int(bound))
        self.tell()
        for venue in range(len(VENUES)):
            self.hold(venue, 300)
        for venue in range(len(VENUES)):
            self.quote(venue, 0, 100)

    def tell(self) -> None:
        """Hands what was appended to both cores and the ledger, record by record."""
        data = bytes(self.tape.data[self.consumed :])
        self.consumed = len(self.tape.data)
        for raw in split(data):
            _, outputs = self.twins.step(raw)
            self.ledger.fold(raw, outputs)

    def event(self, raw: bytes) -> None:
        """One input: both cores agree, and the books balance."""
        self.consumed = len(self.tape.data)
        consumed, outputs = self.twins.step(raw)
        assert consumed == len(raw)
        self.ledger.fold(raw, outputs)
        self.children += of_type(outputs, OutputType.CHILD)
        for kind, record, _ in records(outputs):
            if kind == OutputType.REFUSAL:
                assert record.reason, "a refusal without a reason"
            elif kind == OutputType.ORDER_STATE and record.state in ENDED:
                self.working.pop(record.cl_ord_id.rstrip(b"\0"), None)

    @rule(venue=st.integers(0, 2), skew=st.integers(-2, 2), size=st.sampled_from((0, 100, 300)))
    def quote(self, venue: int, skew: int, size: int) -> None:
        mid = 10_000_000_000 + skew * 10_000_000
        bid, ask = (mid - 10_000_000, size), (mid + 10_000_000, size)
        self.event(self.tape.quote(0, venue, bid, ask))

    @rule(venue=st.integers(0, 2), units=st.sampled_from((0, 60, 300, 1000)))
    def hold(self, venue: int, units: int) -> None:
        """The balance at a venue is told anew, whatever is open there."""
        self.event(self.tape.inventory(0, venue, units))

    @rule(bound=st.booleans())
    def bind(self, bound: bool) -> None:
        """Sells are bound to what is held, or no longer."""
        terms = {"status_requests": 2, "self_match": 1, "inventory": int(bound)}
        self.event(self.tape.limits(0, **terms))

    @rule(
        side=st.sampled_from((Side.BUY, Side.SELL)),
        units=st.sampled_from((50, 200, 700)),
        tif=st.sampled_from((TimeInForce.DAY, TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK)),
        away=st.integers(-1, 3),
        least=st.sampled_from((0, 0, 50)),
        shown=st.sampled_from((0, 0, 50)),
        post_only=st.booleans(),
    )
    def order(
        self, side: int, units: int, tif: int, away: int, least: int, shown: int, post_only: bool
    ) -> None:
        self.names += 1
        name = b"C%d" % self.names
        limit = 10_000_000_000 + (away if side == Side.BUY else -away) * 10_000_000
        posts = post_only and tif == TimeInForce.DAY and not least
        values = {
            "limit": limit,
            "time_in_force": tif,
            "min_units": least,
            "display_units": shown,
            "post_permission": 1,
            "exec_inst": ExecInst.POST_ONLY if posts else 0,
        }
        self.working[name] = (side, limit, values)
        self.event(self.tape.order(0, name, side, units, **values))

    @precondition(lambda self: self.working)
    @rule(data=st.data(), units=st.sampled_from((10, 60, 300, 900)), away=st.integers(-1, 1))
    def amend(self, data: st.DataObject, units: int, away: int) -> None:
        old = data.draw(st.sampled_from(sorted(self.working)))
        side, limit, values = self.working[old]
        self.names += 1
        name = b"C%d" % self.names
        values = {**values, "limit": limit + away * 10_000_000}
        self.working[name] = (side, values["limit"], values)
        self.event(self.tape.amend(0, old, name, side, units, **values))

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.event(self.tape.cancel(0, data.draw(st.sampled_from(sorted(self.working)))))

    @precondition(lambda self: self.children)
    @rule(data=st.data(), share=st.sampled_from((1, 2, 1, 3)), late=st.booleans())
    def fill(self, data: st.DataObject, share: int, late: bool) -> None:
        child = data.draw(st.sampled_from(self.children[-6:]))
        self.trades += 1
        units = max(1, child.units // share) + (child.units if late and share == 3 else 0)
        self.booked.append((child, self.trades))
        price = child.limit_nanos
        self.event(self.tape.fill(child.child_id, units, price, self.trades, venue=child.venue))

    @precondition(lambda self: self.children)
    @rule(
        data=st.data(),
        kind=st.sampled_from(ANSWERS),
        again=st.sampled_from((0, 0, 3 * MS, 50 * MS, 2 * S, -1, INT64_MAX)),
    )
    def answer(self, data: st.DataObject, kind: int, again: int) -> None:
        child = data.draw(st.sampled_from(self.children[-6:]))
        values = {"venue": child.venue, "retry_after_ns": again}
        self.event(self.tape.report(child.child_id, kind, **values))

    @precondition(lambda self: self.children)
    @rule(data=st.data(), left=st.sampled_from((0, 10, 50)), cum=st.sampled_from((-1, 0, 50)))
    def status(self, data: st.DataObject, left: int, cum: int) -> None:
        child = data.draw(st.sampled_from(self.children[-6:]))
        kind = ExecType.ORDER_STATUS if cum else ExecType.RESTATED
        values = {"venue": child.venue, "leaves_units": left, "cum_units": cum}
        self.event(self.tape.report(child.child_id, kind, **values))

    @precondition(lambda self: self.booked)
    @rule(data=st.data(), units=st.sampled_from((0, 10, 90)))
    def change_a_trade(self, data: st.DataObject, units: int) -> None:
        child, trade = data.draw(st.sampled_from(self.booked[-4:]))
        kind = ExecType.TRADE_CORRECT if units else ExecType.TRADE_CANCEL
        values = {"venue": child.venue, "ref_trade_id": trade, "last_units": units}
        self.event(self.tape.report(child.child_id, kind, last_nanos=child.limit_nanos, **values))

    @rule(elapsed=st.sampled_from((MS, 6 * MS, 25 * MS, 600 * MS)))
    def wait(self, elapsed: int) -> None:
        self.tape.wait(elapsed)
        self.event(self.tape.timer())

    @rule(scope=st.sampled_from((KillScope.ALL, KillScope.ACCOUNT, KillScope.VENUE)))
    def kill_and_release(self, scope: int) -> None:
        values: dict[str, Any] = {"target": b"ACC1"} if scope == KillScope.ACCOUNT else {}
        if scope == KillScope.VENUE:
            values["venue"] = 0
        self.event(self.tape.kill(scope, 1, **values))
        self.event(self.tape.kill(scope, 0, **values))

    @rule(code=st.sampled_from((2, 1, 1)), venue=st.integers(0, 2))
    def halt_or_open(self, code: int, venue: int) -> None:
        self.event(self.tape.status(venue, code, 0))

    @rule()
    def end_of_day(self) -> None:
        self.event(self.tape.end_of_day())

    def teardown(self) -> None:
        self.twins.check_state()


@pytest.mark.promise(p=7)
@pytest.mark.promise(p=9)
@pytest.mark.promise(p=12)
@pytest.mark.promise(p=17)
@pytest.mark.promise(p=18)
def test_any_order_of_messages(full_size: bool) -> None:
    examples, steps = (2_000, 120) if full_size else (25, 40)
    chosen = settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    run_state_machine_as_test(Desk, settings=chosen)
