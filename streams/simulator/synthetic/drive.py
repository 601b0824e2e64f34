"""One engine in a synthetic market: what the market says goes in, what the engine sends goes back.

The market is pulled no further than the earliest moment at which an answer could matter. While no
order is open that is the next order's time; while one is open it is the shortest way to a venue,
for a child sent within such a window arrives after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from aggregates.kernel import Engine
from schemas.codes import OrderState, OutputType
from schemas.decisions import CANCEL_CHILD, ORDER_STATE, REPLACE_CHILD, STATUS_REQUEST
from schemas.envelope import HEADER
from schemas.units import INT64_MAX

PIECE_BYTES = 1 << 18
_ENDS = (OrderState.DONE, OrderState.CANCELED, OrderState.EXPIRED, OrderState.REFUSED)
_STATE_AT, _ = ORDER_STATE.offsets()["state"]
_ORDER_AT, _ = ORDER_STATE.offsets()["order_id"]
Watch = Callable[[Any, bytes], None]
"""Told of the inputs of a step and of the outputs that followed."""


class Gateway(Protocol):
    """What a driver needs of a market."""

    @property
    def now_ns(self) -> int:
        """Time through which everything has happened."""

    @property
    def next_record_ns(self) -> int:
        """Time of the next record that is known, INT64_MAX when there is none."""

    @property
    def shortest_out_ns(self) -> int:
        """No child arrives sooner than so long after it was sent."""

    def pull(self, until_ns: int, most_bytes: int) -> bytes:
        """Input records through `until_ns`, in order."""

    def submit(self, record: Any, sent_ns: int) -> None:
        """A CHILD record leaves."""

    def cancel(self, child_id: int, sent_ns: int) -> None:
        """A cancel leaves."""

    def replace(self, child_id: int, units: int, limit_nanos: int, sent_ns: int) -> None:
        """A replace leaves."""

    def query(self, child_id: int, venue: int, sent_ns: int) -> None:
        """A question what became of a child leaves."""


def ignore(inputs: Any, outputs: bytes) -> None:
    """Watches nothing."""


class Drive:
    """Steps an engine through a market; `order_times` are those of its parents, rising."""

    def __init__(
        self, engine: Engine, market: Gateway, order_times: list[int], watch: Watch = ignore
    ) -> None:
        self.engine, self.market, self.watch = engine, market, watch
        self.order_times = order_times
        self.inputs = self.children = self._next = 0
        self.open: set[int] = set()
        self._reached_ns = market.now_ns

    def run(self, until_ns: int) -> None:
        """Folds everything through `until_ns`."""
        while self._reached_ns < until_ns:
            bound = min(until_ns, self._bound_ns())
            batch = self.market.pull(bound, PIECE_BYTES)
            if batch:
                self._fold(batch)
            if len(batch) < PIECE_BYTES:
                self._reached_ns = bound

    def _bound_ns(self) -> int:
        if self.open:
            return self._reached_ns + self.market.shortest_out_ns
        while self._next < len(self.order_times):
            due_ns = self.order_times[self._next]
            if due_ns > self._reached_ns:
                return due_ns
            self._next += 1
        return INT64_MAX

    def _fold(self, batch: bytes) -> None:
        view = memoryview(batch)
        while view:
            consumed, outputs = self.engine.step(view, INT64_MAX, stop_on_child=True)
            self.inputs += consumed
            self.watch(view[:consumed], outputs)
            if outputs:
                self._follow(outputs)
            view = view[consumed:]

    def _follow(self, outputs: bytes) -> None:
        at = 0
        while at < len(outputs):
            size = int.from_bytes(outputs[at : at + 4], "little")
            kind = outputs[at + 4]
            if kind == OutputType.CHILD:
                self.children += 1
                self.market.submit(outputs[at : at + size], self.engine.log_ns)
            elif kind == OutputType.CANCEL_CHILD:
                cancel = CANCEL_CHILD.unpack(outputs, at)
                self.market.cancel(cancel.child_id, cancel.log_ns)
            elif kind == OutputType.REPLACE_CHILD:
                asked = REPLACE_CHILD.unpack(outputs, at)
                units, nanos = asked.units, asked.limit_nanos
                self.market.replace(asked.child_id, units, nanos, asked.log_ns)
            elif kind == OutputType.STATUS_REQUEST:
                asked = STATUS_REQUEST.unpack(outputs, at)
                self.market.query(asked.child_id, asked.venue, asked.log_ns)
            elif kind == OutputType.ORDER_STATE:
                self._order(outputs, at)
            at += size

    def _order(self, outputs: bytes, at: int) -> None:
        order_id = int.from_bytes(outputs[at + _ORDER_AT : at + _ORDER_AT + 8], "little")
        if outputs[at + _STATE_AT] in _ENDS:
            self.open.discard(order_id)
        else:
            self.open.add(order_id)


def order_times(records: bytes, size: int) -> list[int]:
    """Arrival times of packed orders of `size` bytes each."""
    return [HEADER.unpack(records, at).log_ns for at in range(0, len(records), size)]
