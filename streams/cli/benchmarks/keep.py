"""Keeps a run of benchmarks: its JSON by time and commit, its table as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from streams.clock import SystemClock

COLUMNS = ("value", "p50", "p90", "p99", "p999", "max")
FLOOR = {"fold.500x24.native": "floor.fold.12000", "decide.24.native": "floor.decide.24"}
"""Figures that are also said as a multiple of the least that any router must do."""


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
        "",
        "| benchmark | unit | value | p50 | p90 | p99 | p99.9 | max | n | |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    by_name = {result["name"]: result for result in report["results"]}
    return [*lines, *(_row(result) for result in by_name.values()), *_multiples(by_name)]


def _row(result: dict[str, Any]) -> str:
    shown = ["" if result[name] is None else f"{result[name]:,.2f}" for name in COLUMNS]
    noisy = "noisy" if result["noisy"] else ""
    cells = [result["name"], result["unit"], *shown, f"{result['n']:,}", noisy]
    return f"| {' | '.join(cells)} |"


def _multiples(by_name: dict[str, dict[str, Any]]) -> list[str]:
    found = [
        f"- `{name}` is {by_name[name]['value'] / by_name[floor]['value']:.1f} times `{floor}`"
        for name, floor in FLOOR.items()
        if name in by_name and floor in by_name
    ]
    return ["", *found] if found else []
