"""When the engine's own timers are due, told from what it said.

The engine fires a timer at the next input at or after its time. Between recorded ticks there may
be none for seconds, so the driver sends a TIMER at each wake, as a live runtime would.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Any

from schemas.codes import ChildState, ExecInst, InputType, OrderState, OutputType, TimeInForce
from schemas.decisions import (
    ALLOCATION,
    CANCEL_CHILD,
    CHILD,
    CHILD_STATE,
    DECISION,
    ORDER_STATE,
)
from schemas.layout import Layout
from schemas.market import TIMER
from schemas.reference import POLICY, POSTING
from schemas.units import INSTRUMENT_NONE, INT64_MAX, VENUE_NONE
from schemas.wire import iter_inputs

SOURCE_TIMER = 250
_CHILD_ENDS = (
    ChildState.FILLED,
    ChildState.CANCELED,
    ChildState.REJECTED,
    ChildState.EXPIRED,
    ChildState.CORRECTED,
    ChildState.BUSTED,
)
_ORDER_ENDS = (
    OrderState.DONE,
    OrderState.CANCELED,
    OrderState.EXPIRED,
    OrderState.DONE_FOR_DAY,
)
_ASKS = (OutputType.CANCEL_CHILD, OutputType.STATUS_REQUEST, OutputType.REPLACE_CHILD)
"""Outputs that a venue must answer in time; all name their child where CANCEL_CHILD does."""
_IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)


class Wakes:
    """Times at which something of an open order or child is due; closed ones are forgotten.

    No output tells when a GTD order expires: that timer fires with the next input after it.
    """

    def __init__(
        self, policies: Mapping[int, Any], postings: Mapping[int, Any] | None = None
    ) -> None:
        self.policies, self.postings = policies, postings or {}
        self.resting: dict[int, int] = {}
        self.open_orders: dict[int, Any] = {}
        self.open_children: set[int] = set()
        self._due: list[tuple[int, bool, int]] = []
        self._timers = 0

    def observe(self, kind: int, raw: Any) -> None:
        """Learns from one output record."""
        if kind == OutputType.DECISION:
            self._decision(DECISION.unpack(raw), raw)
        elif kind == OutputType.CHILD:
            self._child(CHILD.unpack(raw))
        elif kind == OutputType.CHILD_STATE:
            state = CHILD_STATE.unpack(raw)
            if state.state in _CHILD_ENDS:
                self.open_children.discard(state.child_id)
                self.resting.pop(state.child_id, None)
        elif kind in _ASKS:
            asked = CANCEL_CHILD.unpack(raw)
            self._expect_answer(asked.log_ns, asked.order_id, asked.child_id)
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
            if is_child and is_open and subject in self.resting and due_ns >= now_ns:
                self._expect(due_ns + self.resting[subject], True, subject)
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

    def _decision(self, decision: Any, raw: Any) -> None:
        policy = self.policies[decision.policy]
        waits = decision.time_in_force not in _IMMEDIATE
        if decision.attempt == 1:
            self.open_orders[decision.order_id] = policy
            if waits:
                self._expect(decision.log_ns + policy.horizon_ns, False, decision.order_id)
        if waits and decision.allocated_units == 0:
            self._expect(decision.log_ns + policy.retry_ns, False, decision.order_id)
        for index in range(decision.children):
            part = ALLOCATION.unpack(raw, decision.size - (index + 1) * ALLOCATION.size)
            if part.send_delay_ns:
                self._expect(decision.log_ns + part.send_delay_ns, False, decision.order_id)

    def _child(self, child: Any) -> None:
        self.open_children.add(child.child_id)
        self._expect_answer(child.log_ns, child.order_id, child.child_id)
        posted = child.exec_inst & ExecInst.POST_ONLY
        rule = self.postings.get(self.open_orders[child.order_id].policy) if posted else None
        if rule is not None:
            self.resting[child.child_id] = rule.check_ns
            self._expect(child.log_ns + rule.min_life_ns, True, child.child_id)

    def _expect_answer(self, asked_ns: int, order_id: int, child_id: int) -> None:
        if order_id in self.open_orders:
            timeout_ns = self.open_orders[order_id].ack_timeout_ns
            self._expect(asked_ns + timeout_ns, True, child_id)

    def _expect(self, due_ns: int, is_child: bool, subject: int) -> None:
        heapq.heappush(self._due, (due_ns, is_child, subject))


def policies_of(reference: bytes) -> dict[int, Any]:
    """Policy id -> POLICY record, the last of each."""
    return _by_policy(reference, InputType.POLICY, POLICY)


def postings_of(reference: bytes) -> dict[int, Any]:
    """Policy id -> POSTING record, the last of each."""
    return _by_policy(reference, InputType.POSTING, POSTING)


def _by_policy(reference: bytes, wanted: int, layout: Layout) -> dict[int, Any]:
    found = {}
    for kind, raw in iter_inputs(reference):
        if kind == wanted:
            record = layout.unpack(raw)
            found[record.policy] = record
    return found
