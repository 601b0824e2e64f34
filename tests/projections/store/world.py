"""A run to project, stores to project it into, and all their rows to compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from projections.store.database import Generations, open_generations
from projections.store.tables import METADATA
from schemas.orders import NEW_ORDER
from schemas.units import NS_PER_S
from streams.config.records import config_records
from streams.config.sections import EngineConfig, Quality
from streams.log.run import RunDirectory
from streams.replay.live_shard import LiveShard, Stepping
from streams.replay.sharding import ShardFeed
from streams.simulator.market import replay_market
from streams.simulator.plain import PlainMarket
from streams.simulator.plain_config import PlainConfig

CONFIG = EngineConfig(quality=Quality(publish_s=1, liquidity_half_life_s=10))
HISTORY_NS = 2 * NS_PER_S
Rows = dict[str, list[tuple[Any, ...]]]


class LivingRun:
    """A run of one or more shards that is being written, a stretch at a time."""

    def __init__(self, folder: Path, shards: int = 1, orders_per_s: int = 40) -> None:
        self.folder = folder
        config = PlainConfig(seed=3, records_per_s=4_000, orders_per_s=orders_per_s)
        self.market = PlainMarket(config)
        reference = self.market.reference()
        reference += config_records(CONFIG, reference, stale_ms=2_000, horizon_ms=5_000)
        manifest = {"kind": "test", "seed": 3, "shards": shards}
        self.run = RunDirectory.create(folder, manifest)
        self.shards = []
        for shard in range(shards):
            fills = replay_market(self.market.reference(), self.market.venue_latencies)
            log = self.run.shard(shard)
            self.shards.append(LiveShard(log, fills, reference, Stepping()))
        orders = np.frombuffer(self.market.orders(600), dtype=NEW_ORDER.dtype)
        feeds = [ShardFeed(s, shards, self.market.instruments(), orders) for s in range(shards)]
        self.feeds = feeds
        self.chunks = self.market.chunks(60 * NS_PER_S, NS_PER_S // 4)

    def write(self, chunks: int) -> None:
        """Goes on for so many quarters of a second, and puts them on disk."""
        for _ in range(chunks):
            chunk = next(self.chunks)
            for shard, feed in zip(self.shards, self.feeds, strict=True):
                for batch in feed.batches(chunk):
                    shard.feed(batch)
        for shard in self.shards:
            shard.journal.wait_durable()
            writer = shard.log.outputs
            if writer.next_seq > 1:
                writer.wait_durable(writer.next_seq - 1)

    def finish(self) -> Path:
        """Ends every order and closes the log."""
        for shard in self.shards:
            shard.drain()
            shard.finish()
            shard.log.close()
        self.run.close()
        return self.folder


def dump(url: str) -> Rows:
    """All rows of the current generation, in key order."""
    generations = open_generations(url)
    try:
        return dump_generation(generations, generations.current())
    finally:
        generations.close()


def dump_generation(generations: Generations, number: int) -> Rows:
    """All rows of one generation, but for where its outputs and inputs end."""
    engine = generations.engine(number)
    try:
        with engine.connect() as connection:
            return {
                table.name: [
                    tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
                    for row in connection.execute(
                        sa.select(table).order_by(*table.primary_key.columns)
                    )
                ]
                for table in METADATA.sorted_tables
                if table.name != "positions"
            }
    finally:
        engine.dispose()


def same(left: Rows, right: Rows) -> list[str]:
    """Names of the tables that differ."""
    return [name for name in left if sorted_text(left[name]) != sorted_text(right[name])]


def sorted_text(rows: list[tuple[Any, ...]]) -> list[str]:
    """Rows in an order that does not depend on how a database sorts text."""
    return sorted(map(repr, rows))
