"""Passive fills are hazards: cancels censor, open children are no failures, intervals hold."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from math import exp, isclose, sqrt
from typing import Any

import pytest

from aggregates import kernel
from aggregates.decay import quantum_ns
from aggregates.engine import ReferenceEngine
from aggregates.hazards import (
    BUCKETS,
    EXPOSURES_NS,
    Hazard,
    cell_of,
    passive_fill,
    queue_bucket,
)
from schemas.codes import ExecType, Liquidity, OutputType, Side, VenueStatus
from tests.builders import MS, S, Tape, children, of_type, set_up

QUANTUM = quantum_ns(3600 * S)
ENDLESS = 2**54


def rests(rng: random.Random, hazard: Hazard, rate: float, cancel_s: float, now_ns: int) -> None:
    """One child that is filled at a constant rate, or canceled first."""
    hazard.fade(now_ns, QUANTUM)
    hazard.enter(0)
    filled_s, canceled_s = rng.expovariate(rate), rng.expovariate(1.0 / cancel_s)
    end_ns = int(min(filled_s, canceled_s) * S)
    hazard.expose(0, 0, end_ns, 1.0)
    if filled_s < canceled_s:
        hazard.event(cell_of(0, end_ns), 1.0)


@pytest.mark.parametrize(
    ("rate", "cancel_s", "horizon_s"), [(0.05, 20.0, 10), (0.02, 100.0, 10), (0.3, 2.0, 3)]
)
def test_intervals_hold_the_truth_although_cancels_censor(
    rate: float, cancel_s: float, horizon_s: int
) -> None:
    held = taken = 0
    wanted = 1.0 - exp(-rate * horizon_s)
    naive = found = 0.0
    for seed in range(600):
        rng, hazard = random.Random(seed), Hazard()
        for count in range(150):
            rests(rng, hazard, rate, cancel_s, count * S)
        p, variance, n = hazard.read(0, horizon_s * S, 150 * S, QUANTUM)
        assert 140 < n <= 150
        held += abs(p - wanted) <= 1.96 * sqrt(variance)
        taken += 1
        found += p / 600
        naive += sum(hazard.events) / 150 / 600
    assert 0.92 <= held / taken <= 0.98, f"{held} of {taken}"
    assert isclose(found, wanted, rel_tol=0.03)
    assert abs(naive - wanted) > 0.05, "a share of fills that counts cancels as failures is wrong"


def test_open_children_are_no_failures() -> None:
    """Exposure without an event lowers the hazard only by the time that has passed."""
    hazard = Hazard()
    for _ in range(10):
        hazard.enter(0)
        hazard.expose(0, 0, S // 2, 1.0)
        hazard.event(cell_of(0, S // 2), 1.0)
    before = hazard.read(0, S, 0, QUANTUM)[0]
    for _ in range(1000):
        hazard.enter(0)
    assert hazard.read(0, S, 0, QUANTUM)[0] == pytest.approx(before, rel=1e-3)
    assert before == pytest.approx(1.0 - exp(-2.0), rel=2e-3)


def test_queue_buckets_rise_with_what_is_ahead() -> None:
    assert [queue_bucket(lots * 100, 100) for lots in (0, 1, 3, 4, 31, 32, 999)] == [
        *(0, 1, 1, 2, 2, 3, 3)
    ]


@dataclass
class Life:
    """What really happened to one child, in seconds of session time of its row."""

    units: int
    queue: int
    since: int = 0
    age: int = 0
    left: int = 0
    spans: list[tuple[int, int, float]] = field(default_factory=list)
    events: list[tuple[int, float]] = field(default_factory=list)

    def pass_time(self, now: int) -> None:
        """Exposure since it was last looked at."""
        if self.since:
            self.spans.append((self.age, self.age + now - self.since, self.left / self.units))
            self.age, self.since = self.age + now - self.since, now


class Poster:
    """Posts at random, answers at random, and remembers all of it."""

    def __init__(self, core: str, seed: int) -> None:
        self.rng, self.engine, self.tape = random.Random(seed), kernel.load(core), Tape()
        self.consumed = self.trades = self.paused_ns = 0
        set_up(self.tape, ("XAAA",), stale_ns=10**6 * S, horizon_ns=10**5 * S)
        self.tape.fee(0, 0, liquidity=Liquidity.ADD)
        self.tape.posting(1, rest_ns=3600 * S, check_ns=7 * S, max_posts=5)
        self.tape.settings(publish_ns=1000 * S, fill_half_life_ns=ENDLESS, horizon_4_ns=60 * S)
        self.lives: list[Life] = []

    def step(self) -> bytes:
        """What the engine says to what was put since."""
        consumed, outputs = self.engine.step(bytes(self.tape.data[self.consumed :]))
        self.consumed += consumed
        return outputs

    def session_ns(self) -> int:
        return self.tape.now_ns - self.paused_ns

    def life(self, index: int) -> None:
        """One child: acknowledged, halted at times, filled in parts or canceled."""
        rng, tape = self.rng, self.tape
        ahead = rng.choice((1, 3, 20, 5000))
        tape.quote(0, 0, ("10.00", ahead), ("10.01", 1000))
        name, units = f"P{index}", rng.choice((100, 300))
        tape.order(0, name, Side.BUY, units, limit="10.00", post_permission=1)
        (child,) = children(self.step())
        tape.wait(MS)
        tape.report(child.child_id, ExecType.NEW)
        life = Life(units, queue_bucket(ahead, 1), self.session_ns(), 0, units)
        self.lives.append(life)
        while life.left and rng.random() < 0.7:
            tape.wait(rng.randrange(1, 40 * S))
            life.pass_time(self.session_ns())
            last = min(life.left, rng.choice((100, 200)))
            self.trades += 1
            tape.fill(child.child_id, last, "10.00", self.trades, liquidity=Liquidity.ADD)
            life.events.append((life.age, last / units))
            life.left -= last
        if life.left:
            tape.wait(rng.randrange(1, 40 * S))
            tape.cancel(0, name)
            tape.wait(MS)
            life.pass_time(self.session_ns())
            tape.report(child.child_id, ExecType.CANCELED)
        if rng.random() < 0.3:
            tape.status(0, VenueStatus.HALTED)
            tape.wait(100 * S)
            self.paused_ns += 100 * S
            tape.status(0, VenueStatus.OPEN)
        self.step()


def plain(lives: list[Life]) -> dict[tuple[int, int], tuple[float, float]]:
    """(exposure, events) by queue and exposure bucket, from whole lives."""
    cells: dict[tuple[int, int], list[float]] = defaultdict(lambda: [0.0, 0.0])
    ends = (0, *EXPOSURES_NS, 10**18)
    for life in lives:
        cells[life.queue, 0][0] += 1.0
        for bucket in range(BUCKETS):
            low, high = ends[bucket], ends[bucket + 1]
            cell = cells[life.queue, bucket]
            cell[0] += sum(
                share * max(0, min(to, high) - max(since, low)) for since, to, share in life.spans
            )
            cell[1] += sum(share for age, share in life.events if low <= age < high)
    return {key: (exposure, events) for key, (exposure, events) in cells.items()}


def survival(cells: dict[tuple[int, int], tuple[float, float]], queue: int, horizon: int) -> float:
    """P(not filled by the horizon), from the cells."""
    ends, total, rate = (0, *EXPOSURES_NS, horizon), 0.0, 0.0
    for bucket in range(BUCKETS):
        exposure, events = cells.get((queue, bucket), (0.0, 0.0))
        rate = events / exposure if exposure else rate
        total += rate * max(0, min(horizon, ends[bucket + 1]) - ends[bucket])
    return exp(-total)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_engine_counts_what_happened(core: str, seed: int) -> None:
    poster = Poster(core, seed)
    for index in range(60):
        poster.life(index)
    reader = ReferenceEngine(0, kernel.GENERATION)
    reader.restore(poster.engine.state_bytes())
    hazard, cells = reader.state.hazards[0, 0], plain(poster.lives)
    for (queue, bucket), (exposure, events) in cells.items():
        cell = queue * BUCKETS + bucket
        assert hazard.exposure_ns[cell] == pytest.approx(exposure, rel=1e-9, abs=1e-6)
        assert hazard.events[cell] == pytest.approx(events, rel=1e-9, abs=1e-9)
    poster.tape.wait(1000 * S)
    poster.tape.quote(0, 0, ("10.00", 100), ("10.01", 1000))
    told: Any = of_type(poster.step(), OutputType.EXECUTION_QUALITY)[-1]
    for queue in range(BUCKETS):
        number = sum(life.queue == queue for life in poster.lives)
        assert getattr(told, f"passive_fill_{queue}_n") == pytest.approx(number, rel=1e-9)
        own = 1.0 - survival(cells, queue, 60 * S)
        venue = (own * number + 0.9 * 4) / (number + 4)
        wanted = (own * number + venue * 4) / (number + 4)
        found = getattr(told, f"passive_fill_{queue}")
        assert found == pytest.approx(wanted, abs=1e-3), "the decay table has 1024 steps"
        assert 0.0 < getattr(told, f"passive_fill_{queue}_se") < 0.2


def test_a_venue_never_tried_has_the_prior_and_its_wide_error(core: str) -> None:
    poster = Poster(core, 5)
    poster.tape.quote(0, 0, ("10.00", 100), ("10.01", 1000))
    poster.step()
    reader = ReferenceEngine(0, kernel.GENERATION)
    reader.restore(poster.engine.state_bytes())
    found = passive_fill(reader.state, 0, 0, 3, 10 * S)
    assert found.probability == 0.9
    assert found.effective == 0.0
    assert found.error == pytest.approx(sqrt(0.9 * 0.1 / 5))
