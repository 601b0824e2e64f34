"""Limits cannot be passed (promise 18): attempts around every limit against a plain model of it.

Sizes, prices, message rates, net positions and the repeat-execution throttle are tried at one
below, equal, one above and at random, over restarts and jumps of the clock.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import pytest

from aggregates import kernel
from schemas.codes import ExecType, OutputType, Reason, Side, TimeInForce
from schemas.decisions import CHILD, REFUSAL
from schemas.units import E9
from schemas.wire import iter_raw_outputs
from tests.builders import MS, S, Tape

TICK = E9 // 100
BID, ASK = 999 * TICK, 1001 * TICK
MID_X2 = BID + ASK
MAX_UNITS, MAX_ONES, COLLAR_E9 = 1_000, 9_000, 50_000_000
RATE, RATE_NS = 5, 10 * MS
THROTTLE, THROTTLE_NS = 3, 80 * MS
NET_ONES = 6_000
REFUSED, SENT = int(OutputType.REFUSAL), int(OutputType.CHILD)
FREE, FAST, NET, REPEATING = b"FREE", b"FAST", b"NET", b"REPEATING"


class Window:
    """At most so many events within a time."""

    def __init__(self, most: int, window_ns: int) -> None:
        self.times: deque[int] = deque()
        self.most, self.window_ns = most, window_ns

    def takes(self, now_ns: int) -> bool:
        while self.times and self.times[0] <= now_ns - self.window_ns:
            self.times.popleft()
        if len(self.times) >= self.most:
            return False
        self.times.append(now_ns)
        return True


class Desk:
    """An engine, and what its limits should let through."""

    def __init__(self, core: str, rng: random.Random) -> None:
        self.rng, self.core, self.tape = rng, core, Tape()
        self.engine = kernel.load(core)
        self.net, self.throttled, self.trades = 0, False, 0
        self.messages, self.sends = Window(RATE, RATE_NS), Window(THROTTLE, THROTTLE_NS)
        self.seen: dict[Reason, int] = {}
        self._set_up()
        self.step()

    def _set_up(self) -> None:
        tape = self.tape
        tape.instrument(0, "TEST")
        tape.venue(0, "V0")
        tape.listing(0, 0)
        tape.fee(0, 0)
        tape.policy(1, stale_ns=10**15)
        limits = {"max_order_units": MAX_UNITS, "max_notional_ones": MAX_ONES}
        tape.limits(0, collar_e9=COLLAR_E9, **limits)
        tape.settings(linger_ns=MS, identity_window_ns=S)
        tape.account(FAST, rate_max=RATE, rate_ns=RATE_NS)
        tape.account(NET, max_net_ones=NET_ONES)
        tape.account(REPEATING, throttle_max=THROTTLE, throttle_ns=THROTTLE_NS)
        tape.engine()

    def step(self) -> list[tuple[int, bytes]]:
        raw = bytes(self.tape.data)
        self.tape.data.clear()
        consumed, outputs = self.engine.step(raw)
        assert consumed == len(raw)
        return [(kind, bytes(record)) for kind, record in iter_raw_outputs(outputs)]

    def attempt(self, number: int) -> None:
        """One order around some limit: refused as the model says, or its child is answered."""
        rng, tape = self.rng, self.tape
        tape.wait(rng.choice((*[0] * 24, MS, 3 * MS, RATE_NS, RATE_NS - 1)))
        if rng.random() < 0.01:
            tape.wait(rng.choice((S, 3600 * S)))
        tape.quote(0, 0, (BID, 10**9), (ASK, 10**9))
        account = rng.choice((FREE, FAST, NET, REPEATING))
        side = rng.choice((Side.BUY, Side.SELL))
        units, limit = self._terms(side)
        order = {"account": account, "time_in_force": TimeInForce.IOC, "limit": limit}
        tape.order(0, b"L%d" % number, side, units, **order)
        expected = self._model(account, side, units, limit)
        outputs = self.step()
        found = [Reason(REFUSAL.unpack(raw).reason) for kind, raw in outputs if kind == REFUSED]
        assert found == ([expected] if expected else []), (number, account, side, units, limit)
        self.seen[expected] = self.seen.get(expected, 0) + 1
        if not expected and account == REPEATING and not self.sends.takes(self.tape.now_ns):
            self.throttled = True
        self._answer(account, [CHILD.unpack(raw) for kind, raw in outputs if kind == SENT])

    def _terms(self, side: int) -> tuple[int, int]:
        rng, sign = self.rng, 1 if side == Side.BUY else -1
        edge = MID_X2 * (E9 + sign * COLLAR_E9) // (2 * E9)
        far = ASK if side == Side.BUY else BID
        limit = rng.choice(
            (far, far, far, edge - 1, edge, edge + 1, far + sign * rng.randint(0, 99))
        )
        most = MAX_ONES * E9 // (limit if sign > 0 else MID_X2 // 2)
        room = NET_ONES * 2 * E9 // MID_X2 - sign * self.net
        around = rng.choice((MAX_UNITS, most, room, rng.randint(1, 2 * MAX_UNITS)))
        return max(1, around + rng.choice((-1, 0, 1))), limit

    def _model(self, account: bytes, side: int, units: int, limit: int) -> Reason:
        now_ns, sign = self.tape.now_ns, 1 if side == Side.BUY else -1
        if account == FAST and not self.messages.takes(now_ns):
            return Reason.MESSAGE_RATE
        if account == REPEATING and self.throttled:
            return Reason.THROTTLED
        if units > MAX_UNITS:
            return Reason.MAX_ORDER_UNITS
        if sign * (2 * limit * E9 - MID_X2 * (E9 + sign * COLLAR_E9)) > 0:
            return Reason.PRICE_COLLAR
        if units * max(2 * limit, MID_X2 if sign < 0 else 0) > 2 * MAX_ONES * E9:
            return Reason.MAX_ORDER_NOTIONAL
        if account == NET and abs(self.net + sign * units) * MID_X2 > 2 * NET_ONES * E9:
            return Reason.NET_POSITION
        return Reason.NONE

    def _answer(self, account: bytes, children: list[Any]) -> None:
        """Fills for the account with a position, cancels for the others; no child is too large."""
        for child in children:
            assert child.units <= MAX_UNITS
            assert child.units * child.limit_nanos <= MAX_ONES * E9
            if account == REPEATING:
                assert not self.throttled
            if account != NET:
                self.tape.report(child.child_id, ExecType.CANCELED, leaves_units=0)
                continue
            self.trades += 1
            sign = 1 if child.side == Side.BUY else -1
            self.net += sign * child.units
            assert abs(self.net) * MID_X2 <= 2 * NET_ONES * E9
            fill = {"last_units": child.units, "last_nanos": ASK if sign > 0 else BID}
            self.tape.report(child.child_id, ExecType.TRADE, trade_id=self.trades, **fill)
        self.step()

    def rearm(self, person: bytes) -> None:
        """Only a named person lets the account trade again."""
        self.tape.rearm(REPEATING, person)
        refused = [raw for kind, raw in self.step() if kind == REFUSED]
        assert bool(refused) == (not person)
        if person:
            self.throttled = False
            self.sends = Window(THROTTLE, THROTTLE_NS)

    def restart(self) -> None:
        """The state in a new engine."""
        state, self.engine = self.engine.state_bytes(), kernel.load(self.core)
        self.engine.restore(state)


@pytest.mark.promise(p=18)
def test_no_limit_is_passed(core: str, full_size: bool) -> None:
    rng = random.Random(18)
    desk = Desk(core, rng)
    count = (1_000_000 if core == "native" else 20_000) if full_size else 1_200
    for number in range(count):
        desk.attempt(number)
        if rng.random() < 0.05:
            desk.rearm(rng.choice((b"", b"Ada")))
        if rng.random() < 0.005:
            desk.restart()
    tried = (
        *(Reason.NONE, Reason.MESSAGE_RATE, Reason.THROTTLED, Reason.MAX_ORDER_UNITS),
        *(Reason.PRICE_COLLAR, Reason.MAX_ORDER_NOTIONAL, Reason.NET_POSITION),
    )
    assert all(desk.seen.get(reason, 0) > 10 for reason in tried), desk.seen
