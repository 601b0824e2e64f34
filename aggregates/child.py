"""A child order's life: a table of (state, event) -> state, and the facts booked to it.

Events are what venues report (ExecType) and what we do ourselves (Act). Replies of a venue are
facts: a fill is booked whatever the state. An event that the table does not name leaves the state
as it is. A venue that ends a child but has executed more than was told to us leaves its outcome
unknown: what is missing is a fill still to come, not quantity that may be sent again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from schemas.codes import ChildState as S
from schemas.codes import ExecType as E
from schemas.codes import Reason, TimeInForce

MAX_TRADES = 4096
"""Trades remembered of one child; more are refused, alarmed, and stop the parent."""


NO_CELL = 255
"""Of a trade that is no event of a hazard."""


class Act(IntEnum):
    """What we do to a child; numbers beside those of ExecType."""

    HOLD = 64
    SEND = 65
    DROP = 66
    CANCEL = 67
    REPLACE = 68
    TIME_OUT = 69


WAITING = frozenset({S.PLANNED, S.HELD})
"""States in which the venue has not heard of the child."""
PENDING = frozenset({S.SENT, S.CANCEL_PENDING, S.REPLACE_PENDING})
"""States in which the venue owes us an answer."""
LIVE = PENDING | {S.ACKNOWLEDGED, S.PARTIAL}
"""States in which the venue is expected to say more."""
OPEN = LIVE | WAITING | {S.UNKNOWN}
"""States in which the quantity may still trade, so it is not used again."""
AT_VENUE = LIVE | {S.UNKNOWN}
FINAL = frozenset({S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED, S.CORRECTED, S.BUSTED})

TRANSITIONS: dict[tuple[int, int], int] = {
    (S.PLANNED, Act.HOLD): S.HELD,
    (S.PLANNED, Act.SEND): S.SENT,
    (S.HELD, Act.SEND): S.SENT,
    (S.HELD, Act.DROP): S.CANCELED,
    (S.HELD, Act.CANCEL): S.CANCELED,
    **{(state, Act.CANCEL): S.CANCEL_PENDING for state in LIVE - {S.CANCEL_PENDING}},
    (S.ACKNOWLEDGED, Act.REPLACE): S.REPLACE_PENDING,
    (S.PARTIAL, Act.REPLACE): S.REPLACE_PENDING,
    **{(state, Act.TIME_OUT): S.UNKNOWN for state in LIVE},
    (S.SENT, E.NEW): S.ACKNOWLEDGED,
    (S.UNKNOWN, E.NEW): S.ACKNOWLEDGED,
    **{(state, E.CANCELED): S.CANCELED for state in AT_VENUE},
    **{(state, E.EXPIRED): S.EXPIRED for state in AT_VENUE},
    **{(state, E.DONE_FOR_DAY): S.EXPIRED for state in AT_VENUE},
    **{(state, E.REJECTED): S.REJECTED for state in AT_VENUE},
    (S.CANCEL_PENDING, E.CANCEL_REJECT): S.ACKNOWLEDGED,
    (S.REPLACE_PENDING, E.REPLACED): S.ACKNOWLEDGED,
    (S.REPLACE_PENDING, E.REPLACE_REJECT): S.ACKNOWLEDGED,
    (S.UNKNOWN, E.REPLACED): S.ACKNOWLEDGED,
    (S.UNKNOWN, E.REPLACE_REJECT): S.ACKNOWLEDGED,
}
"""ACKNOWLEDGED stands for PARTIAL where something has been executed."""


@dataclass(slots=True)
class Trade:
    """A fill as booked; a busted one keeps its id with size 0. `changed`: by a later report.

    What it taught, so that it can be taken back: its liquidity, the hazard `cell` of one at rest,
    and the session times of row and venue.
    """

    units: int
    nanos: int
    fee_nanos: int
    changed: bool = False
    liquidity: int = 0
    cell: int = NO_CELL
    row_ns: int = 0
    venue_ns: int = 0


@dataclass(slots=True)
class Child:
    """A child order as the engine knows it. Sizes in units, prices in nanos.

    `mid_x2` is twice the mid and `far_nanos` the protected far touch at send, 0 = none. A
    `pending_units` other than 0 is a replace not yet answered. `due_ns` is when its one timer is
    due; `queries` counts status requests since its outcome became unknown. Of a child that rests:
    the `queue` bucket it joined, its exposure `age_ns` as of session time `rest_ns` (0 = it is in
    no book now), and whether it ever was in one. `ended_ns` and `ended_venue_ns` are the session
    times at which its end taught that `ended_units` could be had, 0 = it taught nothing.
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
    state: int = int(S.PLANNED)
    acked: bool = False
    cum_units: int = 0
    busted_units: int = 0
    pending_units: int = 0
    pending_nanos: int = 0
    due_ns: int = 0
    min_units: int = 0
    reports: int = 0
    exec_inst: int = 0
    queries: int = 0
    reason: int = 0
    queue: int = 0
    rested: bool = False
    rest_ns: int = 0
    age_ns: int = 0
    ended_ns: int = 0
    ended_venue_ns: int = 0
    ended_units: int = 0
    trades: dict[int, Trade] = field(default_factory=dict)

    @property
    def leaves_units(self) -> int:
        """What may still trade: nothing once final; the larger of two sizes during a replace."""
        if self.state not in OPEN:
            return 0
        return max(0, max(self.units, self.pending_units) - self.cum_units - self.busted_units)

    @property
    def rests(self) -> bool:
        """Whether it may stay in a book."""
        return self.time_in_force == TimeInForce.DAY

    @property
    def awaited(self) -> bool:
        """Whether the venue is expected to say something soon; a resting child is left alone."""
        if self.rests and self.state in (S.ACKNOWLEDGED, S.PARTIAL):
            return False
        return self.state in LIVE or self.state in WAITING

    def act(self, act: Act) -> bool:
        """Moves the state by what we do; False, and nothing changes, where the table has no row."""
        after = TRANSITIONS.get((self.state, act))
        if after is None:
            return False
        self.state = int(after)
        return True


