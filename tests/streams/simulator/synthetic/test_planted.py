"""The fault tests bite: bugs are planted in the readable engine, and in the market."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from schemas.codes import TimeInForce
from schemas.decisions import CHILD
from schemas.errors import InvariantError
from schemas.units import NS_PER_MS, NS_PER_S
from streams.simulator.synthetic.faults import FaultKind, fault
from streams.simulator.synthetic.market import SyntheticMarket, market_arguments
from tests.aggregates.test_planted_bugs import Bug, plant
from tests.streams.simulator.synthetic.script import child
from tests.streams.simulator.synthetic.worlds import run_with, small_preset

VENUES, SEEDS = 3, 6
F = FaultKind


def all_faults_at_once(seed: int) -> None:
    """The day of P11 in small, on the readable core."""
    start = small_preset(VENUES, seed).market.start_ns
    draws = np.random.default_rng(seed).integers(1_900, 3_200, size=74)
    faults = [
        fault(
            F(1 + at % 37), at % VENUES, start + ms * NS_PER_MS, start + (ms + 300) * NS_PER_MS, 0.7
        )
        for at, ms in enumerate(draws.tolist())
    ]
    run_with(faults, orders=10, seed=seed, venues=VENUES, core="reference")


def each_report_twice(seed: int) -> None:
    """P9: duplicates, and answers that never come, alone."""
    start = small_preset(VENUES, seed).market.start_ns
    since, until = start + 1_900 * NS_PER_MS, start + 4 * NS_PER_S
    for kind in (F.DUPLICATE_REPORTS, F.ACK_LOST_AFTER_EXECUTION, F.LATE_FILL_AFTER_CANCEL):
        faults = [fault(kind, venue, since, until) for venue in range(VENUES)]
        run_with(faults, orders=6, seed=seed, venues=VENUES, core="reference")


BUGS = (
    Bug(
        "a trade counts twice",
        "reports",
        "known = child.trades.get(report.trade_id)",
        "known = None",
        each_report_twice,
    ),
    Bug(
        "unknown is taken for dead",
        "child",
        "OPEN = LIVE | WAITING | {S.UNKNOWN}",
        "OPEN = LIVE | WAITING",
        each_report_twice,
    ),
    Bug(
        "a late fill is not booked to the parent",
        "reports",
        "order.cum_units += units",
        "order.cum_units += units if child.state in OPEN else 0",
        all_faults_at_once,
    ),
    Bug(
        "what is outstanding is sent again",
        "order",
        "max(0, order_units - self.cum_units - self.outstanding_units)",
        "max(0, order_units - self.cum_units)",
        all_faults_at_once,
    ),
)


@pytest.mark.promise(p=9)
@pytest.mark.promise(p=11)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(monkeypatch: pytest.MonkeyPatch, bug: Bug) -> None:
    plant(monkeypatch, bug)
    with pytest.raises(AssertionError):
        for seed in range(SEEDS):
            bug.caught_by(seed)


@pytest.mark.parametrize("check", [all_faults_at_once, each_report_twice])
def test_without_a_bug_nothing_is_reported(check: Callable[[int], None]) -> None:
    for seed in range(2):
        check(seed)


@pytest.mark.promise(p=11)
def test_the_market_notices_a_child_that_is_filled_beyond_its_size() -> None:
    """A size below nothing is beyond it at once: the check after the next event says so."""
    preset = small_preset(VENUES)
    market = SyntheticMarket(*market_arguments(preset, 3, checks=True))
    start = preset.market.start_ns
    market.pull(start + NS_PER_S, 1 << 40)
    record = CHILD.unpack(child(1, -100, 10**13, TimeInForce.IOC))
    late = record._replace(send_delay_ns=500 * NS_PER_MS)  # it is on its way for a while
    market.submit(CHILD.pack(**late._asdict()), start + NS_PER_S)
    with pytest.raises(InvariantError, match="beyond its size"):
        market.pull(start + 2 * NS_PER_S, 1 << 40)
