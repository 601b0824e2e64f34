"""Steps one shard's engine over recorded inputs and lets its children meet the simulated market.

External records (ticks, orders) come in batches in total order. Two things can happen between
them: a report of the market, not before `earliest_feedback_ns`, and a timer of the engine, at the
next wake. The engine steps up to the earlier of both and no further, and stops after an input that
emits a child; the market folds exactly the records that the engine consumed. So a child always
meets the market at the moment of its decision, and its reports enter the log in their place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from aggregates.kernel import Engine
from schemas.codes import OutputType
from schemas.decisions import CANCEL_CHILD, REPLACE_CHILD, STATUS_REQUEST
from schemas.envelope import HEADER, OUT_HEADER
from schemas.units import INT64_MAX, NS_PER_S
from schemas.wire import iter_raw_outputs, record_size
from streams.replay.journal import Journal
from streams.replay.wakes import Wakes

FIRST_GAP_NS = 3600 * NS_PER_S
SENT = (
    OutputType.CHILD,
    OutputType.CANCEL_CHILD,
    OutputType.REPLACE_CHILD,
    OutputType.STATUS_REQUEST,
)
"""Outputs that go to a venue."""
"""First step in time towards an expiry that only its order names."""


class Market(Protocol):
    """What a shard needs of a fill simulator."""

    @property
    def earliest_feedback_ns(self) -> int:
        """No report can be due before this time; INT64_MAX when nothing is live."""

    @property
    def certain_feedback_ns(self) -> int:
        """The same while no market input comes: what rests has nothing to meet."""

    def advance(self, batch: Any) -> None:
        """Folds input records in log order."""

    def submit(self, record: Any, sent_ns: int) -> None:
        """Takes a CHILD record that left at `sent_ns`."""

    def cancel(self, child_id: int, sent_ns: int) -> None:
        """Takes a cancel that left at `sent_ns`."""

    def replace(self, child_id: int, units: int, limit_nanos: int, sent_ns: int) -> None:
        """Takes new terms that left at `sent_ns`."""

    def query(self, child_id: int, sent_ns: int) -> None:
        """Takes a status request that left at `sent_ns`."""

    def pop_reports(self, until_ns: int) -> bytes:
        """EXEC_REPORT records due through `until_ns`."""


def nothing() -> None:
    """Default of the hooks."""


class ShardRun:
    """One engine, its market and its journal.

    `check` runs between steps and may raise to stop at a whole record. `before_send` runs before
    children or cancels reach the market: a live run waits there until their inputs are durable.
    """

    def __init__(
        self,
        engine: Engine,
        market: Market,
        journal: Journal,
        wakes: Wakes,
        check: Callable[[], None] = nothing,
        before_send: Callable[[], None] = nothing,
    ) -> None:
        self.engine, self.market, self.journal, self.wakes = engine, market, journal, wakes
        self.check, self.before_send = check, before_send
        self.children = 0
        self._sent_ns = 0

    def load(self, reference: bytes) -> None:
        """Folds the reference records; the market was made from them."""
        _, outputs = self.engine.step(reference)
        self.journal.note(reference, outputs)

    def feed(self, batch: Any) -> None:
        """Folds a batch of external records with everything that happens before its last one."""
        view = memoryview(batch).cast("B")
        while view:
            self.check()
            consumed = self._step(view, self._bound_ns())
            if not consumed:
                # Until the next record nothing can fill what rests: only what is sure comes first.
                next_ns = HEADER.unpack(view).log_ns
                if self._sure_ns() < next_ns:
                    self._happen()
                else:
                    consumed = self._step(view, next_ns)
            view = view[consumed:]

    def pass_time(self, until_ns: int = INT64_MAX - 1) -> None:
        """Lets everything happen that is due through `until_ns`, without external records."""
        while self._sure_ns() <= until_ns:
            self.check()
            self._happen()

    def drain(self) -> None:
        """Lets time pass until no order and no child is open."""
        self.pass_time()
        gap_ns = FIRST_GAP_NS
        while self.wakes.open_orders:
            self.tick(self.engine.log_ns + gap_ns)
            self.pass_time()
            gap_ns *= 2

    def tick(self, log_ns: int) -> None:
        """Folds a TIMER at `log_ns`."""
        self._step_all(self.wakes.timer(log_ns))

    def _bound_ns(self) -> int:
        wake_ns = self.wakes.next_ns(self.engine.log_ns)
        return min(self.market.earliest_feedback_ns, wake_ns)

    def _sure_ns(self) -> int:
        """When the next report or wake is due, no market input coming before it."""
        return min(self.market.certain_feedback_ns, self.wakes.next_ns(self.engine.log_ns))

    def _happen(self) -> None:
        """The next report or wake, whichever is due first; reports at the same time go first."""
        feedback_ns = self.market.certain_feedback_ns
        wake_ns = self.wakes.next_ns(self.engine.log_ns)
        if feedback_ns <= wake_ns:
            self._step_all(self.market.pop_reports(feedback_ns))
        else:
            self.tick(wake_ns)

    def _step_all(self, records: bytes) -> None:
        view = memoryview(records)
        while view:
            view = view[self._step(view, INT64_MAX) :]

    def _step(self, view: memoryview, limit_ns: int) -> int:
        """One call of the engine, and what follows from it; bytes consumed."""
        seq = self.engine.seq
        consumed, outputs = self.engine.step(view, limit_ns, stop_on_child=True)
        if consumed:
            self.journal.note(view[:consumed], outputs)
            self._follow(view[:consumed], outputs, seq)
        return consumed

    def _follow(self, inputs: memoryview, outputs: bytes, seq: int) -> None:
        """Moves the market past `inputs`, each cancel and child at the input that it came from."""
        sends: list[tuple[int, memoryview]] = []
        for kind, raw in iter_raw_outputs(outputs):
            self.wakes.observe(kind, raw)
            if kind in SENT:
                sends.append((kind, raw))
        if sends:
            self.before_send()
        for kind, raw in sends:
            inputs, seq = self._advance_through(inputs, seq, OUT_HEADER.unpack(raw).seq)
            self._send(kind, raw)
        self.market.advance(inputs)

    def _advance_through(
        self, inputs: memoryview, seq: int, last_seq: int
    ) -> tuple[memoryview, int]:
        """Moves the market past the inputs up to `last_seq`; what is left, and its position."""
        if seq == last_seq:
            return inputs, seq
        if last_seq == self.engine.seq:
            end, self._sent_ns = len(inputs), self.engine.log_ns
        else:
            end = self._end_of(inputs, last_seq - seq)
        self.market.advance(inputs[:end])
        return inputs[end:], last_seq

    def _end_of(self, inputs: memoryview, count: int) -> int:
        """Bytes of the first `count` records; the last one's time becomes the time of sending."""
        end = 0
        for _ in range(count):
            self._sent_ns = HEADER.unpack(inputs, end).log_ns
            end += record_size(inputs[end])
        return end

    def _send(self, kind: int, raw: memoryview) -> None:
        if kind == OutputType.CHILD:
            self.children += 1
            self.market.submit(raw, self._sent_ns)
        elif kind == OutputType.CANCEL_CHILD:
            self.market.cancel(CANCEL_CHILD.unpack(raw).child_id, self._sent_ns)
        elif kind == OutputType.REPLACE_CHILD:
            asked = REPLACE_CHILD.unpack(raw)
            self.market.replace(asked.child_id, asked.units, asked.limit_nanos, self._sent_ns)
        else:
            self.market.query(STATUS_REQUEST.unpack(raw).child_id, self._sent_ns)
