"""A parent order's life: a table of (state, event) -> state, and what may be told about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from aggregates.child import Child
from schemas.codes import ExecInst, Reason, Side, TimeInForce
from schemas.codes import OrderState as S


class Event(IntEnum):
    """What happens to a parent between its acceptance and its end."""

    CANCEL = 1
    SUSPEND = 2
    RESUME = 3
    AMEND = 4
    AMENDED = 5


FINAL = frozenset({S.DONE, S.CANCELED, S.EXPIRED, S.DONE_FOR_DAY})
TRANSITIONS: dict[tuple[int, int], int] = {
    (S.WORKING, Event.CANCEL): S.CANCEL_PENDING,
    (S.SUSPENDED, Event.CANCEL): S.CANCEL_PENDING,
    (S.AMEND_PENDING, Event.CANCEL): S.CANCEL_PENDING,
    (S.WORKING, Event.SUSPEND): S.SUSPENDED,
    (S.SUSPENDED, Event.RESUME): S.WORKING,
    (S.WORKING, Event.AMEND): S.AMEND_PENDING,
    (S.SUSPENDED, Event.AMEND): S.AMEND_PENDING,
    (S.AMEND_PENDING, Event.AMENDED): S.WORKING,
}
ENDS: dict[int, int] = {
    Reason.HORIZON: S.EXPIRED,
    Reason.END_OF_DAY: S.EXPIRED,
    Reason.DONE_FOR_DAY: S.DONE_FOR_DAY,
}
"""Reason of the end -> final state of a parent that was not filled; CANCELED for the others."""


@dataclass(slots=True)
class Order:
    """A parent order that was accepted. `visited` maps venue -> seq of its last outcome there.

    `amendment` holds the bytes of an accepted AMEND_ORDER until its children have made room for it.
    """

    order_id: int
    raw: bytes
    record: Any
    policy: int
    limit_nanos: int
    arrival_bid_nanos: int
    arrival_ask_nanos: int
    state: int = int(S.WORKING)
    end_reason: int = int(Reason.NONE)
    attempts: int = 0
    decision_id: int = 0
    cum_units: int = 0
    notional: int = 0
    fee_nanos: int = 0
    retry_due_ns: int = 0
    expire_due_ns: int = 0
    posts: int = 0
    reserved_units: int = 0
    amendment: bytes = b""
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
        """IOC, FOK and all-or-none parents get one decision and never wait."""
        return self.whole or self.record.time_in_force == TimeInForce.IOC

    @property
    def whole(self) -> bool:
        """All at one venue or nothing: atomicity across venues does not exist."""
        fok: bool = self.record.time_in_force == TimeInForce.FOK
        return fok or bool(self.record.exec_inst & ExecInst.ALL_OR_NONE)

    @property
    def post_only(self) -> bool:
        """Never takes liquidity."""
        return bool(self.record.exec_inst & ExecInst.POST_ONLY)

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
    def least_units(self) -> int:
        """What of its minimum quantity is still to be executed, at one venue."""
        least: int = self.record.min_units
        return max(0, least - self.cum_units)

    @property
    def takes_whole(self) -> bool:
        """Whether what is taken now must come from one venue, or not at all."""
        return self.whole or self.least_units > 0

    @property
    def awaiting(self) -> bool:
        """Whether any child is expected to report soon."""
        return any(child.awaited for child in self.children)

    def act(self, event: Event) -> bool:
        """Moves the state; False, and nothing changes, where the table has no row."""
        after = TRANSITIONS.get((self.state, event))
        if after is None:
            return False
        self.state = int(after)
        return True

    def finish(self, reason: int) -> None:
        """Ends the parent: done once all was filled, else by the reason of its end."""
        self.end_reason = int(reason)
        filled = self.cum_units >= self.record.order_units
        self.state = int(S.DONE if filled else ENDS.get(reason, S.CANCELED))
