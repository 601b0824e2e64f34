"""The engine alone: folding ticks, and deciding between folds that disturb the caches."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from aggregates.kernel import Engine
from schemas.codes import ExecType, InputType, Liquidity, OutputType
from schemas.decisions import CHILD
from schemas.errors import InvariantError
from schemas.reports import EXEC_REPORT
from schemas.units import NS_PER_MS, NS_PER_US
from schemas.wire import iter_raw_outputs
from streams.cli.benchmarks.timing import Result, from_samples
from streams.cli.benchmarks.world import START_NS, TAKE_FEES, World

TICKS_A_PIECE = 200_000
SOURCE_REPORTS = 220
DISTURBING_TICKS = 64
OTHER_INSTRUMENTS = 499
BLOCK = 10_000


def fold(instruments: int, venues: int, is_full: bool) -> Result:
    """ns a tick; samples are means over pieces of 200,000 ticks."""
    world = World(instruments, venues)
    engine, last_seq = world.engine(), np.zeros(256, dtype=np.uint64)
    now_ns = START_NS + NS_PER_MS
    engine.step(world.books(now_ns, last_seq).tobytes())
    samples = []
    pieces = 50 if is_full else 10
    for _ in range(pieces):
        batch = world.ticks(TICKS_A_PIECE, now_ns, last_seq)
        now_ns = int(batch["log_ns"][-1])
        raw = batch.tobytes()
        started_ns = time.perf_counter_ns()
        consumed, _ = engine.step(raw)
        samples.append((time.perf_counter_ns() - started_ns) / TICKS_A_PIECE)
        require(consumed == len(raw), "every tick is folded")
    name = f"fold.{instruments}x{venues}"
    return from_samples(name, "ns/tick", samples, n=pieces * TICKS_A_PIECE)


class DecideBench:
    """Times one NEW_ORDER at a time from Python, its full record included.

    Between two orders, untimed: ticks all over 500 instruments, and an answer to every child.
    """

    def __init__(self, venues: int, ticket_nanos: int = 0) -> None:
        self.world = World(1 + OTHER_INSTRUMENTS, venues, ticket_nanos=ticket_nanos)
        self.engine: Engine = self.world.engine()
        self.last_seq = np.zeros(256, dtype=np.uint64)
        self.now_ns = START_NS + NS_PER_MS
        self.reports = 0
        self.engine.step(self.world.books(self.now_ns, self.last_seq).tobytes())
        self.samples: list[float] = []
        self.record_bytes = 0

    def run(self, count: int) -> Result:
        """us a decision."""
        for first in range(0, count, BLOCK):
            self._block(first, min(BLOCK, count - first))
        suffix = ".fixed_cost" if self.world.ticket_nanos else ""
        return from_samples(f"decide.{self.world.venues}{suffix}", "us", self.samples)

    def _block(self, first: int, count: int) -> None:
        orders = self.world.orders(count, first)
        ticks = self.world.ticks(count * DISTURBING_TICKS, self.now_ns, self.last_seq)
        span_ns = DISTURBING_TICKS * NS_PER_US
        for name in ("log_ns", "transact_ns", "receive_ns"):
            orders[name] = self.now_ns + (1 + np.arange(count)) * span_ns
        raw_orders, raw_ticks = orders.tobytes(), ticks.tobytes()
        order_size, tick_size = orders.itemsize, ticks.itemsize * DISTURBING_TICKS
        for n in range(count):
            self.engine.step(raw_ticks[n * tick_size : (n + 1) * tick_size])
            order = raw_orders[n * order_size : (n + 1) * order_size]
            started_ns = time.perf_counter_ns()
            _, outputs = self.engine.step(order)
            self.samples.append((time.perf_counter_ns() - started_ns) / 1000)
            self._answer(outputs)
        self.now_ns = int(ticks["log_ns"][-1])

    def _answer(self, outputs: bytes) -> None:
        """The venues answer every child, so that orders end."""
        answers: list[bytes] = []
        for kind, raw in iter_raw_outputs(outputs):
            if kind == OutputType.DECISION:
                (self.record_bytes,) = struct.unpack_from("<I", raw)
            elif kind == OutputType.CHILD:
                answers.extend(self._reports(CHILD.unpack(raw)))
        require(bool(answers), "every order sends children")
        self.engine.step(b"".join(answers))

    def _reports(self, child: Any) -> Iterator[bytes]:
        """As venues usually answer: five of eight are filled, two by half, one finds nothing."""
        turn = child.child_id % 8
        filled = child.units if turn < 5 else child.units // 2 if turn < 7 else 0
        if filled:
            yield self._report(
                child,
                trade_id=child.child_id,
                last_nanos=child.limit_nanos,
                last_units=filled,
                cum_units=filled,
                leaves_units=child.units - filled,
                fee_nanos=TAKE_FEES[child.venue % len(TAKE_FEES)] * filled,
                exec_type=int(ExecType.TRADE),
                liquidity=int(Liquidity.TAKE),
            )
        if filled < child.units:
            yield self._report(child, cum_units=filled, exec_type=int(ExecType.CANCELED))

    def _report(self, child: Any, **fields: int) -> bytes:
        self.reports += 1
        return EXEC_REPORT.pack(
            type=int(InputType.EXEC_REPORT),
            venue=child.venue,
            source=SOURCE_REPORTS,
            instrument=child.instrument,
            source_seq=self.reports,
            log_ns=self.engine.log_ns,
            child_id=child.child_id,
            **fields,
        )


def decide(venues: int, is_full: bool, ticket_nanos: int = 0) -> Result:
    """Service time of a decision over `venues` venues and 5 levels; with a ticket it searches."""
    return DecideBench(venues, ticket_nanos).run(200_000 if is_full else 20_000)


def require(holds: bool, what: str) -> None:
    """A benchmark that measures nothing is a bug."""
    if not holds:
        raise InvariantError(f"benchmark: {what}")
