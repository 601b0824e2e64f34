"""A parent order's life, and what may be told about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aggregates.child import LIVE, Child
from schemas.codes import OrderState, Reason, Side, TimeInForce

FINAL = frozenset({OrderState.DONE, OrderState.CANCELED, OrderState.EXPIRED})


@dataclass(slots=True)
class Order:
    """A parent order that was accepted. `visited` maps venue -> seq of its last outcome there."""

    order_id: int
    raw: bytes
    record: Any
    policy: int
    limit_nanos: int
    arrival_bid_nanos: int
    arrival_ask_nanos: int
    state: int = int(OrderState.WORKING)
    end_reason: int = int(Reason.NONE)
    attempts: int = 0
    decision_id: int = 0
    cum_units: int = 0
    notional: int = 0
    fee_nanos: int = 0
    retry_due_ns: int = 0
    visited: dict[int, int] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell of any kind."""
        return 1 if self.record.side == Side.BUY else -1

    @property
    def side_index(self) -> int:
        """0 for a buy, 1 for a sell: which in-flight counter of a row it uses."""
        return 0 if self.record.side == Side.BUY else 1

    @property
    def immediate(self) -> bool:
        """IOC and FOK parents get one decision and never wait."""
        return self.record.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)

    @property
    def final(self) -> bool:
        """Whether the parent has ended."""
        return self.state in FINAL

    @property
    def outstanding_units(self) -> int:
        """What its open children may still trade."""
        return sum(child.leaves_units for child in self.children)

    @property
    def free_units(self) -> int:
        """What may be sent now."""
        order_units: int = self.record.order_units
        return max(0, order_units - self.cum_units - self.outstanding_units)

    @property
    def excess_units(self) -> int:
        """What was filled and may still be filled beyond what was asked for."""
        return self.cum_units + self.outstanding_units - int(self.record.order_units)

    @property
    def awaiting(self) -> bool:
        """Whether any child is expected to report soon."""
        return any(child.state in LIVE for child in self.children)

    def finish(self, reason: int) -> None:
        """Ends the parent: done once all was filled, else expired at its horizon, else canceled."""
        self.end_reason = int(reason)
        unfilled = OrderState.EXPIRED if reason == Reason.HORIZON else OrderState.CANCELED
        filled = self.cum_units >= self.record.order_units
        self.state = int(OrderState.DONE if filled else unfilled)
