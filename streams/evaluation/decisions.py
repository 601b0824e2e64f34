"""Watches a run and keeps its decisions, with the venues' true habits at that moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.codes import OutputType
from schemas.decisions import CHILD, DECISION
from schemas.events import SmartRoutingDecisionEvent
from schemas.wire import decode_output
from streams.evaluation.truth import TrueMarket
from streams.simulator.synthetic.market import VENUE_HABITS

_CHILDREN_AT = DECISION.offsets()["children"][0]
_ATTEMPT_AT = DECISION.offsets()["attempt"][0]
"""Its lowest byte: attempts are at most 40 here."""


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
    def order(self) -> int:
        """Number of its parent, from 1, as `parents.parent_orders` names them."""
        return int(self.decision.cl_ord_id.rpartition("-")[2])

    @property
    def mid_nanos(self) -> float:
        """Mid of the displayed best, 0 when there is none."""
        made = self.decision
        bid, ask = made.displayed_bid_nanos, made.displayed_ask_nanos
        return (bid + ask) / 2 if bid and ask else 0.0


class DecisionWatch:
    """A `Watch` that keeps decisions that found a place: every `every`-th, up to `most`.

    With `is_first_only` those of one child at the first attempt, which protocol C judges.
    """

    def __init__(
        self, market: TrueMarket, most: int = 10_000, every: int = 1, *, is_first_only: bool = False
    ) -> None:
        self.market, self.most, self.every = market, most, every
        self.is_first_only = is_first_only
        self.seen: list[Seen] = []
        self.count = 0
        self.children: list[tuple[int, int]] = []
        """(time sent, venue) of every child."""

    def __call__(self, inputs: Any, outputs: bytes) -> None:  # noqa: ARG002
        at = 0
        while at < len(outputs):
            size = int.from_bytes(outputs[at : at + 4], "little")
            if outputs[at + 4] == OutputType.DECISION:
                self._keep(outputs[at : at + size])
            elif outputs[at + 4] == OutputType.CHILD:
                child = CHILD.unpack(outputs, at)
                self.children.append((child.log_ns, child.venue))
            at += size

    def _keep(self, raw: bytes) -> None:
        self.count += 1
        if len(self.seen) >= self.most or self.count % self.every:
            return
        if self.is_first_only and (raw[_CHILDREN_AT] != 1 or raw[_ATTEMPT_AT] != 1):
            return
        event = decode_output(raw)
        if isinstance(event, SmartRoutingDecisionEvent) and event.allocated_units:
            habits = np.frombuffer(self.market.soft_terms(), VENUE_HABITS.dtype)
            self.seen.append(Seen(event, habits))
