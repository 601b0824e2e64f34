"""What ingest does when it is behind: old quotes give way to newer ones, old orders are refused.

Only the top of a book on its own is conflated, only by the policy in the log (`conflate_ms` of
SETTINGS), and only while nothing else of its partition came in between: trades, orders and deeper
levels keep their place among quotes. What is left out is a gap in the partition's source, which
every shard counts and alarms. An order that waited longer than `shed_after_s` goes into the log
with its flag, so the shard refuses it once and for all, however often ingest reads it again.
Cancels, kills and reports are never refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from schemas.codes import InputType
from schemas.envelope import HEADER
from schemas.orders import SHED
from streams.brokers.ingest import Ingest
from streams.brokers.meters import IngestFacts
from streams.brokers.shard_fold import Outgoing

HOLD_S = 0.05
"""A quote is held back no longer than this for a newer one."""
_REFUSABLE = (InputType.NEW_ORDER, InputType.AMEND_ORDER)
_FLAGS_AT = 1

Due = tuple[Any, list[Outgoing]]
"""(message, what it became): it is done with when the broker has these."""


@dataclass
class BacklogCounts:
    """What ingest has done, for its metrics."""

    messages: int = 0
    conflated: int = 0
    refused: int = 0
    dead_letters: int = 0
    behind_s: float = 0.0


@dataclass
class Backlog:
    """In front of `ingest`; messages of a partition come in their order, with their age."""

    ingest: Ingest
    shed_after_s: float = 0.0
    counts: BacklogCounts = field(default_factory=BacklogCounts)
    _held: dict[tuple[str, int], dict[tuple[int, int], tuple[Any, int, bytes]]] = field(
        default_factory=dict
    )

    def facts(self, waiting: int) -> IngestFacts:
        """For the metrics."""
        return IngestFacts(waiting=waiting + self.held, **asdict(self.counts))

    @property
    def held(self) -> int:
        """Quotes that wait for a newer one."""
        return sum(len(found) for found in self._held.values())

    def take(
        self, place: tuple[str, int, int], raw: bytes, age_s: float, message: Any
    ) -> Iterator[Due]:
        """One message at (topic, partition, number): what is due now, older ones first."""
        topic, partition, number = place
        self.counts.messages += 1
        self.counts.behind_s = age_s
        record = self.ingest.record_of(topic, partition, number, raw)
        if isinstance(record, Outgoing):
            self.counts.dead_letters += 1
            yield message, [record]
            return
        if self._is_old_top(record, age_s):
            head = HEADER.unpack(record)
            held, key = self._held.setdefault((topic, partition), {}), (head.instrument, head.venue)
            known = held.pop(key, None)  # the newer one is behind all others
            held[key] = message, number, record
            if known is not None:
                self.counts.conflated += 1
                yield known[0], []
            return
        yield from self.release((topic, partition))
        if record[0] in _REFUSABLE and 0 < self.shed_after_s < age_s:
            self.counts.refused += 1
            record = record[:_FLAGS_AT] + bytes([SHED]) + record[_FLAGS_AT + 1 :]
        yield message, self.ingest.frames_of(record, number)

    def release(self, where: tuple[str, int] | None = None) -> Iterator[Due]:
        """Quotes that were held, of one (topic, partition) or of all, in their order."""
        for each in [where] if where else list(self._held):
            for message, number, record in self._held.pop(each, {}).values():
                yield message, self.ingest.frames_of(record, number)

    def _is_old_top(self, record: bytes, age_s: float) -> bool:
        limit_s = self.ingest.conflate_ms / 1000
        return record[0] == InputType.QUOTE and not record[_FLAGS_AT] and 0 < limit_s < age_s
