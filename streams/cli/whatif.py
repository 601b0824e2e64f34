"""`sor whatif`: the inputs of a run under another policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streams.cli.terminal import print_json, print_lines, print_table, progress_bar
from streams.evaluation.cells import interval, number


def whatif(run: Path, /, *, policy: Path, json: bool = False) -> int:
    """Say what another policy would have cost on the inputs of a run.

    Decisions are exact, outcomes are modelled: both policies trade in the same fill simulator on
    the logged market, each learning from its own fills.

    Args:
        run: Folder of the run.
        policy: TOML with [policies.NAME] tables, or `orders.default_policy` to send all by one.
        json: One JSON object instead of tables.
    """
    from streams.whatif.compare import whatif as compare

    with progress_bar() as progress:
        result = compare(run, policy, progress)
    if json:
        print_json(result)
        return 0
    error, change = result["model_error"], result["difference"]
    print_lines(
        f"{result['orders']:,} orders, {result['blocks']} days: {result['what']}",
        [
            f"model error (original simulated - logged): {estimate(error)}",
            f"other policy - original: {estimate(change)}; {change['verdict']}",
            "positive is dearer; shortfall with fees, what was not filled priced at the horizon",
        ],
    )
    for what, rows in result["by"].items():
        print_table(f"by {what}", *_table(what, rows))
    return 0


def estimate(row: dict[str, Any]) -> str:
    """A value in bps with its interval."""
    return f"{number(row['bps'])} bps, 95 % {interval(row['ci95'])}"


def _table(what: str, rows: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    columns = [what, "orders", "difference bps", "95 %"]
    columns += (
        ["units before", "units after"] if what == "venue" else ["model error bps", "verdict"]
    )
    lines = []
    for row in rows:
        line = [row["name"], f"{row['n']:,}", number(row["bps"]), interval(row["ci95"])]
        if what == "venue":
            line += [f"{row['original_units']:,}", f"{row['other_units']:,}"]
        else:
            line += [number(row["model_error_bps"]), row["verdict"]]
        lines.append(line)
    return columns, lines
