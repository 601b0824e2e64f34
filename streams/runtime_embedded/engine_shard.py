"""One shard of the live engine process: numbers and stamps inputs, steps the engine, logs, sends.

The order of events is that of DURABLE BEFORE VISIBLE: inputs are stepped at once, appended at once,
and only when they are on disk do their children leave and their commands get an answer. Stepping
the next inputs does not wait for that.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregates.kernel import Engine
from schemas.codes import InputType, OutputType
from schemas.commands import Accepted, Refused
from schemas.envelope import HEADER, OUT_HEADER, REFERENCE_TYPES
from schemas.market import TIMER
from schemas.orders import NEW_ORDER
from schemas.units import INSTRUMENT_NONE, SOURCE_REFERENCE, VENUE_NONE
from schemas.wire import iter_raw_outputs, record_size
from streams.clock import Clock
from streams.log.shard_log import ShardLog
from streams.replay.journal import Journal
from streams.runtime_embedded.gateway import Arrivals, Gateway, Rows
from streams.runtime_embedded.identities import Identities, meaning
from streams.runtime_embedded.known import Known
from streams.runtime_embedded.meters import Meters
from streams.runtime_embedded.order_flow import SOURCE_ORDERS, OrderFlow
from streams.sources.records import number

SOURCE_API = 210
SOURCE_TIMER = 250
COMMANDS = frozenset(
    {
        InputType.NEW_ORDER,
        InputType.CANCEL_ORDER,
        InputType.AMEND_ORDER,
        InputType.END_OF_DAY,
        InputType.KILL,
        InputType.REARM,
        InputType.INVENTORY,
    }
)
SENDS = (
    OutputType.CHILD,
    OutputType.CANCEL_CHILD,
    OutputType.REPLACE_CHILD,
    OutputType.STATUS_REQUEST,
)
_SOURCE = struct.Struct("<B")
_NUMBERS = struct.Struct("<Qq")

Answer = Callable[[Accepted | Refused], None]


class EngineShard:
    """Engine, log and gateway of one shard; `restart.open_shard` makes one."""

    def __init__(self, log: ShardLog, gateway: Gateway, clock: Clock, core: str = "native") -> None:
        self.log, self.gateway, self.clock, self.core = log, gateway, clock, core
        self.engine: Engine
        self.last_seq: NDArray[np.uint64]
        self.identities: Identities
        self.journal: Journal
        self.meters = Meters()
        self.flow: OrderFlow | None = None
        self._pending: deque[tuple[int, Callable[[], None]]] = deque()
        self._stamp_ns = 0

    @property
    def waiting(self) -> int:
        """Sends and answers that wait for their inputs to be durable."""
        return len(self._pending)

    def take_over(self, engine: Engine, known: Known) -> None:
        """Goes on with an engine at the end of the log, and what is known of its inputs."""
        self.engine = engine
        self.last_seq, self.identities = known.last_seq, known.identities
        self.journal = Journal(self.log, engine)
        self._stamp_ns = engine.log_ns

    def load(self, records: bytes) -> None:
        """Folds the reference records that a new log starts with, and waits until they are kept."""
        _, outputs = self.engine.step(records)
        self.last_seq[SOURCE_REFERENCE] = reference_seq(records)
        self.journal.note(records, outputs)
        self.journal.wait_durable()
        self._stamp_ns = self.engine.log_ns

    def poll(self) -> None:
        """Folds what the gateway has for us."""
        now_ns = self.clock.now_ns()
        arrivals = self.gateway.poll(now_ns)
        self.arrive(arrivals)
        if self.flow is not None:
            self.flow.observe(arrivals.market)
            for order in self.flow.due(now_ns):
                self._step(self._stamped(order, SOURCE_ORDERS))

    def arrive(self, arrivals: Arrivals) -> None:
        """Folds market records and reports in the order of their times."""
        if len(arrivals.market):
            self.meters.ticks += len(arrivals.market)
            self._step(self._market(arrivals.market))
        if len(arrivals.reports):
            self._step(self._reports(arrivals.reports))

    def give(self, record: bytes, received_ns: int, answer: Answer) -> None:
        """Takes a command; it is answered now if refused, once durable if accepted."""
        fault = command_fault(record)
        if fault is not None:
            answer(fault)
            return
        if record[0] == InputType.NEW_ORDER:
            known = self._known(record, answer)
            if known:
                return
        raw = self._stamped(record)
        self._step(raw)
        seq, log_ns = self.engine.seq, self._stamp_ns
        if record[0] == InputType.NEW_ORDER:
            self.identities.remember(NEW_ORDER.unpack(raw), seq, log_ns)
        self.meters.decided(self.clock.elapsed_ns() - received_ns)
        self._after(seq, lambda: self._accepted(answer, seq, log_ns, received_ns))

    def pass_time(self, idle_ns: int) -> None:
        """Logs a TIMER when nothing else has moved time for `idle_ns`."""
        now_ns = self.clock.now_ns()
        if now_ns - self.engine.log_ns < idle_ns:
            return
        fields = {"venue": VENUE_NONE, "instrument": INSTRUMENT_NONE}
        self._step(self._stamped(TIMER.pack(type=int(InputType.TIMER), **fields), SOURCE_TIMER))

    def flush(self) -> None:
        """Appends what was stepped, so that its sync can begin."""
        self.journal.flush()

    def settle(self, wait_s: float = 0.0) -> None:
        """Sends and answers what has become durable; waits up to `wait_s` for the first of it."""
        if not self._pending:
            return
        writer = self.log.inputs
        if wait_s and writer.durable_seq < self._pending[0][0]:
            writer.wait_durable(self._pending[0][0], wait_s)
        durable_seq = writer.durable_seq
        while self._pending and self._pending[0][0] <= durable_seq:
            self._pending.popleft()[1]()

    def settle_all(self) -> None:
        """Waits until everything stepped is durable, sent and answered."""
        self.journal.wait_durable()
        while self._pending:
            self._pending.popleft()[1]()

    def _step(self, records: Any) -> None:
        _, outputs = self.engine.step(records)
        self.journal.note(records, outputs)
        for kind, raw in iter_raw_outputs(outputs):
            self.meters.count(kind, raw)
            if kind in SENDS:
                self._after(OUT_HEADER.unpack(raw).seq, partial(self._send, raw))

    def _after(self, seq: int, action: Callable[[], None]) -> None:
        self._pending.append((seq, action))

    def _send(self, raw: Any) -> None:
        self.gateway.send(raw, self.clock.now_ns())

    def _accepted(self, answer: Answer, seq: int, log_ns: int, received_ns: int) -> None:
        self.meters.answered(self.clock.elapsed_ns() - received_ns)
        answer(Accepted(self.log.shard, seq, log_ns))

    def _known(self, record: bytes, answer: Answer) -> bool:
        """Whether an order was given before; it is answered once the first one is durable."""
        order = NEW_ORDER.unpack(record)
        known = self.identities.first(order)
        if known is None:
            return False
        seq, log_ns, was = known
        if was == meaning(order):
            self._after(seq, lambda: answer(Accepted(self.log.shard, seq, log_ns, is_repeat=True)))
        else:
            detail = f"order {seq} has this ClOrdID and other terms; choose a new ClOrdID"
            answer(Refused("conflicting_repeat", detail))
        return True

    def _market(self, market: Rows) -> Rows:
        rows = market.copy()
        rows["log_ns"] = np.clip(rows["log_ns"], self._stamp_ns, None)
        self._stamp_ns = int(rows["log_ns"][-1])
        number(rows, self.last_seq)
        return rows.view(np.uint8)

    def _reports(self, reports: Rows) -> Any:
        """Stamped reports; the gateway's own numbers stay, so that a repeat is known as one."""
        rows = reports.copy()
        self._stamp_ns = max(self._stamp_ns, self.clock.now_ns())
        rows["log_ns"] = self._stamp_ns
        source = int(rows["source"][-1])
        self.last_seq[source] = max(int(self.last_seq[source]), int(rows["source_seq"][-1]))
        return rows.view(np.uint8)

    def _stamped(self, record: bytes, source: int = SOURCE_API) -> bytes:
        raw = bytearray(record)
        source = SOURCE_REFERENCE if record[0] in REFERENCE_TYPES else source
        self.last_seq[source] += np.uint64(1)
        self._stamp_ns = max(self._stamp_ns, self.clock.now_ns())
        _SOURCE.pack_into(raw, 3, source)
        _NUMBERS.pack_into(raw, 8, int(self.last_seq[source]), self._stamp_ns)
        return bytes(raw)


def command_fault(record: bytes) -> Refused | None:
    """Why bytes are no command, None when they are one."""
    if not record or record[0] not in COMMANDS | REFERENCE_TYPES:
        return Refused("unknown_type", "send an order, a cancel, an amend, a kill or a reference")
    if len(record) != record_size(record[0]):
        size = record_size(record[0])
        return Refused("truncated", f"the record has {len(record)} bytes, its type takes {size}")
    return None


def reference_seq(records: bytes) -> int:
    """source_seq of the last of reference records; what comes from other sources does not count."""
    offset, last = 0, 0
    while offset < len(records):
        header = HEADER.unpack(records, offset)
        last = header.source_seq if header.source == SOURCE_REFERENCE else last
        offset += record_size(records[offset])
    return last
