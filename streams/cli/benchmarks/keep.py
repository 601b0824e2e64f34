"""Keeps a run of benchmarks: its JSON by time and commit, its table as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from streams.cli.benchmarks.goals import floor_lines, goal_lines, latency_lines
from streams.cli.benchmarks.solver import table_lines
from streams.clock import SystemClock

COLUMNS = ("value", "p50", "p90", "p99", "p999", "max")


def keep(report: dict[str, Any], folder: Path) -> Path:
    """Writes `report` to a new file in `folder`; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = SystemClock().now_ns() // 1_000_000_000
    path = folder / f"bench-{stamp}-{report['commit'][:12] or 'unknown'}.json"
    path.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    return path


def write_markdown(report: dict[str, Any], path: Path) -> None:
    """Writes the table as a page that says how it was made."""
    path.write_text("\n".join(markdown(report)) + "\n", encoding="utf-8")


def markdown(report: dict[str, Any]) -> list[str]:
    """Lines of the page."""
    machine = report["machine"]
    lines = [
        "# Benchmarks",
        "",
        "Made by `sor bench --markdown BENCHMARKS.md`; nothing here is written by hand. Absolute",
        "times are of this machine at that moment; `noisy` marks a window in which known work ran",
        "slower than its best.",
        "",
        *(f"- {name}: {value}" for name, value in machine.items()),
        f"- commit: {report['commit'] or 'unknown'}",
        f"- seed: {report['seed']}",
        f"- size: {report.get('size', 'whole')}, {report.get('seconds', 0):,.0f} s",
        "",
        "| benchmark | unit | value | p50 | p90 | p99 | p99.9 | max | n | |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    by_name = {result["name"]: result for result in report["results"]}
    lines += [_row(result) for result in by_name.values()]
    solved = table_lines(by_name.values())
    if solved:
        lines += ["", "## Splits beside the exact optimum", "", *solved]
    for title, found in sections(report).items():
        lines += ["", f"## {title}", "", *(f"- {line}" for line in found)]
    return lines


def sections(report: dict[str, Any]) -> dict[str, list[str]]:
    """What is said below the table, by title; only what there is something to say about."""
    by_name = {result["name"]: result for result in report["results"]}
    further = [
        f"`{name}`: {', '.join(f'{what} {value:g}' for what, value in result['more'].items())}"
        for name, result in by_name.items()
        if result.get("more")
    ]
    failures = [f"`{one['name']}`: {one['error']}" for one in report.get("failures", [])]
    found = {
        "Two latencies": latency_lines(by_name),
        "Goals": goal_lines(by_name),
        "Multiples of the floor": floor_lines(by_name),
        "Further figures": further,
        "Failed": failures,
    }
    return {title: lines for title, lines in found.items() if lines}


def _row(result: dict[str, Any]) -> str:
    shown = ["" if result[name] is None else f"{result[name]:,.2f}" for name in COLUMNS]
    noisy = "noisy" if result["noisy"] else ""
    cells = [result["name"], result["unit"], *shown, f"{result['n']:,}", noisy]
    return f"| {' | '.join(cells)} |"
