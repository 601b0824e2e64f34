"""Whole paths: replaying, verifying, making durable, simulating, reading."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from schemas.orders import NEW_ORDER
from schemas.units import NS_PER_S
from streams.cli.benchmarks.engine import require
from streams.cli.benchmarks.timing import Result, rate
from streams.config.records import config_records
from streams.config.sections import EngineConfig
from streams.log.run import RunDirectory
from streams.replay.facts import versions
from streams.replay.interrupt import Interrupt
from streams.replay.live_shard import LiveShard, Stepping
from streams.replay.sharding import ShardFeed
from streams.replay.verify import verify
from streams.simulator.market import replay_market
from streams.simulator.plain import PlainMarket
from streams.simulator.plain_config import PlainConfig
from streams.sources.open_dataset import open_dataset
from streams.sources.records import Records

STALE_MS, HORIZON_MS = 2_000, 5_000
PIPELINE_BATCH = 1_024


class SimulatedDay:
    """A stretch of a plain market, generated before anything is timed."""

    def __init__(self, is_full: bool) -> None:
        seconds = 120 if is_full else 20
        self.market = PlainMarket(PlainConfig(records_per_s=50_000, orders_per_s=50))
        self.chunks: list[Records] = list(self.market.chunks(seconds * NS_PER_S))
        orders = self.market.orders((seconds - 3) * 50)
        self.orders = np.frombuffer(orders, dtype=NEW_ORDER.dtype)
        dataset_records = self.market.reference()
        self.reference = dataset_records + config_records(
            EngineConfig(), dataset_records, stale_ms=STALE_MS, horizon_ms=HORIZON_MS
        )
        self.records = sum(len(chunk) for chunk in self.chunks)

    def replay(self, folder: Path) -> Result:
        """Writes a run; inputs a second through engine, market and log."""
        with RunDirectory.create(folder, {"versions": versions()}) as run:
            fills = replay_market(self.market.reference(), self.market.venue_latencies)
            shard = LiveShard(run.shard(0), fills, self.reference, Stepping())
            feed = ShardFeed(0, 1, self.market.instruments(), self.orders)
            started_ns = time.perf_counter_ns()
            for chunk in self.chunks:
                for batch in feed.batches(chunk):
                    shard.feed(batch)
            shard.drain()
            shard.journal.wait_durable()
            elapsed_ns = time.perf_counter_ns() - started_ns
            shard.finish()
            inputs = shard.engine.seq
        return rate("replay", "inputs/s", inputs, elapsed_ns)

    def verify(self, folder: Path) -> Result:
        """Re-executes the run that `replay` wrote."""
        started_ns = time.perf_counter_ns()
        verdict, found = verify(folder, "native", Interrupt())
        elapsed_ns = time.perf_counter_ns() - started_ns
        require(verdict.passed, "the run verifies")
        return rate("verify", "inputs/s", found["inputs"], elapsed_ns)

    def durable(self, folder: Path) -> Result:
        """Batches of ticks stepped and logged, until all are on disk."""
        batches = [
            chunk[start : start + PIPELINE_BATCH].tobytes()
            for chunk in self.chunks
            for start in range(0, len(chunk), PIPELINE_BATCH)
        ]
        with RunDirectory.create(folder, {"versions": versions()}) as run:
            fills = replay_market(self.market.reference(), self.market.venue_latencies)
            shard = LiveShard(run.shard(0), fills, self.reference, Stepping())
            started_ns = time.perf_counter_ns()
            for batch in batches:
                _, outputs = shard.engine.step(batch)
                shard.journal.note(batch, outputs)
                shard.journal.flush()
            shard.journal.wait_durable()
            elapsed_ns = time.perf_counter_ns() - started_ns
        return rate("pipeline.durable", "inputs/s", self.records, elapsed_ns)

    def simulate(self) -> Result:
        """The fill simulator alone folding the market."""
        fills = replay_market(self.market.reference(), self.market.venue_latencies)
        batches = [chunk.tobytes() for chunk in self.chunks]
        started_ns = time.perf_counter_ns()
        for batch in batches:
            fills.advance(batch)
        elapsed_ns = time.perf_counter_ns() - started_ns
        return rate("simulator", "records/s", self.records, elapsed_ns)


def whatif(folder: Path) -> Result:
    """Inputs a second of `sor whatif` as a command, both arms, over a run of a short day."""
    from streams.whatif.compare import whatif as compare

    SimulatedDay(is_full=False).replay(folder / "run")
    policy = folder / "policy.toml"
    policy.write_text('[orders]\ndefault_policy = "fastest"\n', encoding="utf-8")
    started_ns = time.perf_counter_ns()
    found = compare(folder / "run", policy)
    elapsed_ns = time.perf_counter_ns() - started_ns
    with RunDirectory.open(folder / "run") as run:
        inputs = run.shard(0).check().inputs.last_seq
    require(found["orders"] > 0, "orders are compared")
    return rate("whatif.command", "inputs/s", 2 * inputs, elapsed_ns)


def read_dataset(toml: Path, data: Path) -> Result:
    """Rows of files a second, from gzip CSV to records."""
    reader = open_dataset(toml, data)
    started_ns = time.perf_counter_ns()
    for _ in reader.chunks():
        pass
    elapsed_ns = time.perf_counter_ns() - started_ns
    rows = reader.report().total_rows
    return rate(f"reader.{reader.dataset.name}", "rows/s", rows, elapsed_ns)


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes away."""
    return tempfile.TemporaryDirectory(prefix="venuefold-bench-")
