"""Everything a shard's engine remembers, and the one way its outputs are written."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

from aggregates.book import Book
from aggregates.child import Child
from aggregates.order import Order
from aggregates.tables import Tables
from schemas.codes import (
    AlarmKind,
    KillScope,
    MarkoutDrop,
    OutputType,
    Reason,
    TimerKind,
    VenueStatus,
)
from schemas.decisions import ALARM
from schemas.layout import Layout
from schemas.units import INSTRUMENT_NONE, INT64_MAX, VENUE_NONE

OUTPUT_VERSION = 1
COUNTERS = 128
SOURCES = 256
MAX_OPEN_ORDERS = 8192
MAX_ORDERS = 65_536
MAX_IDENTITIES = 1 << 22
MAX_KILLED = 4096
"""Clients, accounts or traders under a kill switch."""

Refused = tuple[Reason, int, int]
"""(reason, deciding value, order id of the first order for a repeat)."""
ACCEPTED: Refused = (Reason.NONE, 0, 0)

GRID_KINDS = (TimerKind.PUBLISH, TimerKind.CONTROL, TimerKind.HEALTH, TimerKind.HALVE)
"""Timers that recur on an absolute grid; the others are in the heap."""
Timer = tuple[int, int, int]
"""(due_ns, TimerKind, id of a child or order)."""
IdentityKey = tuple[bytes, bytes, int]
"""(account, cl_ord_id, dense instrument)."""


@dataclass(slots=True)
class Identity:
    """A remembered ClOrdID: what it asked for and what became of it."""

    digest: int
    transact_ns: int
    order_id: int
    decision_id: int = 0


class Shard:
    """State of one shard. Every container is either ordered by key or only looked up."""

    def __init__(self, shard: int, generation: bytes) -> None:
        self.shard, self.generation = shard, generation
        self.seq = self.log_ns = self.out_seq = 0
        self.reference_version = self.reference_seen = 0
        self.quality_seq = 0
        self.next_child_id = 1
        self.grid_due_ns = [INT64_MAX] * len(GRID_KINDS)
        self.oldest_ns = 0
        self.markouts: dict[int, Any] = {}
        self.next_markout_id = 1
        self.hazards: dict[tuple[int, int], Any] = {}
        self.openings: dict[tuple[int, int], list[Any]] = {}
        self.markout_drops = [0] * (2 * len(MarkoutDrop))
        self.activated = b"\0" * 32
        self.kill_all = False
        self.killed: dict[int, set[bytes]] = {
            KillScope.CLIENT: set(),
            KillScope.ACCOUNT: set(),
            KillScope.TRADER: set(),
            KillScope.SUSPENDED_ACCOUNT: set(),
        }
        self.accounts: dict[bytes, Any] = {}
        self.positions: dict[tuple[bytes, int], Any] = {}
        self.recent: dict[int, int] = {}
        self.copies: dict[tuple[int, int], Any] = {}
        self.compares_copies = False
        self.sent = 0
        self.source_last = [0] * SOURCES
        self.source_gaps = [0] * SOURCES
        self.counters = [0] * COUNTERS
        self.tables = Tables()
        self.books: list[Book] = []
        self.identities: dict[IdentityKey, Identity] = {}
        self.orders: dict[int, Order] = {}
        self.children: dict[int, Child] = {}
        self.timers: list[Timer] = []
        self.open_orders = 0
        self.outputs = bytearray()

    @property
    def active(self) -> bool:
        """Whether this engine generation may trade on this shard."""
        return self.activated == self.generation

    @property
    def may_trade(self) -> bool:
        """Whether children may leave: the right engine, and no reference input missing."""
        return self.active and self.reference_seen == self.reference_version

    def trades(self, book: Book) -> bool:
        """Whether any venue trades the instrument now."""
        return any(
            row.listed and row.status == VenueStatus.OPEN == self.tables.venues[venue].status
            for venue, row in enumerate(book.rows)
        )

    def emit(self, layout: Layout, output: OutputType, instrument: int, /, **values: Any) -> int:
        """Writes one output record; returns its out_seq."""
        return self.emit_long(layout, output, instrument, b"", values)

    def emit_long(
        self,
        layout: Layout,
        output: OutputType,
        instrument: int,
        tail: bytes,
        values: dict[str, Any],
    ) -> int:
        """Writes one output record with a variable tail; returns its out_seq."""
        self.out_seq += 1
        self.outputs += layout.pack(
            size=layout.size + len(tail),
            type=output,
            version=OUTPUT_VERSION,
            shard=self.shard,
            instrument=instrument,
            out_seq=self.out_seq,
            seq=self.seq,
            log_ns=self.log_ns,
            **values,
        )
        self.outputs += tail
        return self.out_seq

    def alarm(
        self,
        kind: AlarmKind,
        value: int,
        *,
        instrument: int = INSTRUMENT_NONE,
        venue: int = VENUE_NONE,
        **values: Any,
    ) -> None:
        """Says that a person must look."""
        self.emit(
            ALARM, OutputType.ALARM, instrument, kind=kind, value=value, venue=venue, **values
        )

    def schedule(self, due_ns: int, kind: int, subject: int) -> None:
        """Adds a timer; a stale one is ignored by whoever it was for."""
        heapq.heappush(self.timers, (due_ns, int(kind), subject))
