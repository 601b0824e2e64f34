"""Everything the log knows about one decision: the order, the venues, the choice, the outcome."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from projections.views.names import InstrumentName, Names
from schemas.events import (
    CandidateVenue,
    ChildAllocation,
    ChildEvent,
    ChildStateEvent,
    Event,
    OrderStateEvent,
    SmartRoutingDecisionEvent,
)


@dataclass
class ChildStory:
    """One child: what was sent and every answer to it."""

    child: ChildEvent
    states: list[ChildStateEvent] = field(default_factory=list)

    @property
    def fills(self) -> list[ChildStateEvent]:
        """Its fills, oldest first."""
        return [state for state in self.states if state.exec_type == "trade"]

    @property
    def last(self) -> str:
        """Its last known state."""
        return self.states[-1].state if self.states else "sent"


@dataclass
class Story:
    """One decision with what led to it and what followed."""

    decision: SmartRoutingDecisionEvent
    names: Names
    order: dict[str, Any]
    children: list[ChildStory]
    final: OrderStateEvent | None
    attempts: list[int]
    """Decision ids of all attempts of the order."""

    @property
    def instrument(self) -> InstrumentName:
        """Key and scale of the instrument."""
        return self.names.instrument(self.decision.instrument)

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.decision.side == "buy" else -1

    @property
    def policy(self) -> Any:
        """The policy record in force, None when the log does not hold it."""
        return self.names.policies.get(self.decision.policy)

    @property
    def mid_nanos(self) -> float:
        """Mid of the best displayed prices at the decision, 0 when one side is missing."""
        bid, ask = self.decision.displayed_bid_nanos, self.decision.displayed_ask_nanos
        return (bid + ask) / 2 if bid and ask else 0.0

    def candidate(self, venue: int) -> CandidateVenue | None:
        """The candidate block of a venue."""
        return next((c for c in self.decision.candidates if c.venue == venue), None)

    def all_in(self, venue: CandidateVenue, price_nanos: int) -> float:
        """What ranks a price there: signed price, fee if the policy counts it, likely miss of the
        first lot, impact on what remains, and what `balanced` charges.
        """
        fee = venue.fee_nanos if self.policy is None or self.policy.fee_aware else 0
        charged = venue.miss_nanos + venue.impact_nanos + venue.balance_nanos
        return self.sign * price_nanos + fee + charged

    def behind_bps(self, venue: CandidateVenue) -> float | None:
        """By how much a venue without a child is dearer than the dearest price taken; None where
        nothing was taken, nothing is left there, or there is no mid.
        """
        level = first_level_beyond(venue, 0)
        taken = [
            self.all_in(used, part.limit_nanos)
            for part in self.decision.children
            if "probe" not in part.flags
            if (used := self.candidate(part.venue)) is not None
        ]
        if level is None or not taken or not self.mid_nanos:
            return None
        return 1e4 * (self.all_in(venue, level) - max(taken)) / self.mid_nanos

    def next_best(self, part: ChildAllocation) -> tuple[CandidateVenue, int] | None:
        """Cheapest level that the other venues kept: (venue, price); None without one."""
        used = {child.venue: child.units for child in self.decision.children}
        left: list[tuple[float, int, CandidateVenue, int]] = []
        for rank, venue in enumerate(self.decision.candidates):
            if venue.reason != "none" or venue.venue == part.venue:
                continue
            level = first_level_beyond(venue, used.get(venue.venue, 0))
            if level is not None:
                left.append((self.all_in(venue, level), rank, venue, level))
        best = min(left, key=lambda item: item[:2], default=None)
        return (best[2], best[3]) if best else None

    def bps(self, cost: int, units: int) -> float | None:
        """Cost of `units` against the mid of the decision, in 1e-4 of it."""
        if not units or not self.mid_nanos:
            return None
        return 1e4 * (cost / units - self.sign * self.mid_nanos) / self.mid_nanos

    def saved_bps(self, baseline_cost: int, baseline_units: int) -> float | None:
        """What the plan saves against a baseline that places the same quantity."""
        if baseline_units != self.decision.allocated_units:
            return None
        ours = self.bps(self.decision.expected_cost, self.decision.allocated_units)
        theirs = self.bps(baseline_cost, baseline_units)
        return theirs - ours if ours is not None and theirs is not None else None

    def realised_bps(self) -> float | None:
        """Price and fees of this decision's fills against the arrival mid, in 1e-4 of it."""
        decision = self.decision
        mid_x2 = decision.arrival_bid_nanos + decision.arrival_ask_nanos
        fills = [fill for child in self.children for fill in child.fills]
        units = sum(fill.last_units for fill in fills)
        if not units or not mid_x2:
            return None
        paid = sum(self.sign * fill.last_nanos * fill.last_units for fill in fills)
        fees = sum(fill.fee_nanos for fill in fills) * self.instrument.units_per_one
        return 1e4 * (2 * (paid + fees) - self.sign * mid_x2 * units) / (mid_x2 * units)


def is_dark(venue: CandidateVenue) -> bool:
    """Whether it is a pool that shows nothing and trades at the midpoint."""
    return venue.reason == "none" and not venue.levels


def first_level_beyond(venue: CandidateVenue, units: int) -> int | None:
    """Price of the first level that is not used up by `units` and our own orders; the midpoint of a
    dark pool that may be asked for more; None where inventory lets no more be sold.
    """
    if is_dark(venue):
        return venue.value if units < venue.dark_units else None
    if venue.inventory_units and units >= venue.inventory_units:
        return None
    taken = units + venue.own_units
    for level in venue.levels:
        if taken < level.units:
            return level.price_nanos
        taken -= level.units
    return None


def tell(
    decision: SmartRoutingDecisionEvent,
    names: Names,
    order: dict[str, Any],
    events: Iterable[Event],
) -> Story:
    """The story of a decision from the events of its order."""
    children: dict[int, ChildStory] = {}
    attempts, final = [], None
    for event in events:
        if isinstance(event, SmartRoutingDecisionEvent):
            attempts.append(event.out_seq)
        elif isinstance(event, ChildEvent) and event.decision_id == decision.out_seq:
            children[event.child_id] = ChildStory(event)
        elif isinstance(event, ChildStateEvent) and event.child_id in children:
            children[event.child_id].states.append(event)
        elif isinstance(event, OrderStateEvent):
            final = event
    return Story(decision, names, order, list(children.values()), final, attempts)
