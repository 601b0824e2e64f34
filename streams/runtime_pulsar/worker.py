"""A Pulsar worker: one failover consumer for each partition of `sor.inputs`.

The broker makes one consumer of a partition active and tells it nothing, so a shard's state is
loaded when its first message comes, and looked at again whenever a message is not the next one: a
shard may have been elsewhere in between. Acknowledgement is cumulative and after a snapshot, so
what was acknowledged is always inside the newest snapshot.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulsar
from pulsar.asyncio import Client, Consumer

from schemas.topics import INPUTS
from schemas.units import NS_PER_MS, NS_PER_S
from streams.brokers.meters import Ages, IngestFacts, ShardFacts
from streams.brokers.shard_clock import ShardClock
from streams.brokers.shard_fold import ShardFold, WrongEngineError, decides, latched
from streams.brokers.snapshots import FolderStore, SnapshotStore, cut, newest
from streams.clock import SystemClock
from streams.runtime_pulsar.arrivals import Arrivals
from streams.runtime_pulsar.config import PulsarConfig
from streams.runtime_pulsar.ingest import PulsarIngest
from streams.runtime_pulsar.outputs import Publisher
from streams.runtime_pulsar.store import TopicStore

log = logging.getLogger(__name__)

Place = tuple[int, int, int]
"""(ledger, entry, place in its batch) of a message."""
NOWHERE: Place = (-1, -1, -1)


def place_of(message_id: Any) -> Place:
    """Where a message is; places of a partition are ordered."""
    return message_id.ledger_id(), message_id.entry_id(), message_id.batch_index()


@dataclass
class OwnedShard:
    """A shard as this worker last had it."""

    fold: ShardFold
    place: Place = NOWHERE
    unacked: int = 0
    kill_said: int = 0
    behind_s: float = 0.0
    ages: Ages = field(default_factory=Ages)
    clock: ShardClock = field(default_factory=ShardClock)

    def is_next(self, place: Place) -> bool:
        """Whether `place` surely follows the last message folded."""
        ledger, entry, index = self.place
        return place in {
            (ledger, entry + 1, -1),
            (ledger, entry, index + 1),
            (ledger, entry + 1, 0),
        }


class Worker:
    """One process; it may own any shard."""

    def __init__(self, config: PulsarConfig, name: str = "worker") -> None:
        self.config, self.name = config, name
        self.wall = SystemClock()
        self.client = Client(config.url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Warn))
        folder = config.snapshot_folder
        self.store: SnapshotStore = (
            FolderStore(Path(folder)) if folder else TopicStore(config, self.client)
        )

        self.ingest = PulsarIngest(self.client, config, name) if config.ingest else None
        self.consumers = [ShardConsumer(self, shard) for shard in range(config.shards)]

    def facts(self) -> list[ShardFacts]:
        """How every shard stands that this worker has folded."""
        return [each.facts() for each in self.consumers if each.owned is not None]

    def ingest_facts(self) -> IngestFacts | None:
        """How its ingest stands."""
        return self.ingest.backlog.facts(self.ingest.waiting) if self.ingest else None

    async def run(self) -> None:
        """Works until cancelled; the first shard that fails ends the worker."""
        try:
            async with asyncio.TaskGroup() as group:
                for consumer in self.consumers:
                    group.create_task(consumer.run())
                if self.ingest is not None:
                    group.create_task(self.ingest.run())
        finally:
            await self.client.close()


class ShardConsumer:
    """The consumer of one partition and what it owns."""

    def __init__(self, worker: Worker, shard: int) -> None:
        self.worker, self.config, self.shard = worker, worker.config, shard
        self.owned: OwnedShard | None = None
        self.publisher = Publisher(worker.config, worker.client, shard)
        self.last_id: Any = None
        self.is_refused = False

    def facts(self) -> ShardFacts:
        """How the shard stands."""
        owned = self.owned or OwnedShard(ShardFold(self.shard))
        counts = owned.fold.counts
        return ShardFacts(
            shard=self.shard,
            inputs=counts.inputs,
            outputs=counts.outputs,
            dead_letters=counts.dead,
            behind_messages=0,
            behind_s=owned.behind_s,
            unacknowledged=owned.unacked,
            unconfirmed=len(self.publisher.pending),
            is_refused=self.is_refused,
            decision_ages=owned.ages,
        )

    async def run(self) -> None:
        """Folds what the broker gives while this consumer is the active one."""
        consumer = await self.worker.client.subscribe(
            self.config.name(INPUTS, self.shard),
            self.config.subscription,
            consumer_type=pulsar.ConsumerType.Failover,
            consumer_name=f"{self.worker.name}-{self.shard}",
            initial_position=pulsar.InitialPosition.Earliest,
        )
        arrivals = Arrivals(consumer)
        try:
            await self._work(consumer, arrivals)
        finally:
            await arrivals.close()
            await self.publisher.close()
            await consumer.close()

    async def _work(self, consumer: Consumer, arrivals: Arrivals) -> None:
        snapshot_at = self._now() + self.config.snapshot_s
        pause_s = self.config.timer_ms / 1000 or self.config.snapshot_s
        while True:
            message = await arrivals.next(min(pause_s, self.config.snapshot_s))
            if message is not None:
                await self.take(message)
            elif self.config.timer_ms and self.owned is not None:
                await self._tick(self.owned)
            full = self.owned is not None and self.owned.unacked >= self.config.max_unacked
            if full or self._now() >= snapshot_at:
                snapshot_at = self._now() + self.config.snapshot_s
                await self.snapshot(consumer)

    async def take(self, message: Any) -> None:
        """One message in its place."""
        place = place_of(message.message_id())
        owned = self.owned
        if owned is None or not owned.is_next(place):
            owned = await self._look_again(owned)
        if place <= owned.place:
            return
        fold, where = owned.fold, (INPUTS, self.shard, place[1])
        append_ns = message.publish_timestamp() * NS_PER_MS
        try:
            outgoing = fold.fold(message.data(), where, append_ns)
        except WrongEngineError as error:
            log.error("%s", error)
            self.is_refused = True
            await asyncio.Event().wait()  # refused for good: nothing more is read or acknowledged
            return
        owned.place, self.last_id = place, message.message_id()
        owned.unacked += 1
        owned.behind_s = self._age_s(append_ns)
        for out in outgoing:
            await self.publisher.send(out)
        if decides(outgoing):
            owned.ages.take(self._age_s(append_ns))
        if fold.kill_seq > owned.kill_said:
            owned.kill_said = fold.kill_seq
            await self.publisher.confirm()
            await self.publisher.send(latched(fold, self.worker.name))
        await self.publisher.confirm(self.config.max_pending)

    def _age_s(self, append_ns: int) -> float:
        return max(0, self.worker.wall.now_ns() - append_ns) / NS_PER_S

    async def snapshot(self, consumer: Consumer) -> None:
        """Confirms outputs, stores state and place, then acknowledges up to there."""
        owned = self.owned
        if owned is None or not owned.unacked:
            return
        owned.fold.next_place = ",".join(map(str, owned.place))
        manifest, state = owned.fold.snapshot()
        last_id, owned.unacked = self.last_id, 0
        await self.publisher.confirm()
        await self.worker.store.put(self.shard, list(cut(manifest, state)))
        await consumer.acknowledge_cumulative(last_id)

    async def _look_again(self, owned: OwnedShard | None) -> OwnedShard:
        """The newest snapshot, where it is further than what this worker has."""
        found = newest((await self.worker.store.load([self.shard]))[self.shard])
        if owned is None:
            owned = self.owned = OwnedShard(ShardFold(self.shard, self.config.core))
        if found is not None:
            ledger, entry, index = map(int, found[0].next_place.split(","))
            if (ledger, entry, index) > owned.place:
                owned = self.owned = OwnedShard(ShardFold(self.shard, self.config.core))
                owned.fold.restore(*found)
                owned.place = ledger, entry, index
        return owned

    async def _tick(self, owned: OwnedShard) -> None:
        """A timer input when nothing else has moved the shard's time."""
        if owned.clock.is_due(owned.fold.counts.inputs):
            await self.publisher.send(owned.clock.timer(self.shard, owned.fold.clock_seq))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
