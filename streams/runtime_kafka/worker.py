"""A Faust worker: it owns partitions of `sor.inputs`, folds them and publishes what follows.

Faust moves partitions between workers; everything that matters is ours: a shard starts from its
snapshot and reads its partition from the manifest's place on, the committed offset is a hint. A
message is acknowledged after the snapshot that holds it, and a snapshot is written after every
output up to it was confirmed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka.errors import IllegalStateError, KafkaError
from faust.types import TP

from schemas.errors import CorruptLogError
from schemas.topics import INPUTS
from schemas.units import NS_PER_MS, NS_PER_S
from streams.brokers.heap import freeze_heap
from streams.brokers.meters import Ages, IngestFacts, ShardFacts
from streams.brokers.shard_clock import ShardClock
from streams.brokers.shard_fold import Outgoing, ShardFold, WrongEngineError, decides, latched
from streams.brokers.snapshots import FolderStore, SnapshotStore, cut, newest
from streams.clock import SystemClock
from streams.runtime_kafka.config import KafkaConfig
from streams.runtime_kafka.faust_app import make_app
from streams.runtime_kafka.ingest import IngestAgents
from streams.runtime_kafka.store import TopicStore

log = logging.getLogger(__name__)


@dataclass
class OwnedShard:
    """A shard this worker owns: its fold, and what is not yet covered by a snapshot."""

    fold: ShardFold
    next_offset: int
    is_seeking: bool = False
    seen_offset: int = -1
    refused: str = ""
    kill_said: int = 0
    behind_s: float = 0.0
    appended_s: float = 0.0
    ages: Ages = field(default_factory=Ages)
    clock: ShardClock = field(default_factory=ShardClock)
    unacked: list[Any] = field(default_factory=list)
    pending: deque[Awaitable[Any]] = field(default_factory=deque)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Worker:
    """One process of the group; `app` is the Faust app, also for `faust -A`."""

    def __init__(self, config: KafkaConfig, name: str = "worker") -> None:
        self.config, self.name = config, name
        self.shards: dict[int, OwnedShard] = {}
        self.wall = SystemClock()
        self._adopting = asyncio.Lock()
        self._revocations = 0
        self.app = make_app(config, name)
        self.store: SnapshotStore = (
            FolderStore(Path(config.snapshot_folder))
            if config.snapshot_folder
            else TopicStore(config)
        )
        self.inputs = self.app.topic(
            config.name(INPUTS), key_serializer="raw", value_serializer="raw"
        )
        self.app.agent(self.inputs, name="route")(self.route)
        self.ingest = IngestAgents(self.app, config) if config.ingest else None
        self.app.on_partitions_revoked.connect(self._revoked, weak=False)  # type: ignore[arg-type]
        self.app.timer(config.snapshot_s, on_leader=False)(self.snapshot_all)
        self.app.timer(config.stall_s)(self.revive_all)
        if config.timer_ms:
            self.app.timer(config.timer_ms / 1000)(self.tick_all)

    async def route(self, stream: Any) -> None:
        """Folds every message of the partitions that this worker owns."""
        async for event in stream.noack().events():
            await self.take(event)

    async def take(self, event: Any) -> None:
        """One message, in its place; what is behind the snapshot is acknowledged and left."""
        message = event.message
        owned = self.shards.get(message.partition) or await self._adopt(message.partition)
        if owned is None or owned.refused:
            return
        if message.offset < owned.next_offset:
            message.ack(self.app.consumer)
            return
        if message.offset > owned.next_offset:
            await self._go_back(owned)
            return
        owned.is_seeking = False
        await self._fold(owned, message)
        if len(owned.unacked) >= self.config.max_unacked:
            await self.snapshot(owned)

    async def snapshot_all(self) -> None:
        """A snapshot of every shard that has moved."""
        for owned in list(self.shards.values()):
            if owned.unacked:
                await self.snapshot(owned)

    async def snapshot(self, owned: OwnedShard) -> None:
        """Confirms outputs, writes chunks and manifest, then acknowledges what they hold."""
        async with owned.lock:
            covered, owned.unacked = owned.unacked, []
            manifest, state = owned.fold.snapshot()
            await self._confirm(owned, 0)
            await self.store.put(owned.fold.shard, list(cut(manifest, state)))
            for message in covered:
                message.ack(self.app.consumer)

    async def tick_all(self) -> None:
        """A timer input for every shard whose own messages did not move its time."""
        for shard in self._assigned():
            owned = self.shards.get(shard) or await self._adopt(shard)
            if owned and self._is_caught_up(owned) and owned.clock.is_due(owned.fold.counts.inputs):
                await self._tick(owned)

    async def revive_all(self) -> None:
        """Reads a shard from its place again that stands still although its topic has more.

        What was read and lost between broker and agent in a rebalance comes again by this.
        """
        if self.app.rebalancing or not self._assigned():
            return
        try:
            ends = await self.app.consumer.highwaters(*map(self._tp, self._assigned()))
        except KafkaError as error:  # an absent broker has nothing more to read
            log.info("ends of the inputs are not known: %s", error)
            return
        for tp, end in ends.items():
            owned = self.shards.get(tp.partition) or await self._adopt(tp.partition)
            if owned is None or owned.refused:
                continue
            if owned.next_offset == owned.seen_offset < end and tp.partition in self._assigned():
                log.warning("shard %d stands at %d of %d", tp.partition, owned.next_offset, end)
                await self._seek(owned)
            owned.seen_offset = owned.next_offset

    async def _seek(self, owned: OwnedShard) -> None:
        owned.is_seeking = True
        try:
            await self.app.consumer.seek(self._tp(owned.fold.shard), owned.next_offset)
        except IllegalStateError:  # revoked meanwhile
            log.info("shard %d is another worker's", owned.fold.shard)

    def _is_caught_up(self, owned: OwnedShard) -> bool:
        """A shard that still reads what happened needs no time; its numbers are behind the log."""
        end = self.app.consumer.highwater(self._tp(owned.fold.shard))
        return not owned.refused and owned.next_offset >= (end or 0)

    def facts(self) -> list[ShardFacts]:
        """How every owned shard stands."""
        return [self._facts(shard, owned) for shard, owned in sorted(self.shards.items())]

    def ingest_facts(self) -> IngestFacts | None:
        """How its ingest stands."""
        return self.ingest.backlog.facts(len(self.ingest.waiting)) if self.ingest else None

    def _facts(self, shard: int, owned: OwnedShard) -> ShardFacts:
        end = self.app.consumer.highwater(self._tp(shard)) or 0
        counts, behind = owned.fold.counts, max(0, end - owned.next_offset)
        return ShardFacts(
            shard=shard,
            inputs=counts.inputs,
            outputs=counts.outputs,
            dead_letters=counts.dead,
            behind_messages=behind,
            behind_s=owned.behind_s,
            unacknowledged=len(owned.unacked),
            unconfirmed=len(owned.pending),
            is_refused=bool(owned.refused),
            oldest_s=self._age_s(owned.appended_s) if behind and owned.appended_s else 0.0,
            decision_ages=owned.ages,
        )

    async def _tick(self, owned: OwnedShard) -> None:
        await self._send(owned, owned.clock.timer(owned.fold.shard, owned.fold.clock_seq))

    async def _adopt(self, shard: int) -> OwnedShard | None:
        """Starts a shard, and with it every other one that has been assigned: one reading each.

        None if partitions were revoked meanwhile: whose it is now reads it from its snapshot on.
        """
        async with self._adopting:
            if shard not in self.shards:
                missing = sorted({shard, *self._assigned()} - self.shards.keys())
                tps = {each: self._tp(each) for each in missing}
                revocations = self._revocations
                firsts = await self.app.consumer.earliest_offsets(*tps.values())
                loaded = await self.store.load(missing)
                if revocations != self._revocations:
                    return None
                for each, blobs in loaded.items():
                    self.shards[each] = self._begin(each, blobs, firsts[tps[each]])
                freeze_heap()  # what Faust made at its start, and the engines
            return self.shards[shard]

    def _tp(self, shard: int) -> TP:
        return TP(self.config.name(INPUTS), shard)

    def _assigned(self) -> list[int]:
        name = self.config.name(INPUTS)
        return [tp.partition for tp in self.app.consumer.assignment() if tp.topic == name]

    def _begin(self, shard: int, blobs: Mapping[str, bytes], first: int) -> OwnedShard:
        """A shard from its newest whole snapshot, or from nothing."""
        fold, place = ShardFold(shard, self.config.core), 0
        found = newest(blobs)
        if found is not None:
            fold.restore(*found)
            place = int(fold.next_place)
        if first > place:
            raise CorruptLogError(
                f"shard {shard} needs inputs from offset {place}, the topic begins at {first}; "
                "restore a newer snapshot, or raise the retention of the inputs"
            )
        log.info("shard %d from seq %d, offset %d", shard, fold.engine.seq, place)
        return OwnedShard(fold, place)

    async def _go_back(self, owned: OwnedShard) -> None:
        """The committed offset was ahead of the snapshot: reads again from where that ends."""
        if not owned.is_seeking:
            log.info("shard %d reads from offset %d", owned.fold.shard, owned.next_offset)
            await self._seek(owned)

    async def _fold(self, owned: OwnedShard, message: Any) -> None:
        place = (INPUTS, message.partition, message.offset)
        append_ns = round(message.timestamp * 1000) * NS_PER_MS
        try:
            outgoing = owned.fold.fold(message.value or b"", place, append_ns)
        except WrongEngineError as error:
            owned.refused = str(error)
            log.error("%s", error)
            return
        owned.appended_s = message.timestamp
        owned.behind_s = self._age_s(message.timestamp)
        message.value = None  # only its place is still needed
        owned.next_offset = message.offset + 1
        owned.fold.next_place = str(owned.next_offset)
        owned.unacked.append(message)
        for out in outgoing:
            await self._send(owned, out)
        if decides(outgoing):
            owned.ages.take(self._age_s(message.timestamp))
        if owned.fold.kill_seq > owned.kill_said:
            owned.kill_said = owned.fold.kill_seq
            await self._confirm(owned, 0)
            await self._send(owned, latched(owned.fold, self.name))
        if len(owned.pending) > self.config.max_pending:
            await self._confirm(owned, self.config.max_pending // 2)

    def _age_s(self, appended_s: float) -> float:
        return max(0.0, self.wall.now_ns() / NS_PER_S - appended_s)

    async def _send(self, owned: OwnedShard, out: Outgoing) -> None:
        sent = await self.app.producer.send(
            self.config.name(out.topic),
            out.key or None,
            out.value,
            out.shard,
            None,
            list(out.headers),
        )
        owned.pending.append(sent)

    async def _confirm(self, owned: OwnedShard, most: int) -> None:
        """Waits until at most `most` outputs are unconfirmed; a lost one stops the worker."""
        while len(owned.pending) > most:
            await owned.pending.popleft()

    async def _revoked(self, _app: Any, revoked: Any, **_: Any) -> None:
        """What this worker no longer owns is forgotten; the next owner has the log."""
        self._revocations += 1
        for tp in revoked:
            if tp.topic == self.config.name(INPUTS):
                self.shards.pop(tp.partition, None)
