"""The API's own tail of the output log: what is shown live, and who waits for it.

The hub keeps the newest events in a ring, so that a client who lost his connection can go on, and a
bounded queue a client. A client who is too slow loses events and is told how many: a gap marker
stands where they would have been. Nothing here asks a database.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct
from typing import Any

from schemas.codes import OrderState, OutputType, Reason
from schemas.decisions import DECISION, ORDER_STATE, REFUSAL
from schemas.envelope import OUT_HEADER
from schemas.events import Event
from schemas.wire import code_name, decode_output, iter_raw_outputs

RING = 8_192
QUEUE = 1_024
KEPT_ANSWERS = 4_096
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


ORDER_ID = Struct("<Q")
DECISION_ORDER_AT, STATE_ORDER_AT = (r.offsets()["order_id"][0] for r in (DECISION, ORDER_STATE))


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


@dataclass(eq=False)
class Client:
    """One stream; `lost` counts what did not fit since the last gap marker."""

    wants: Callable[[Shown], bool]
    queue: deque[Shown] = field(default_factory=deque)
    lost: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, shown: Shown) -> None:
        """Queues an event, or counts it as lost."""
        if len(self.queue) >= QUEUE:
            self.lost += 1
            return
        self.queue.append(shown)
        self.wake.set()


class Hub:
    """Newest events, clients and waiters of all shards."""

    def __init__(self) -> None:
        self.ring: deque[Shown] = deque(maxlen=RING)
        self.clients: set[Client] = set()
        self.answers: OrderedDict[tuple[int, int], dict[str, Any]] = OrderedDict()
        self.waiters: dict[tuple[int, int], asyncio.Event] = {}
        self.last_ns = self.out_seq = self.events = self.lost = 0

    def take(self, shard: int, payload: Any) -> None:
        """Takes over a run of output records."""
        for kind, view in iter_raw_outputs(payload):
            header = OUT_HEADER.unpack(view)
            self.last_ns, self.out_seq = header.log_ns, header.out_seq
            if kind not in TOPICS:
                continue
            self.events += 1
            topic = TOPICS[OutputType(kind)]
            raw, place = bytes(view), (header.instrument, header.out_seq, header.log_ns)
            shown = Shown(raw, topic, shard, *place)
            self._note_answer(kind, shown)
            self.ring.append(shown)
            for client in self.clients:
                if client.wants(shown):
                    client.offer(shown)

    async def answer(self, shard: int, position: int, wait_s: float) -> dict[str, Any] | None:
        """What became of the order at a position: its newest output, None when there is none."""
        key = (shard, position)
        if key not in self.answers and wait_s > 0:
            event = self.waiters.setdefault(key, asyncio.Event())
            try:
                await asyncio.wait_for(event.wait(), wait_s)
            except TimeoutError:
                return None
            finally:
                self.waiters.pop(key, None)
        return self.answers.get(key)

    def open(self, wants: Callable[[Shown], bool], after: int | None) -> Client:
        """A new client; with `after` it first gets what the ring holds behind that out_seq."""
        client = Client(wants)
        if after is not None:
            oldest = self.ring[0].out_seq if self.ring else self.out_seq + 1
            client.lost = max(0, oldest - after - 1)
            for shown in self.ring:
                if shown.out_seq > after and wants(shown):
                    client.offer(shown)
        self.clients.add(client)
        return client

    def close(self, client: Client) -> None:
        """Forgets a client."""
        self.clients.discard(client)
        self.lost += client.lost

    def _note_answer(self, kind: int, shown: Shown) -> None:
        """Keeps the first decision or refusal of an order, by its position."""
        if kind == OutputType.DECISION:
            order_id = ORDER_ID.unpack_from(shown.raw, DECISION_ORDER_AT)[0]
            answer = {"decision_id": shown.out_seq, "outcome": "decided"}
            self._answer((shown.shard, order_id), answer)
        elif kind == OutputType.REFUSAL:
            record = REFUSAL.unpack(shown.raw)
            reason = code_name(Reason, record.reason)
            answer = {"outcome": "refused", "reason": reason}
            self._answer((shown.shard, record.seq), answer)
        elif kind == OutputType.ORDER_STATE:
            order_id = ORDER_ID.unpack_from(shown.raw, STATE_ORDER_AT)[0]
            known = self.answers.get((shown.shard, order_id))
            if known is not None:
                known.update(told_state(ORDER_STATE.unpack(shown.raw)))

    def _answer(self, key: tuple[int, int], answer: dict[str, Any]) -> None:
        self.answers.setdefault(key, answer)
        if len(self.answers) > KEPT_ANSWERS:
            self.answers.popitem(last=False)
        waiter = self.waiters.get(key)
        if waiter is not None:
            waiter.set()


def told_state(record: Any) -> dict[str, Any]:
    """What an ORDER_STATE adds to an order's answer."""
    return {
        "state": code_name(OrderState, record.state),
        "reason": code_name(Reason, record.reason),
        "cum_units": record.cum_units,
    }
