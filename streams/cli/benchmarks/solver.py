"""Protocol A: the engine's splits beside the exact optimum, found by an integer program."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from streams.cli.benchmarks.timing import Result

CHECKOUT = Path(__file__).resolve().parents[3]
SOLVER = CHECKOUT / "tests" / "aggregates" / "solver.py"
CASES = {"quick": 16, "whole": 72, "full": 1000}
"""Cases of each number of venues, a multiple of the eight kinds; 72 take some half a minute of
processor time over all sizes. Each result says how many counted (`n`)."""
SIZES = (2, 5, 10, 20, 32, 50)


COLUMNS = {
    "venues": ("venues", 1, 0),
    "cases that count": ("n", 1, 0),
    "trivial %": ("trivial_share", 100, 1),
    "nothing fixed: overlap %": ("free_overlap", 100, 2),
    "fixed costs, lots, minimums: overlap %": ("fixed_overlap", 100, 2),
    "within %": ("fixed_within", 100, 1),
    "all: overlap %": ("overlap", 100, 2),
    "within %, all": ("within_tolerance", 100, 1),
    "excess bps": ("excess_bps", 1, 5),
    "random router %": ("random_overlap", 100, 1),
    "best-price router %": ("best_price_overlap", 100, 1),
}
"""Title of a column of the table -> (figure, scale, digits)."""


def table_lines(results: Iterable[dict[str, Any]]) -> list[str]:
    """Protocol A as a Markdown table, a line for each number of venues; none where none was run."""
    tables = [result["more"] for result in results if "fixed_overlap" in result.get("more", {})]
    if not tables:
        return []
    rows = [
        [f"{figures[name] * scale:,.{digits}f}" for name, scale, digits in COLUMNS.values()]
        for figures in tables
    ]
    return [f"| {' | '.join(row)} |" for row in [[*COLUMNS], ["---"] * len(COLUMNS), *rows]]


def is_present() -> bool:
    """Whether this is a checkout with the oracle's solver; an installed wheel has neither."""
    return SOLVER.exists() and importlib.util.find_spec("highspy") is not None


def protocol_a(venues: int, size: str) -> Result:
    """Mean overlap in percent over the cases that a random split misses."""
    count = CASES[size]
    table = _solver().table(venues, count)
    more = {name: round(value, 6) for name, value in asdict(table).items()}
    value = round(100 * table.overlap, 3)
    return Result(name=f"solver.{venues}", unit="% overlap", value=value, n=table.n, more=more)


def common(is_full: bool) -> Result:
    """Cost above the optimum in bps on random books of 24 venues; nothing left unplaced."""
    count, missing, excess, notional = _solver().common(3_000 if is_full else 600)
    more = {"shares_not_placed": float(missing), "excess_nanos": float(excess)}
    value = 1e4 * excess / notional
    return Result(name="solver.common", unit="bps excess", value=value, n=count, more=more)


def _solver() -> Any:
    if str(CHECKOUT) not in sys.path:
        sys.path.insert(0, str(CHECKOUT))
    return importlib.import_module("tests.aggregates.solver")
