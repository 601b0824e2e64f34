"""Takes changes of reference data to every shard; each worker runs one, all do the same.

Which version a change gets follows from the topic of changes, so two workers that broadcast the
same change write the same bytes and each shard drops the second. `sor.reference` is written last:
what it names is in every shard already, so only then may messages that need it be let in.
"""

from __future__ import annotations

import asyncio

from schemas.topic_envelope import EnvelopeError, open_envelope
from schemas.topics import REFERENCE, REFERENCE_CHANGES
from streams.brokers.ingest import Ingest
from streams.brokers.link import BEGINNING, Link, Said
from streams.brokers.reference_changes import ReferenceChanges


class Broadcaster:
    """`is_ready` once everything that was changed so far is known to every shard and `ingest`."""

    def __init__(self, link: Link, ingest: Ingest) -> None:
        self.link, self.ingest = link, ingest
        self.changes = ReferenceChanges(link.shards)
        self.is_ready = asyncio.Event()
        self._done = 0

    async def run(self) -> None:
        """Works until cancelled."""
        places = {(REFERENCE, 0): BEGINNING, (REFERENCE_CHANGES, 0): BEGINNING}
        try:
            for topic, partition in places:
                for said in await self.link.history(topic):
                    await self._take(said)
                    places[topic, partition] = said.place
            self.is_ready.set()
            async for said in self.link.follow(places):
                await self._take(said)
        finally:
            await self.link.close()

    async def _take(self, said: Said) -> None:
        if said.topic == REFERENCE:
            self._learn(said.value)
        else:
            await self._change(said.value)

    def _learn(self, raw: bytes) -> None:
        try:
            mark = open_envelope(raw, REFERENCE)
        except EnvelopeError:
            return  # nobody but us writes there; what is no mark names nothing
        self.ingest.learn(bytes(mark.payload))
        self._done = max(self._done, mark.causation)

    async def _change(self, raw: bytes) -> None:
        """Broadcasts a change that no mark names yet: every shard has it before its mark."""
        *parts, mark = self.changes.take(raw)
        if self.changes.count <= self._done:
            return
        for out in parts:
            await self.link.send(out)
        await self.link.flush()
        await self.link.send(mark)
        await self.link.flush()
        self._learn(mark.value)
