"""The kill switch kills (promise 17): nothing leaves after it, all that is open is asked back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aggregates import kernel
from schemas.codes import AlarmKind, ChildState, ExecType, KillScope, OutputType, Side
from schemas.decisions import ALARM, CANCEL_CHILD, CHILD, CHILD_STATE
from schemas.wire import iter_raw_outputs
from tests.builders import MS, S, Tape

BOUND_NS = 5 * S
"""Within this time all that was open is cancelled or flagged."""
QUIET = 2
"""Venue that answers nothing."""


class Desk:
    """Parents that rest, wait for their release, or are with a venue that does not answer."""

    def __init__(self, core: str) -> None:
        self.tape, self.engine = Tape(), kernel.load(core)
        self.open: dict[int, int] = {}
        self.held: set[int] = set()
        self.sent_after = 0
        self.flagged: set[int] = set()
        tape = self.tape
        tape.instrument(0, "TEST")
        for venue in range(3):
            tape.venue(venue, f"V{venue}", ack_prior_ns=(20 if venue == 0 else 1) * MS)
            tape.listing(0, venue)
            tape.fee(0, venue)
            tape.fee(0, venue, liquidity=2)
        equalised = {"equalise_arrival": 1, "max_delay_us": 50_000}
        tape.policy(1, stale_ns=60 * S, **equalised)
        tape.posting(1, rest_ns=60 * S)
        tape.limits(0)
        tape.settings()
        tape.engine()
        self.step()

    def step(self) -> None:
        """Folds what is on the tape and follows every child."""
        _, outputs = self.engine.step(bytes(self.tape.data))
        self.tape.data.clear()
        for kind, raw in iter_raw_outputs(outputs):
            self._follow(kind, bytes(raw))

    def _follow(self, kind: int, raw: bytes) -> None:
        if kind == OutputType.CHILD:
            child = CHILD.unpack(raw)
            self.open[child.child_id] = child.venue
            self.held.discard(child.child_id)
            self.sent_after += 1
        elif kind == OutputType.CHILD_STATE:
            state = CHILD_STATE.unpack(raw)
            if state.state == ChildState.HELD:
                self.held.add(state.child_id)
            elif state.state == ChildState.CANCELED:
                self.held.discard(state.child_id)
                self.open.pop(state.child_id, None)
        elif kind == OutputType.CANCEL_CHILD:
            self.flagged.add(CANCEL_CHILD.unpack(raw).child_id)
        elif kind == OutputType.ALARM:
            alarm = ALARM.unpack(raw)
            if alarm.kind == AlarmKind.CHILD_UNKNOWN:
                self.flagged.add(alarm.child_id)

    def parents(self, count: int) -> None:
        """A third rests, a third has a child on its way and one held back, a third hangs."""
        tape = self.tape
        for number in range(count):
            away = number // 3
            tape.quote(0, 0, ("9.99", 10**6), ("10.00", away + 1))
            tape.quote(0, 1, ("9.99", 10**6), ("10.01", 10**6))
            tape.quote(0, QUIET, ("9.99", 10**6), ("10.00", 10**6))
            name, both = b"K%d" % number, {"venues_banned": 1 << QUIET}
            if number % 3 == 0:
                tape.order(0, name, Side.BUY, 5, limit="9.995", post_permission=1, **both)
            elif number % 3 == 1:
                tape.order(0, name, Side.BUY, 2, limit="10.05", **both)
            else:
                tape.order(0, name, Side.BUY, 3, limit="10.05", venues_allowed=1 << QUIET)
            self.step()

    def answers(self, exec_type: int) -> Iterator[Any]:
        """The word of every venue but the quiet one on its open children."""
        for child_id, venue in list(self.open.items()):
            if venue != QUIET:
                yield self.tape.report(child_id, exec_type, venue=venue, leaves_units=-1)


@pytest.mark.promise(p=17)
def test_nothing_leaves_after_the_kill(core: str, full_size: bool) -> None:
    desk = Desk(core)
    desk.parents(8_100 if full_size and core == "native" else 150)
    list(desk.answers(ExecType.NEW))
    desk.step()
    everything, held = set(desk.open), set(desk.held)
    assert held
    assert any(venue == QUIET for venue in desk.open.values())
    desk.sent_after, desk.flagged = 0, set()
    desk.tape.kill(KillScope.ALL)
    desk.step()
    assert not desk.held, "a held child survived the kill"
    assert everything <= desk.flagged, "every open child is asked back at once"
    _load(desk)
    assert desk.sent_after == 0
    left = {child_id for child_id, venue in desk.open.items() if venue != QUIET}
    assert not left
    assert set(desk.open) <= desk.flagged


def _load(desk: Desk) -> None:
    """Twice the usual traffic, cancels acknowledged in the middle of it, up to the bound."""
    killed_ns = desk.tape.now_ns
    for tick in range(200):
        desk.tape.wait(BOUND_NS // 200)
        for venue in range(2):
            away = tick % 3
            desk.tape.quote(0, venue, (f"9.9{away}", 10**6), (f"10.0{away}", 10**6))
        desk.tape.order(0, b"N%d" % tick, Side.BUY, 5, limit="10.05")
        desk.tape.timer()
        if tick == 100:
            list(desk.answers(ExecType.CANCELED))
        desk.step()
    assert desk.tape.now_ns - killed_ns <= BOUND_NS


def test_a_desk_without_a_kill_goes_on(core: str) -> None:
    """The same traffic sends children where nobody kills, so the zero above says something."""
    desk = Desk(core)
    desk.parents(30)
    desk.sent_after = 0
    _load(desk)
    assert desk.sent_after > 100
