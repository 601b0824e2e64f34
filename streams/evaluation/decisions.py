"""Watches a run and keeps its decisions, with the venues' true habits at that moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.codes import OutputType
from schemas.events import SmartRoutingDecisionEvent
from schemas.wire import decode_output
from streams.evaluation.truth import TrueMarket
from streams.simulator.synthetic.market import VENUE_HABITS


@dataclass(frozen=True)
class Seen:
    """A decision and the truth about venues when it was made."""

    decision: SmartRoutingDecisionEvent
    habits: NDArray[np.void] = field(default_factory=lambda: VENUE_HABITS.zeros(0))

    @property
    def sign(self) -> int:
        """+1 for a buy."""
        return 1 if self.decision.side == "buy" else -1

    @property
    def mid_nanos(self) -> float:
        """Mid of the displayed best, 0 when there is none."""
        made = self.decision
        bid, ask = made.displayed_bid_nanos, made.displayed_ask_nanos
        return (bid + ask) / 2 if bid and ask else 0.0


class DecisionWatch:
    """A `Watch` that keeps up to `most` decisions that found a place, evenly `every` so many."""

    def __init__(self, market: TrueMarket, most: int = 10_000, every: int = 1) -> None:
        self.market, self.most, self.every = market, most, every
        self.seen: list[Seen] = []
        self.count = 0

    def __call__(self, inputs: Any, outputs: bytes) -> None:  # noqa: ARG002
        at = 0
        while at < len(outputs):
            size = int.from_bytes(outputs[at : at + 4], "little")
            if outputs[at + 4] == OutputType.DECISION:
                self._keep(outputs[at : at + size])
            at += size

    def _keep(self, raw: bytes) -> None:
        self.count += 1
        if len(self.seen) >= self.most or self.count % self.every:
            return
        event = decode_output(raw)
        if isinstance(event, SmartRoutingDecisionEvent) and event.allocated_units:
            habits = np.frombuffer(self.market.soft_terms(), VENUE_HABITS.dtype)
            self.seen.append(Seen(event, habits))
