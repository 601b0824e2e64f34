"""Outputs as they come from the log: a run of them is arrays, one is decoded when it is wanted.

The tail brings far more than anybody asks for, in the thread that answers requests, so nothing here
is done record by record until somebody wants that record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from projections.views.arrays import Array
from projections.views.batch import OutputBatch, Records
from schemas.codes import OrderState, OutputType, Reason
from schemas.events import Event
from schemas.wire import code_name, decode_output

TOPICS = {
    OutputType.DECISION: "decision",
    OutputType.ORDER_STATE: "order",
    OutputType.CHILD_STATE: "child",
    OutputType.CANCEL_CHILD: "request",
    OutputType.STATUS_REQUEST: "request",
    OutputType.REPLACE_CHILD: "request",
    OutputType.BREAK: "break",
    OutputType.POSITION: "position",
    OutputType.REFUSAL: "refusal",
    OutputType.ALARM: "alarm",
    OutputType.QUALITY: "quality",
    OutputType.EXECUTION_QUALITY: "execution_quality",
    OutputType.VENUE_QUALITY: "health",
}
ALL_TOPICS = frozenset(TOPICS.values())


@dataclass(frozen=True, slots=True)
class Shown:
    """An output as the stream shows it; decoded once, when somebody first wants it."""

    raw: bytes
    topic: str
    shard: int
    instrument: int
    out_seq: int
    log_ns: int
    cache: list[Any] = field(default_factory=list)

    @property
    def event(self) -> Event:
        """The decoded output."""
        if not self.cache:
            self.cache.append(decode_output(self.raw))
        found: Event = self.cache[0]
        return found


@dataclass(frozen=True)
class Wants:
    """What a stream is asked for; dense ids, None for all. Clients that want the same share it."""

    topics: frozenset[str] = ALL_TOPICS
    instrument: int | None = None
    venue: int | None = None

    @cached_property
    def types(self) -> Array:
        """Whether a type of output is among the topics, shape (256,)."""
        found = np.zeros(256, dtype=bool)
        found[[int(kind) for kind, topic in TOPICS.items() if topic in self.topics]] = True
        return found


class Run:
    """Consecutive outputs of a shard."""

    def __init__(self, batch: OutputBatch) -> None:
        self.batch, self.shard = batch, batch.shard
        self._shown: dict[int, Shown] = {}

    def __len__(self) -> int:
        return len(self.batch)

    def wanted(self, wants: Wants, after: int = 0) -> Iterator[Shown]:
        """What a client wants of it, behind an out_seq."""
        chosen = wants.types[self.batch.type]
        if wants.instrument is not None:
            chosen &= self.batch.head["instrument"] == wants.instrument
        if after >= self.batch.first_out_seq:
            chosen &= self.batch.head["out_seq"] > after
        for row in np.flatnonzero(chosen).tolist():
            shown = self.shown(row)
            if wants.venue is None or touches(shown, wants.venue):
                yield shown

    def shown(self, row: int) -> Shown:
        """One output, the same object for everybody."""
        if row not in self._shown:
            head = self.batch.head[row]
            place = int(head["instrument"]), int(head["out_seq"]), int(head["log_ns"])
            topic = TOPICS[OutputType(int(self.batch.type[row]))]
            self._shown[row] = Shown(self.batch.raw(row), topic, self.shard, *place)
        return self._shown[row]

    def first_answer(self, position: int) -> dict[str, Any] | None:
        """The first decision or refusal of the input at a position; None where there is none."""
        if position in self._decided:
            return {"decision_id": self._decided[position], "outcome": "decided"}
        if position in self._refused:
            reason = code_name(Reason, self._refused[position])
            return {"outcome": "refused", "reason": reason}
        return None

    def last_state(self, order_id: int) -> dict[str, Any]:
        """What the last ORDER_STATE of an order adds to its answer."""
        row = self._states.get(order_id)
        if row is None:
            return {}
        record = self._records(OutputType.ORDER_STATE).fields[row]
        return {
            "state": code_name(OrderState, int(record["state"])),
            "reason": code_name(Reason, int(record["reason"])),
            "cum_units": int(record["cum_units"]),
        }

    @cached_property
    def _decided(self) -> dict[int, int]:
        """Order id -> its first decision."""
        made = self._records(OutputType.DECISION)
        return dict(zip(*(made[n].tolist()[::-1] for n in ("order_id", "out_seq")), strict=True))

    @cached_property
    def _refused(self) -> dict[int, int]:
        """Position of an input -> the first reason why it was refused."""
        refused = self._records(OutputType.REFUSAL)
        return dict(zip(*(refused[n].tolist()[::-1] for n in ("seq", "reason")), strict=True))

    @cached_property
    def _states(self) -> dict[int, int]:
        """Order id -> which of the ORDER_STATE records is its last."""
        told = self._records(OutputType.ORDER_STATE)["order_id"].tolist()
        return {order_id: row for row, order_id in enumerate(told)}

    def _records(self, kind: OutputType) -> Records:
        return self.batch.records(kind)


def touches(shown: Shown, venue: int) -> bool:
    """Whether an event is about a venue; a decision is about those that got a child."""
    event = shown.event
    if shown.topic == "decision":
        return any(child.venue == venue for child in event.children)  # type: ignore[union-attr]
    return getattr(event, "venue", None) == venue
