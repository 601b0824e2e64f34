"""Sets two runs of benchmarks side by side, as ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from schemas.errors import InputError, NotFoundError
from streams.cli.terminal import print_json, print_table

Report = dict[str, Any]
SPREAD_Z = 1.96


def compare(paths: Sequence[str], json: bool) -> int:
    """Prints B over A for each benchmark in both files, with an interval where there are repeats.

    Several runs of a side can be given as a folder of files that `--out` kept.
    """
    if len(paths) != 2:
        raise InputError("compare takes two files or folders: sor bench compare A.json B.json")
    before, after = (load(Path(path)) for path in paths)
    rows = ratios(before, after)
    if json:
        print_json({"ratios": rows})
        return 0
    shown = [
        [
            row["name"],
            row["unit"],
            f"{row['a']:,.2f}",
            f"{row['b']:,.2f}",
            f"{row['ratio']:.3f}",
            "" if row["ci95"] is None else f"{row['ci95'][0]:.3f} to {row['ci95'][1]:.3f}",
            "noisy" if row["noisy"] else "",
        ]
        for row in rows
    ]
    print_table("B / A", ["benchmark", "unit", "A", "B", "B / A", "95 %", ""], shown)
    return 0


def load(path: Path) -> list[Report]:
    """The reports of a file, or of all files of a folder."""
    files = sorted(path.glob("bench-*.json")) if path.is_dir() else [path]
    if not files or not files[0].exists():
        raise NotFoundError(f"{path}: no report of sor bench --json or --out here")
    return [_read(file) for file in files]


def _read(file: Path) -> Report:
    try:
        report = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise InputError(f"{file}: not a report of sor bench ({error})") from error
    if not isinstance(report, dict) or "results" not in report:
        raise InputError(f"{file}: not a report of sor bench (no results)")
    return report


def ratios(before: list[Report], after: list[Report]) -> list[dict[str, Any]]:
    """One row for each benchmark of both sides: means, ratio, interval of the ratio of means."""
    left, right = _by_name(before), _by_name(after)
    rows = []
    for name in (name for name in left if name in right):
        a, b = ([result["value"] for result in side[name]] for side in (left, right))
        ratio = _mean(b) / _mean(a) if _mean(a) else math.inf
        rows.append(
            {
                "name": name,
                "unit": left[name][0]["unit"],
                "a": _mean(a),
                "b": _mean(b),
                "ratio": ratio,
                "ci95": _interval(a, b, ratio),
                "noisy": any(result["noisy"] for result in left[name] + right[name]),
            }
        )
    return rows


def _by_name(reports: list[Report]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for report in reports:
        for result in report["results"]:
            found.setdefault(result["name"], []).append(result)
    return found


def _interval(a: list[float], b: list[float], ratio: float) -> tuple[float, float] | None:
    """By the delta method on the logarithm; None with fewer than two runs of a side."""
    if min(len(a), len(b)) < 2 or not _mean(a) or not _mean(b):
        return None
    variance = sum(_variance(side) / len(side) / _mean(side) ** 2 for side in (a, b))
    spread = math.exp(SPREAD_Z * math.sqrt(variance))
    return ratio / spread, ratio * spread


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _variance(values: list[float]) -> float:
    mean = _mean(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)
