"""No venue is ever sent more to sell than the account holds there, in any order of messages."""

from __future__ import annotations

import random
from typing import Any

import pytest

from aggregates import kernel
from schemas.codes import ExecType, OutputType, Side, TimeInForce
from tests.aggregates.ledger import Ledger
from tests.aggregates.parity import split
from tests.builders import MS, Tape, of_type, set_up

VENUES = ("XAAA", "XBBB", "XCCC")
ENDS = (ExecType.CANCELED, ExecType.REJECTED, ExecType.NEW)


def check(core: str, seed: int, count: int) -> Ledger:
    """A desk that sells what is bound to its venues, judged by the book-keeper after each input."""
    rng, tape, engine, ledger = random.Random(seed), Tape(), kernel.load(core), Ledger()
    set_up(tape, VENUES, ack_timeout_ns=20 * MS, retry_ns=5 * MS, horizon_ns=500 * MS)
    tape.limits(0, status_requests=2, inventory=1)
    sent: list[Any] = []
    done = 0
    for number in range(count):
        venue, draw = rng.randrange(len(VENUES)), rng.random()
        tape.wait(rng.choice((0, MS, 6 * MS, 25 * MS)))
        if draw < 0.3:
            tape.quote(0, venue, ("9.99", rng.choice((100, 900))), ("10.01", 900))
        elif draw < 0.4:
            tape.inventory(0, venue, rng.choice((0, 60, 300, 1000)))
        elif draw < 0.65 or not sent:
            side = rng.choice((Side.SELL, Side.SELL, Side.BUY))
            tif = rng.choice((TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK))
            limit = "9.90" if side == Side.SELL else "10.10"
            tape.order(
                0, f"C{number}", side, 50 * rng.randint(1, 9), limit=limit, time_in_force=tif
            )
        else:
            child = rng.choice(sent[-6:])
            if draw < 0.85:
                units = max(1, child.units // rng.choice((1, 2)))
                tape.fill(child.child_id, units, child.limit_nanos, number + 1, venue=child.venue)
            else:
                tape.report(child.child_id, rng.choice(ENDS), venue=child.venue)
        for raw in split(bytes(tape.data[done:])):
            _, outputs = engine.step(raw)
            ledger.fold(raw, outputs)
            sent += of_type(outputs, OutputType.CHILD)
        done = len(tape.data)
    return ledger


@pytest.mark.promise(p=18)
def test_nothing_is_sold_that_is_not_held(core: str, full_size: bool) -> None:
    seeds = range(2_000 if full_size and core == "native" else 12)
    sold = sum(len(check(core, seed, 200).children) for seed in seeds)
    assert sold > 100
