"""The API's own tail of the output log: what is shown live, and who waits for it.

The hub keeps the newest outputs in a ring, so that a client who lost his connection can go on, and
a bounded queue a client. A client who is too slow loses events and is told how many: a gap marker
stands where they would have been. Nothing here asks a database.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from projections.api.live import ALL_TOPICS, Run, Shown, Wants
from projections.views.batch import OutputBatch

RING = 32_768
"""Outputs that are kept, a run more or less."""
QUEUE = 1_024
EVERYTHING = Wants(ALL_TOPICS)


@dataclass(eq=False)
class Client:
    """One stream; `lost` counts what did not fit since the last gap marker."""

    wants: Wants
    queue: deque[Shown] = field(default_factory=deque)
    lost: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, events: list[Shown]) -> None:
        """Queues events, and counts those that are lost."""
        room = max(0, QUEUE - len(self.queue))
        self.queue.extend(events[:room])
        self.lost += len(events[room:])
        if events:
            self.wake.set()

    async def rest(self, seconds: float) -> bool:
        """Whether something came meanwhile."""
        self.wake.clear()
        try:
            async with asyncio.timeout(seconds):  # no task of its own, as `wait_for` makes one
                await self.wake.wait()
        except TimeoutError:
            return False
        return True


class Hub:
    """Newest outputs, clients and waiters of all shards."""

    def __init__(self) -> None:
        self.ring: deque[Run] = deque()
        self.clients: set[Client] = set()
        self._sharing: dict[Wants, set[Client]] = {}
        self.waiters: dict[tuple[int, int], asyncio.Event] = {}
        self.watched = asyncio.Event()
        self.last_ns = self.out_seq = self.events = self.lost = self._kept = 0

    @property
    def is_watched(self) -> bool:
        """Whether anybody waits for what comes next; `watched` is set when the first one does."""
        return bool(self.clients or self.waiters)

    def take(self, batch: OutputBatch) -> None:
        """Takes over a run of outputs."""
        run = Run(batch)
        self.last_ns, self.out_seq = batch.last_ns, batch.last_out_seq
        self.events += int(np.count_nonzero(EVERYTHING.types[batch.type]))
        self.ring.append(run)
        self._kept += len(run)
        while self._kept - len(self.ring[0]) >= RING:
            self._kept -= len(self.ring.popleft())
        self._tell(run)
        for wants, clients in self._sharing.items():
            if events := list(run.wanted(wants)):
                for client in clients:
                    client.offer(events)

    async def answer(self, shard: int, position: int, wait_s: float) -> dict[str, Any] | None:
        """What became of the order at a position: its newest output, None when there is none."""
        found = self._answer(shard, position)
        if found is not None or wait_s <= 0:
            return found
        key = (shard, position)
        event = self.waiters.setdefault(key, asyncio.Event())
        self.watched.set()
        try:
            await asyncio.wait_for(event.wait(), wait_s)
        except TimeoutError:
            return None
        finally:
            self.waiters.pop(key, None)
        return self._answer(shard, position)

    def open(self, wants: Wants, after: int | None) -> Client:
        """A new client; with `after` it first gets what the ring holds behind that out_seq."""
        client = Client(wants)
        if after is not None:
            oldest = self.ring[0].batch.first_out_seq if self.ring else self.out_seq + 1
            client.lost = max(0, oldest - after - 1)
            for run in self.ring:
                if run.batch.last_out_seq > after:
                    client.offer(list(run.wanted(wants, after)))
        self.clients.add(client)
        self._sharing.setdefault(wants, set()).add(client)
        self.watched.set()
        return client

    def close(self, client: Client) -> None:
        """Forgets a client."""
        self.clients.discard(client)
        sharing = self._sharing.get(client.wants, set())
        sharing.discard(client)
        if not sharing:
            self._sharing.pop(client.wants, None)
        self.lost += client.lost

    def _answer(self, shard: int, position: int) -> dict[str, Any] | None:
        """The first decision or refusal of an input, and the newest state of its order.

        Outputs are in the order of their inputs: what an input led to is behind its position.
        """
        found: dict[str, Any] | None = None
        state: dict[str, Any] = {}
        for run in reversed(self.ring):
            if run.shard != shard:
                continue
            if run.batch.last_seq < position:
                break
            found = run.first_answer(position) or found
            state = state or run.last_state(position)
        return None if found is None else {**found, **state}

    def _tell(self, run: Run) -> None:
        """Wakes those who wait for an answer that a run has."""
        for (shard, position), event in self.waiters.items():
            is_behind = run.shard == shard and run.batch.last_seq >= position
            if is_behind and run.first_answer(position) is not None:
                event.set()
