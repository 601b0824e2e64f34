"""The engine process: `python -m streams.runtime_embedded.engine_process`, configured on stdin."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from aggregates.kernel import GENERATION
from schemas.errors import InputError, VenuefoldError
from schemas.units import NS_PER_S
from streams.clock import Clock, SystemClock
from streams.config.records import config_dict, config_hash, config_records
from streams.config.service import ServiceConfig
from streams.log.run import RunDirectory
from streams.observability.logs import Logger, logger
from streams.replay.facts import FILL_MODELS, versions
from streams.runtime_embedded.child_process import configured_child
from streams.runtime_embedded.command_server import CommandServer
from streams.runtime_embedded.engine_loop import EngineLoop
from streams.runtime_embedded.engine_shard import EngineShard
from streams.runtime_embedded.market_gateway import MarketGateway
from streams.runtime_embedded.order_flow import OrderFlow
from streams.runtime_embedded.restart import open_shard
from streams.runtime_embedded.snapshot_process import SnapshotProcess
from streams.simulator.synthetic.live import live_preset
from streams.simulator.synthetic.terms import Preset

SOCKET = "commands.sock"
SHARD = 0


def open_run(config: ServiceConfig, now_ns: int) -> RunDirectory:
    """The run that the configuration names: a new one, or the one that is there.

    InputError when it was begun with another configuration, which would need its own run.
    """
    path = Path(config.service.run)
    facts = manifest(config, now_ns)
    if not (path / "manifest.json").exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        return RunDirectory.create(path, facts)
    run = RunDirectory.open(path, writable=True)
    for key in ("config_hash", "kind"):
        if run.manifest.get(key) != facts[key]:
            run.close()
            raise InputError(
                f"{path}: was begun with another [market] or [engine] configuration; name another "
                "folder in service.run, or start with the configuration of its manifest"
            )
    return run


def manifest(config: ServiceConfig, now_ns: int) -> dict[str, Any]:
    """Facts about a run of the service."""
    settings = config_dict(config.engine)
    asked = msgspec.json.encode([msgspec.to_builtins(config.market), settings], order="sorted")
    return {
        "kind": "service",
        "dataset": f"synthetic market {config.market.preset}",
        "about": "simulated venues with informed flow, fading, hidden size and dark pools, live",
        "seed": config.market.seed,
        "started_ns": now_ns - now_ns % NS_PER_S,
        "core": config.service.core,
        "shards": 1,
        "modelled": {"market": "everything: a seeded market", **FILL_MODELS},
        "config": settings,
        "config_hash": config_hash([asked, GENERATION]),
        "versions": versions(),
        "complete": False,
        "interrupted": False,
    }


def market_of(config: ServiceConfig, run: RunDirectory) -> Preset:
    """The market, started when the run was."""
    asked = config.market
    start_ns = int(run.manifest["started_ns"])
    return live_preset(asked.preset, start_ns, asked.venues, asked.instruments, asked.records_per_s)


def serve(config: ServiceConfig, is_stopped: Callable[[], bool], clock: Clock, log: Logger) -> None:
    """Runs the engine process until it is told to stop."""
    service = config.service
    with open_run(config, clock.now_ns()) as run:
        preset = market_of(config, run)
        gateway = MarketGateway(preset, config.market.seed, run.path / "venues")
        shard = EngineShard(run.shard(SHARD), gateway, clock, service.core)
        if config.market.orders_per_s:
            shard.flow = OrderFlow(preset, config.market.seed, config.market.orders_per_s)
        keeper = open_shard(shard, reference_of(config, gateway), log.info)
        if service.snapshot_s:
            keeper.process = SnapshotProcess(run.path, SHARD, service.snapshot_s, service.core)
        loop = EngineLoop(shard, keeper, clock, service.snapshot_s)
        server = CommandServer(run.path / SOCKET, loop.handle)
        log.info("ready", seq=shard.engine.seq, out_seq=shard.engine.out_seq)
        gc.freeze()  # what lives as long as the process need not be looked through again
        try:
            loop.run(server, is_stopped)
        finally:
            gc.unfreeze()
            server.close()
            gateway.close()
        run.update_manifest(complete=True)
    keeper.finish()
    log.info("stopped", seq=shard.engine.seq, out_seq=shard.engine.out_seq)


def reference_of(config: ServiceConfig, gateway: MarketGateway) -> bytes:
    """Everything that a new log starts with."""
    first = gateway.reference()
    return first + config_records(
        config.engine,
        first,
        stale_ms=config.market.stale_ms,
        horizon_ms=config.market.horizon_ms,
    )


class Stop:
    """Raised by SIGTERM and SIGINT, looked at between turns."""

    def __init__(self) -> None:
        self.is_raised = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._raise)

    def __call__(self) -> bool:
        return self.is_raised

    def _raise(self, number: int, frame: object) -> None:  # noqa: ARG002
        self.is_raised = True


def main() -> int:
    """Reads the configuration from stdin and serves."""
    config = configured_child()
    log = logger("engine", config.service.log_level)
    try:
        serve(config, Stop(), SystemClock(), log)
    except VenuefoldError as error:
        log.error("failed", error=str(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
