"""A market whose truth is known: venues with a fill probability, a latency, a fade and a toxicity.

Every round quotes afresh, sends one child to one venue and lets that venue answer as it truly is;
its toxicity is the mid move against us within the first horizon.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from aggregates import kernel
from schemas.codes import ExecType, Liquidity, OutputType, Side, TimeInForce
from tests.builders import MS, S, Tape, children, records, set_up

TICK = 1_000_000
SIZE = 100
ROUND_NS = 400 * MS


@dataclass(slots=True)
class Truth:
    """What a venue really does. `fade` is what a child that is not filled whole misses."""

    fill_probability: float
    fade: float
    latency_ns: int
    toxicity_ticks: int
    liquidity: Liquidity = Liquidity.TAKE

    @property
    def fill_ratio(self) -> float:
        """Expected share of a child that is filled."""
        return 1.0 - (1.0 - self.fill_probability) * self.fade


class Market:
    """Plays rounds on an engine and keeps the last read-outs of each venue."""

    def __init__(self, core: str, truths: list[Truth], seed: int, half_life_ns: int) -> None:
        self.rng, self.truths = random.Random(seed), truths
        self.engine, self.tape, self.consumed = kernel.load(core), Tape(), 0
        set_up(self.tape, tuple(f"V{index}" for index in range(len(truths))))
        families = ("liquidity", "speed", "fill", "cost", "impact")
        self.tape.settings(
            publish_ns=4 * S,
            horizon_1_ns=50 * MS,
            horizon_2_ns=100 * MS,
            horizon_3_ns=150 * MS,
            horizon_4_ns=200 * MS,
            **{f"{family}_half_life_ns": half_life_ns for family in families},
        )
        self.mid, self.rounds, self.trades = 10_000 * TICK, 0, 0
        self.rows: dict[int, Any] = {}
        self.executions: dict[int, Any] = {}
        self.venues: dict[int, Any] = {}

    def play(self, rounds: int) -> None:
        """So many rounds, one venue after the other."""
        for _ in range(rounds):
            self._round(self.rounds % len(self.truths))
            self.rounds += 1

    def _step(self) -> bytes:
        consumed, outputs = self.engine.step(bytes(self.tape.data[self.consumed :]))
        self.consumed += consumed
        tables = {
            OutputType.QUALITY: self.rows,
            OutputType.EXECUTION_QUALITY: self.executions,
            OutputType.VENUE_QUALITY: self.venues,
        }
        for kind, record, _ in records(outputs):
            if kind in tables:
                tables[kind][record.venue] = record
        return outputs

    def _quotes(self) -> None:
        for venue in range(len(self.truths)):
            sides = (self.mid - 10 * TICK, 1000), (self.mid + 10 * TICK, 1000)
            self.tape.quote(0, venue, *sides)

    def _round(self, venue: int) -> None:
        rng, truth, tape = self.rng, self.truths[venue], self.tape
        started_ns = tape.now_ns
        buy = rng.random() < 0.5
        sign = 1 if buy else -1
        self._quotes()
        tape.order(
            0,
            f"O{self.rounds}",
            Side.BUY if buy else Side.SELL,
            SIZE,
            limit=self.mid + 10 * sign * TICK,
            time_in_force=TimeInForce.IOC,
            venues_allowed=1 << venue,
        )
        (child,) = children(self._step())
        tape.wait(1 + int(rng.expovariate(1.0 / truth.latency_ns)))
        tape.report(child.child_id, ExecType.NEW, venue=venue)
        units = SIZE if rng.random() < truth.fill_probability else round(SIZE * (1 - truth.fade))
        if units:
            self.trades += 1
            values = {"liquidity": truth.liquidity, "venue": venue}
            tape.fill(child.child_id, units, child.limit_nanos, self.trades, **values)
            against = -1 if truth.liquidity == Liquidity.ADD else 1
            self.mid += against * sign * truth.toxicity_ticks * TICK + rng.choice((-5, 0, 5)) * TICK
        if units < SIZE:
            tape.report(child.child_id, ExecType.CANCELED, venue=venue)
        tape.wait(MS)
        self._quotes()
        tape.now_ns = started_ns + ROUND_NS
        self.mid = 10_000 * TICK
        self._step()
