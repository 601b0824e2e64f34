"""Copies topics from one broker to another, and decisions as JSON beside them.

A copy keeps its envelope and `out_seq`; towards Pulsar that is the sequence id, so a mirror that
was killed repeats what it is unsure of and the broker drops it. Towards Kafka readers drop it. The
places in the file are a hint: behind them nothing is missing.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path

import msgspec

from schemas.events import SmartRoutingDecisionEvent
from schemas.json_decisions import decision_json
from schemas.topic_envelope import EnvelopeError, open_envelope
from schemas.topics import CONTRACT_OUT, DECISIONS, DECISIONS_JSON
from schemas.wire import decode_output
from streams.brokers.connect import connect
from streams.brokers.link import BEGINNING, Link, Partition, Said
from streams.brokers.shard_fold import Outgoing
from streams.config.service import ServiceConfig

KEEP_S = 2.0
NAME = "mirror"


class Mirror:
    """One process; a second one of the same name is fenced off by the broker."""

    def __init__(self, settings: ServiceConfig, source: Link, target: Link) -> None:
        self.settings, self.source, self.target = settings.mirror, source, target
        self.file = Path(self.settings.data) / "places.json"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.places: dict[Partition, str] = {}
        self.copied = 0

    async def run(self) -> None:
        """Works until cancelled."""
        await self.target.create()
        self._load()
        keeping = asyncio.create_task(self._keep())
        try:
            async with aclosing(self._messages()) as messages:
                async for said in messages:
                    for out in self._copies(said):
                        await self.target.send(out)
                    self.places[said.topic, said.partition] = said.place
                    self.copied += 1
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await self.save()
            await self.target.close()
            await self.source.close()

    async def save(self) -> None:
        """Notes how far everything has arrived."""
        places = {f"{topic}/{part}": at for (topic, part), at in self.places.items()}
        await self.target.flush()
        draft = self.file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(places))
        draft.replace(self.file)

    def _messages(self) -> AsyncGenerator[Said]:
        topics = [topic for topic in CONTRACT_OUT if self._wants(topic)]
        every = [(topic, shard) for topic in topics for shard in range(self.source.shards)]
        return self.source.follow({place: self.places.get(place, BEGINNING) for place in every})

    def _wants(self, topic: str) -> bool:
        return topic in self.settings.topics or (topic == DECISIONS and self.settings.json)

    def _copies(self, said: Said) -> list[Outgoing]:
        """What one message becomes; one that is no output of ours is nobody's to copy."""
        try:
            envelope = open_envelope(said.value, said.topic)
        except EnvelopeError:
            return []
        shard, number, found = envelope.shard, envelope.id, []
        if said.topic in self.settings.topics:
            found.append(Outgoing(said.topic, shard, number, said.key, said.value))
        if self.settings.json and said.topic == DECISIONS:
            event = decode_output(envelope.payload)
            if isinstance(event, SmartRoutingDecisionEvent):
                raw = decision_json(event)
                found.append(Outgoing(DECISIONS_JSON, shard, number, said.key, raw))
        return found

    def _load(self) -> None:
        if self.file.exists():
            for name, at in msgspec.json.decode(self.file.read_bytes()).items():
                topic, _, partition = name.rpartition("/")
                self.places[topic, int(partition)] = at

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_S)
            await self.save()


async def work(settings: ServiceConfig) -> None:
    """Until SIGINT or SIGTERM; an error of a broker ends it."""
    source = connect(settings, settings.mirror.source)
    target = connect(settings, settings.mirror.target, NAME)
    running = asyncio.ensure_future(Mirror(settings, source, target).run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    await running


def serve(settings: ServiceConfig) -> int:
    """The command's work."""
    with suppress(asyncio.CancelledError):
        asyncio.run(work(settings))
    return 0
