"""Routes seeded orders over a plain simulated market at the pace of the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from schemas.orders import NEW_ORDER
from schemas.units import NS_PER_MS, NS_PER_S
from streams.clock import Clock, SystemClock
from streams.config.records import config_dict, config_hash, config_records
from streams.config.sections import EngineConfig, Quality
from streams.log.run import RunDirectory
from streams.replay.decision_hash import hash_of_run
from streams.replay.facts import FILL_MODELS, versions
from streams.replay.interrupt import Interrupt, InterruptError
from streams.replay.live_shard import LiveShard, Stepping
from streams.replay.lookup import build_index
from streams.replay.sharding import ShardFeed
from streams.simulator.market import PASSIVE_MODELS, replay_market
from streams.simulator.plain import PlainMarket
from streams.simulator.plain_config import PlainConfig

SPAN_NS = 50 * NS_PER_MS
STALE_MS, HORIZON_MS = 2_000, 5_000
MAX_SECONDS = 3_600
FIRST_ORDERS_S = 30
DEMO_CONFIG = EngineConfig(quality=Quality(publish_s=1, liquidity_half_life_s=10))

Watcher = Callable[["Demo", bytes], None]
"""Told of outputs once their inputs are durable."""


@dataclass(frozen=True)
class DemoRequest:
    """What a person asks for; `seconds` 0 runs until Ctrl-C, at most an hour."""

    out: Path
    seconds: int = 0
    seed: int = 1
    core: str = "native"
    force: bool = False


class Demo:
    """One demo; `waits_ns` are the times that children waited for their inputs to be durable."""

    def __init__(self, request: DemoRequest, clock: Clock | None = None) -> None:
        self.request = request
        self.clock = clock or SystemClock()
        self.config = PlainConfig(seed=request.seed)
        self.market = PlainMarket(self.config)
        dataset_records = self.market.reference()
        self.reference = dataset_records + config_records(
            DEMO_CONFIG, dataset_records, stale_ms=STALE_MS, horizon_ms=HORIZON_MS
        )
        self.seconds = request.seconds or MAX_SECONDS
        self.ticks = 0
        self.lag_ns = 0
        self.waits_ns: list[int] = []

    def execute(self, interrupt: Interrupt, watch: Watcher) -> dict[str, Any]:
        """Runs until its time is over or Ctrl-C; either way every order ends."""
        with RunDirectory.create(self.request.out, self._manifest(), self.request.force) as run:
            shard = self._open(run, interrupt)
            started_ns = self.clock.elapsed_ns()
            try:
                self._drive(shard, interrupt, watch, started_ns)
            except InterruptError:
                interrupt.is_raised = False
            shard.drain()
            watch(self, shard.journal.visible_outputs())
            elapsed_s = (self.clock.elapsed_ns() - started_ns) / NS_PER_S
            shard.finish()
            shard.log.close()
            build_index(shard.log)
            facts = self._facts(run, shard, elapsed_s)
            run.update_manifest(**facts, complete=True)
        return {**facts, "run": str(self.request.out)}

    def _open(self, run: RunDirectory, interrupt: Interrupt) -> LiveShard:
        market = replay_market(
            self.market.reference(), self.market.venue_latencies, seed=self.request.seed
        )
        stepping = Stepping(self.request.core, is_paced=True)
        shard = LiveShard(run.shard(0), market, self.reference, stepping, interrupt.check)
        shard.run.before_send = lambda: self._wait(shard)
        return shard

    def _wait(self, shard: LiveShard) -> None:
        """Durable before visible: children leave once the inputs that made them are on disk."""
        since_ns = self.clock.elapsed_ns()
        shard.journal.wait_durable()
        self.waits_ns.append(self.clock.elapsed_ns() - since_ns)

    def _drive(
        self, shard: LiveShard, interrupt: Interrupt, watch: Watcher, started_ns: int
    ) -> None:
        ordered_s = min(self.seconds, FIRST_ORDERS_S)
        feed = ShardFeed(0, 1, self.market.instruments(), self._orders(ordered_s))
        for chunk in self.market.chunks(self.seconds * NS_PER_S, SPAN_NS):
            interrupt.check()
            if self.seconds > ordered_s and feed.done > len(feed.orders) // 2:
                ordered_s *= 2
                feed.orders = self._orders(ordered_s)  # begins with those that were given
            for batch in feed.batches(chunk):
                shard.feed(batch)
            self.ticks += len(chunk)
            reached_ns = int(chunk["log_ns"][-1])
            shard.run.pass_time(reached_ns - 1)
            watch(self, shard.journal.visible_outputs())
            due_ns = started_ns + reached_ns - self.config.start_ns
            self.lag_ns = max(0, self.clock.elapsed_ns() - due_ns)
            self.clock.sleep_ns(due_ns - self.clock.elapsed_ns())

    def _orders(self, seconds: int) -> np.ndarray:
        """Orders of the first `seconds`, and with more seconds the same ones first."""
        count = seconds * self.config.orders_per_s
        return np.frombuffer(self.market.orders(count), dtype=NEW_ORDER.dtype)

    def _manifest(self) -> dict[str, Any]:
        return {
            "kind": "demo",
            "dataset": "plain simulated market",
            "about": f"{self.config.venues} venues, {self.config.instruments} instruments, seeded",
            "seed": self.request.seed,
            "core": self.request.core,
            "shards": 1,
            "passive_model": PASSIVE_MODELS[0],
            "modelled": {"market": "everything: a seeded market", **FILL_MODELS},
            "config": config_dict(DEMO_CONFIG),
            "config_hash": config_hash([self.reference]),
            "versions": versions(),
            "complete": False,
            "interrupted": False,
        }

    def _facts(self, run: RunDirectory, shard: LiveShard, elapsed_s: float) -> dict[str, Any]:
        decisions, decision_hash = hash_of_run(run)
        return {
            "inputs": shard.engine.seq,
            "outputs": shard.engine.out_seq,
            "ticks": self.ticks,
            "decisions": decisions,
            "children": shard.run.children,
            "venues": self.config.venues,
            "elapsed_s": round(elapsed_s, 3),
            "inputs_per_s": round(shard.engine.seq / elapsed_s) if elapsed_s else 0,
            "state_hash": shard.state_hash(),
            "decision_hash": decision_hash,
        }
