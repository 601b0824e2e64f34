"""The demo with its page: the embedded service on a market of its own, until its time is over."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from schemas.units import NS_PER_S
from streams.clock import SystemClock
from streams.config.service import Api, Service, ServiceConfig, SimulatedMarket
from streams.replay.interrupt import Interrupt
from streams.replay.summary import summarise
from streams.service.serve import Processes

ORDERS_PER_S = 20


def demo_config(out: Path, seed: int, core: str, port: int) -> ServiceConfig:
    """The service of a demo."""
    return ServiceConfig(
        service=Service(run=str(out), core=core),  # type: ignore[arg-type]
        api=Api(port=port),
        market=SimulatedMarket(seed=seed, orders_per_s=ORDERS_PER_S),
    )


def serve_demo(config: ServiceConfig, seconds: int) -> dict[str, Any]:
    """Serves for `seconds`, or until Ctrl-C when they are 0; facts about the run."""
    clock = SystemClock()
    with Interrupt() as interrupt, Processes(config, Path(f"{config.service.run}.log")) as service:
        started_ns = clock.elapsed_ns()
        print(f"live on http://127.0.0.1:{config.api.port}/  (Ctrl-C stops)", file=sys.stderr)

        def is_over() -> bool:
            passed_ns = clock.elapsed_ns() - started_ns
            return interrupt.is_raised or 0 < seconds * NS_PER_S <= passed_ns

        service.watch(is_over)
        elapsed_s = (clock.elapsed_ns() - started_ns) / NS_PER_S
    return {"run": config.service.run, "elapsed_s": round(elapsed_s, 3)}


def summary_lines(run: Path) -> list[str]:
    """What a finished demo came to."""
    summary = summarise(run)
    totals = summary.totals
    return [
        f"{totals.orders:,} orders, {totals.fills:,} fills",
        f"sor verify {run}",
        f"sor decisions {run}",
    ]
