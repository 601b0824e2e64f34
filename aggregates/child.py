"""A child order's life: a table of (state, report) -> state, and the facts booked to it.

Replies of a venue are facts: a fill is booked whatever the state. A state that the table does not
name is left as it is. A venue that ends a child but has executed more than was told to us leaves
its outcome unknown: what is missing is a fill still to come, not quantity that may be sent again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.codes import ChildState as S
from schemas.codes import ExecType as E

LIVE = frozenset({S.SENT, S.ACKNOWLEDGED, S.PARTIAL, S.CANCEL_PENDING})
"""States in which the venue is expected to say more soon."""
OPEN = LIVE | {S.UNKNOWN}
"""States in which the quantity may still trade, so it is not used again."""

TRANSITIONS: dict[tuple[int, int], int] = {
    (S.SENT, E.NEW): S.ACKNOWLEDGED,
    (S.UNKNOWN, E.NEW): S.ACKNOWLEDGED,
    **{(state, E.CANCELED): S.CANCELED for state in OPEN},
    **{(state, E.EXPIRED): S.EXPIRED for state in OPEN},
    **{(state, E.DONE_FOR_DAY): S.EXPIRED for state in OPEN},
    **{(state, E.REJECTED): S.REJECTED for state in OPEN},
}


@dataclass(slots=True)
class Child:
    """A child order as the engine knows it. Sizes in units, prices in nanos.

    `mid_x2` is twice the mid and `far_nanos` the protected far touch at send, 0 = none.
    """

    child_id: int
    order_id: int
    decision_id: int
    instrument: int
    venue: int
    side: int
    time_in_force: int
    units: int
    limit_nanos: int
    displayed_units: int
    sent_ns: int
    mid_x2: int
    far_nanos: int
    state: int = int(S.SENT)
    acked: bool = False
    cum_units: int = 0
    trades: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def leaves_units(self) -> int:
        """What may still trade: nothing once the child is final."""
        return max(0, self.units - self.cum_units) if self.state in OPEN else 0


def apply_report(child: Child, exec_type: int, cum_units: int, leaves_units: int) -> None:
    """Moves the child's state by the venue's own count; TRADE has been added to ours before."""
    if exec_type == E.TRADE:
        child.state = _after_trade(child)
    elif _ends(child, exec_type, leaves_units) and cum_units > child.cum_units:
        child.state = int(S.UNKNOWN)
    elif exec_type == E.CANCEL_REJECT:
        if child.state == S.CANCEL_PENDING:
            child.state = int(S.PARTIAL if child.cum_units else S.ACKNOWLEDGED)
    elif exec_type == E.ORDER_STATUS:
        if child.state in OPEN:
            child.state = _after_status(child, leaves_units)
    else:
        child.state = int(TRANSITIONS.get((child.state, exec_type), child.state))


def _ends(child: Child, exec_type: int, leaves_units: int) -> bool:
    if exec_type == E.ORDER_STATUS:
        return child.state in OPEN and leaves_units == 0
    return TRANSITIONS.get((child.state, exec_type)) in _FINAL


def _after_trade(child: Child) -> int:
    if child.cum_units >= child.units:
        return int(S.FILLED)
    if child.state in (S.CANCEL_PENDING, *_FINAL):
        return child.state
    return int(S.PARTIAL)


def _after_status(child: Child, leaves_units: int) -> int:
    if leaves_units == 0:
        return int(S.CANCELED)
    if child.state == S.CANCEL_PENDING:
        return child.state
    return int(S.PARTIAL if child.cum_units else S.ACKNOWLEDGED)


_FINAL = (S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED)