def apply_report(child: Child, exec_type: int, cum_units: int, leaves_units: int) -> None:
    """Moves the state by the venue's own count; trades have been booked to ours before."""
    executed = child.cum_units + child.busted_units
    if exec_type == E.TRADE:
        child.state = _after_trade(child)
    elif exec_type in (E.TRADE_CANCEL, E.TRADE_CORRECT):
        child.state = _after_change(child)
    elif _ends(child, exec_type, leaves_units) and cum_units > executed:
        child.state = int(S.UNKNOWN)
    elif exec_type == E.ORDER_STATUS:
        if child.state in AT_VENUE:
            child.state = _after_status(child, leaves_units)
    elif exec_type == E.RESTATED:
        _restate(child, leaves_units)
    else:
        _answer_replace(child, exec_type)
        child.state = _named(child, TRANSITIONS.get((child.state, exec_type), child.state))


def _named(child: Child, state: int) -> int:
    """An acknowledged child of which something, or all, has been executed says so."""
    if state != S.ACKNOWLEDGED:
        return int(state)
    if child.cum_units + child.busted_units >= child.units:
        return int(S.FILLED)
    if child.pending_units and child.state == S.CANCEL_PENDING:
        return int(S.REPLACE_PENDING)
    return int(S.PARTIAL if child.cum_units else S.ACKNOWLEDGED)


def _answer_replace(child: Child, exec_type: int) -> None:
    """New terms count from the venue's word on; a refusal leaves the old ones."""
    if exec_type not in (E.REPLACED, E.REPLACE_REJECT) or not child.pending_units:
        return
    if child.state not in AT_VENUE:
        return
    if exec_type == E.REPLACED:
        child.units, child.limit_nanos = child.pending_units, child.pending_nanos
    else:
        # Whoever has refused once is not asked again.
        child.reason = int(Reason.BAD_AMEND)
    child.pending_units = child.pending_nanos = 0


def _restate(child: Child, leaves_units: int) -> None:
    """A venue may cut what is left of a child by itself; it can never add to it."""
    if child.state in AT_VENUE and 0 < leaves_units < child.leaves_units:
        child.units = child.cum_units + child.busted_units + leaves_units
        child.pending_units = child.pending_nanos = 0


def _ends(child: Child, exec_type: int, leaves_units: int) -> bool:
    if exec_type == E.ORDER_STATUS:
        return child.state in AT_VENUE and leaves_units == 0
    return TRANSITIONS.get((child.state, exec_type)) in FINAL


def _after_trade(child: Child) -> int:
    if child.state in WAITING:
        return child.state
    if child.cum_units + child.busted_units >= max(child.units, child.pending_units):
        return int(S.FILLED)
    if child.state in (S.CANCEL_PENDING, S.REPLACE_PENDING, *FINAL):
        return child.state
    return int(S.PARTIAL)


def _after_change(child: Child) -> int:
    """A final child whose fills were changed says so; an open one goes on."""
    if child.state in FINAL:
        return int(S.CORRECTED if child.cum_units else S.BUSTED)
    if child.state in (S.PARTIAL, S.ACKNOWLEDGED):
        return _named(child, S.ACKNOWLEDGED)
    return child.state


def _after_status(child: Child, leaves_units: int) -> int:
    if leaves_units == 0:
        return int(S.CANCELED)
    if child.state in (S.CANCEL_PENDING, S.REPLACE_PENDING):
        return child.state
    return int(S.PARTIAL if child.cum_units else S.ACKNOWLEDGED)
