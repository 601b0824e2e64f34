"""The demo without its page: one shard of the service in a synthetic market, by market time.

It is the service's own shard, gateway and order flow. Market time goes in steps, each at the pace
of the clock, so the same seed and length give the same run on any machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aggregates import kernel
from schemas.codes import OutputType
from schemas.units import NS_PER_MS, NS_PER_S
from streams.clock import Clock, ManualClock, SystemClock
from streams.config.records import config_dict, config_hash, config_records
from streams.config.sections import EngineConfig, Quality
from streams.config.service import SimulatedMarket
from streams.log.run import RunDirectory
from streams.replay.decision_hash import hash_of_run
from streams.replay.facts import FILL_MODELS, versions
from streams.replay.interrupt import Interrupt
from streams.replay.lookup import build_index
from streams.runtime_embedded.engine_shard import EngineShard
from streams.runtime_embedded.market_gateway import MarketGateway
from streams.runtime_embedded.order_flow import OrderFlow
from streams.runtime_embedded.restart import open_shard
from streams.simulator.synthetic.live import live_preset

STEP_NS = 5 * NS_PER_MS
IDLE_NS = 20 * NS_PER_MS
START_NS = 1_767_623_400 * NS_PER_S
MAX_SECONDS = 3_600
ORDERS_PER_S = 50
MARKET = SimulatedMarket()
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
        self.preset = live_preset(MARKET.preset, START_NS)
        self.market_clock = ManualClock(START_NS)
        self.seconds = request.seconds or MAX_SECONDS
        self.reference = b""
        self.ticks = 0
        self.lag_ns = 0
        self.waits_ns: list[int] = []

    def execute(self, interrupt: Interrupt, watch: Watcher) -> dict[str, Any]:
        """Runs until its time is over or Ctrl-C; either way every order ends."""
        with RunDirectory.create(self.request.out, self._manifest(), self.request.force) as run:
            gateway = MarketGateway(self.preset, self.request.seed, run.path / "venues")
            shard = self._open(run, gateway)
            started_ns = self.clock.elapsed_ns()
            self._drive(shard, interrupt, watch, started_ns)
            interrupt.is_raised = False
            self._drain(shard)
            watch(self, shard.journal.visible_outputs())
            elapsed_s = (self.clock.elapsed_ns() - started_ns) / NS_PER_S
            gateway.close()
            shard.log.state_hash = kernel.state_hash(shard.engine)
            shard.log.close()
            build_index(shard.log)
            facts = self._facts(run, shard, elapsed_s)
            run.update_manifest(**facts, complete=True)
        return {**facts, "run": str(self.request.out)}

    def _open(self, run: RunDirectory, gateway: MarketGateway) -> EngineShard:
        first = gateway.reference()
        stale_ms, horizon_ms = MARKET.stale_ms, MARKET.horizon_ms
        told = config_records(DEMO_CONFIG, first, stale_ms=stale_ms, horizon_ms=horizon_ms)
        self.reference = first + told
        shard = EngineShard(run.shard(0), gateway, self.market_clock, self.request.core)
        open_shard(shard, self.reference, lambda _: None)
        shard.journal.is_watched = True
        shard.flow = OrderFlow(self.preset, self.request.seed, ORDERS_PER_S)
        return shard

    def _drive(
        self, shard: EngineShard, interrupt: Interrupt, watch: Watcher, started_ns: int
    ) -> None:
        end_ns = START_NS + self.seconds * NS_PER_S
        while self.market_clock.now_ns() < end_ns and not interrupt.is_raised:
            self._step(shard)
            watch(self, shard.journal.visible_outputs())
            due_ns = started_ns + self.market_clock.now_ns() - START_NS
            self.lag_ns = max(0, self.clock.elapsed_ns() - due_ns)
            self.clock.sleep_ns(due_ns - self.clock.elapsed_ns())

    def _step(self, shard: EngineShard) -> None:
        """Durable before visible: children leave once the inputs that made them are on disk."""
        self.market_clock.sleep_ns(STEP_NS)
        shard.poll()
        shard.pass_time(IDLE_NS)
        self.ticks = shard.meters.ticks
        sent = shard.waiting
        since_ns = self.clock.elapsed_ns()
        if sent:
            shard.settle_all()
            self.waits_ns += [self.clock.elapsed_ns() - since_ns] * sent

    def _drain(self, shard: EngineShard) -> None:
        """Lets every order end: no new ones, and time for the last."""
        shard.flow = None
        for _ in range((MARKET.horizon_ms * NS_PER_MS + NS_PER_S) // STEP_NS):
            self._step(shard)

    def _manifest(self) -> dict[str, Any]:
        preset = self.preset
        return {
            "kind": "demo",
            "dataset": f"synthetic market {preset.name}",
            "about": f"{len(preset.venues)} venues, {len(preset.instruments)} instruments, seeded",
            "seed": self.request.seed,
            "core": self.request.core,
            "shards": 1,
            "modelled": {"market": "everything: a seeded market", **FILL_MODELS},
            "config": config_dict(DEMO_CONFIG),
            "config_hash": config_hash([repr(preset).encode()]),
            "versions": versions(),
            "complete": False,
            "interrupted": False,
        }

    def _facts(self, run: RunDirectory, shard: EngineShard, elapsed_s: float) -> dict[str, Any]:
        decisions, decision_hash = hash_of_run(run)
        return {
            "inputs": shard.engine.seq,
            "outputs": shard.engine.out_seq,
            "ticks": self.ticks,
            "decisions": decisions,
            "children": shard.meters.outputs[OutputType.CHILD],
            "venues": len(self.preset.venues),
            "elapsed_s": round(elapsed_s, 3),
            "inputs_per_s": round(shard.engine.seq / elapsed_s) if elapsed_s else 0,
            "state_hash": kernel.state_hash(shard.engine),
            "decision_hash": decision_hash,
        }
