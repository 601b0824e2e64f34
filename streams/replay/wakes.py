"""When the engine's own timers are due, told from what it said.

The engine fires a timer at the next input at or after its time. Between recorded ticks there may
be none for seconds, so the driver sends a TIMER at each wake, as a live runtime would.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Any

from schemas.codes import ChildState, InputType, OrderState, OutputType, TimeInForce
from schemas.decisions import CHILD, CHILD_STATE, DECISION, ORDER_STATE
from schemas.market import TIMER
from schemas.reference import POLICY
from schemas.units import INSTRUMENT_NONE, INT64_MAX, VENUE_NONE
from schemas.wire import iter_inputs

SOURCE_TIMER = 250
_CHILD_ENDS = (ChildState.FILLED, ChildState.CANCELED, ChildState.REJECTED, ChildState.EXPIRED)
_CHILD_ANSWERED = (*_CHILD_ENDS, ChildState.UNKNOWN)
_ORDER_ENDS = (OrderState.DONE, OrderState.CANCELED, OrderState.EXPIRED)
_IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)


class Wakes:
    """Times at which something of an open order or child is due; closed ones are forgotten.

    No output tells when a GTD order expires: that timer fires with the next input after it.
    """

    def __init__(self, policies: Mapping[int, Any]) -> None:
        self.policies = policies
        self.open_orders: dict[int, Any] = {}
        self.open_children: set[int] = set()
        self._due: list[tuple[int, bool, int]] = []
        self._timers = 0

    def observe(self, kind: int, raw: Any) -> None:
        """Learns from one output record."""
        if kind == OutputType.DECISION:
            self._decision(DECISION.unpack(raw))
        elif kind == OutputType.CHILD:
            self._child(CHILD.unpack(raw))
        elif kind == OutputType.CHILD_STATE:
            state = CHILD_STATE.unpack(raw)
            if state.state in _CHILD_ANSWERED:
                self.open_children.discard(state.child_id)
        elif kind == OutputType.ORDER_STATE:
            order = ORDER_STATE.unpack(raw)
            if order.state in _ORDER_ENDS:
                self.open_orders.pop(order.order_id, None)

    def next_ns(self, now_ns: int) -> int:
        """Next wake after `now_ns`, INT64_MAX when nothing open is due."""
        while self._due:
            due_ns, is_child, subject = self._due[0]
            is_open = subject in (self.open_children if is_child else self.open_orders)
            if due_ns > now_ns and is_open:
                return due_ns
            heapq.heappop(self._due)
        return INT64_MAX

    def timer(self, log_ns: int) -> bytes:
        """The TIMER input of one wake."""
        self._timers += 1
        return TIMER.pack(
            type=int(InputType.TIMER),
            source=SOURCE_TIMER,
            source_seq=self._timers,
            log_ns=log_ns,
            venue=VENUE_NONE,
            instrument=INSTRUMENT_NONE,
        )

    def _decision(self, decision: Any) -> None:
        policy = self.policies[decision.policy]
        waits = decision.time_in_force not in _IMMEDIATE
        if decision.attempt == 1:
            self.open_orders[decision.order_id] = policy
            if waits:
                self._expect(decision.log_ns + policy.horizon_ns, False, decision.order_id)
        if waits and decision.allocated_units == 0:
            self._expect(decision.log_ns + policy.retry_ns, False, decision.order_id)

    def _child(self, child: Any) -> None:
        timeout_ns = self.open_orders[child.order_id].ack_timeout_ns
        self.open_children.add(child.child_id)
        self._expect(child.log_ns + timeout_ns, True, child.child_id)

    def _expect(self, due_ns: int, is_child: bool, subject: int) -> None:
        heapq.heappush(self._due, (due_ns, is_child, subject))


def policies_of(reference: bytes) -> dict[int, Any]:
    """Policy id -> POLICY record, the last of each."""
    found = {}
    for kind, raw in iter_inputs(reference):
        if kind == InputType.POLICY:
            record = POLICY.unpack(raw)
            found[record.policy] = record
    return found
