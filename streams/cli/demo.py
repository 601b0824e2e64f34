"""`sor demo`: 24 simulated venues, live on a page, in the terminal, or only as a summary."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from schemas.errors import InputError
from streams.cli.replay import KEYS
from streams.cli.run_report import print_run
from streams.cli.terminal import print_json, print_lines
from streams.replay.interrupt import Interrupt
from streams.replay.summary import Summary, summarise
from streams.runtime_embedded.demo import MAX_SECONDS, Demo, DemoRequest

HEADLESS_SECONDS = 10


def demo(
    *,
    seconds: int = 0,
    headless: bool = False,
    terminal: bool = False,
    port: int = 8080,
    seed: int = 1,
    core: str = "native",
    out: Path | None = None,
    force: bool = False,
    json: bool = False,
) -> int:
    """Route over simulated venues, live on a page with the whole API; stops on Ctrl-C.

    Args:
        seconds: How long; 0 runs until Ctrl-C (10 seconds when headless).
        headless: No page, only the summary at the end.
        terminal: A view in the terminal in place of the page.
        port: Port of the page, on loopback.
        seed: Seed of the market, the orders and the fills.
        core: native or reference.
        out: Folder of the run to write; a temporary one by default.
        force: Replace the run that `out` holds.
        json: One JSON object instead of tables.
    """
    if not 0 <= seconds <= MAX_SECONDS:
        raise InputError(f"--seconds {seconds}: give 0 to {MAX_SECONDS}")
    if not (headless or terminal or json):
        return on_page(out, seconds, seed, core, port)
    live = terminal and sys.stdout.isatty() and not headless and not json
    folder = out or Path(tempfile.mkdtemp(prefix="venuefold-demo-"))
    length = seconds or (0 if live else HEADLESS_SECONDS)
    show = Demo(DemoRequest(folder, length, seed, core, force))
    with Interrupt() as interrupt:
        result = watched(show, interrupt) if live else show.execute(interrupt, ignore)
    return report(show, result, json)


def on_page(out: Path | None, seconds: int, seed: int, core: str, port: int) -> int:
    """Serves the live page; a run that is there goes on."""
    from streams.cli.demo_page import demo_config, serve_demo, summary_lines

    folder = out or Path(tempfile.mkdtemp(prefix="venuefold-demo-")) / "run"
    result = serve_demo(demo_config(folder, seed, core, port), seconds)
    print_lines(f"Demo of {result['elapsed_s']:.0f} s", summary_lines(folder))
    return 0


def ignore(show: Demo, outputs: bytes) -> None:
    """Watches nothing."""


def watched(show: Demo, interrupt: Interrupt) -> dict[str, Any]:
    """Runs with the live view."""
    from streams.cli.demo_view import DemoView

    with DemoView() as view:
        return show.execute(interrupt, view.update)


def report(show: Demo, result: dict[str, Any], json: bool) -> int:
    """Writes what the demo came to."""
    summary: Summary = summarise(Path(result["run"]))
    orders = summary.totals.orders
    result = {**result, "fills": summary.totals.fills, "orders": orders}
    if json:
        print_json({key: result[key] for key in KEYS})
        return 0
    print_run(result, summary)
    print_lines("Latency", latency_lines(show.waits_ns))
    print_lines("Next", [f"sor verify {result['run']}", f"sor decisions {result['run']}"])
    return 0


def latency_lines(waits_ns: list[int]) -> list[str]:
    """How long children waited for their inputs to be on disk."""
    if not waits_ns:
        return ["no child was sent"]
    ranked = sorted(waits_ns)
    middle, high = ranked[len(ranked) // 2] / 1e6, ranked[len(ranked) * 99 // 100] / 1e6
    figures = f"p50 {middle:.2f} ms, p99 {high:.2f} ms"
    return [f"decision to durable and released, {len(ranked):,} times: {figures}"]
