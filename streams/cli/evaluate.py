"""`sor evaluate`: how good the routing is, with intervals, controls and the room there was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from schemas.errors import InputError
from streams.cli.terminal import print_json, print_table, progress_bar


def evaluate(
    *,
    venues: int = 24,
    orders: int = 0,
    seed: int = 1,
    blocks: int = 0,
    quick: bool = False,
    full: bool = False,
    confirm: str = "",
    facts: Path | None = None,
    json: bool = False,
    out: Path | None = None,
) -> int:
    """Evaluate routing in simulated markets whose truth is known.

    Args:
        venues: Venues of the headline tables, 2 to 64; A, B and C are also run at 5 to 50.
        orders: Parent orders of each market seed, instead of the size's own.
        seed: First market seed.
        blocks: Market seeds of each table, instead of the size's own; below 30 no intervals.
        quick: The size of the tests, under a minute on two cores; the default.
        full: The size of the published figures.
        confirm: A commit: its hash gives the seeds, so that nobody chose them.
        facts: Folder of recorded data: print stylised facts beside the simulated ones, only.
        json: One JSON object instead of tables.
        out: Folder for blocks, result, plots and the record of configurations tried.
    """
    if facts is not None:
        from streams.evaluation.facts import compare_facts, fact_rows

        rows = compare_facts(facts)
        if json:
            print_json({"facts": rows})
        else:
            print_table("stylised facts", *fact_rows(rows))
        return 0
    from streams.evaluation.evaluate import FULL, QUICK, confirmation_seed
    from streams.evaluation.evaluate import evaluate as run

    if quick and full:
        raise InputError("--quick and --full: give one of them")
    if not 2 <= venues <= 64:
        raise InputError(f"--venues {venues}: give 2 to 64")
    if orders < 0 or blocks < 0 or seed < 0:
        raise InputError("--orders, --blocks and --seed: give 0 or more")
    size = FULL if full else QUICK
    plan = msgspec.structs.replace(
        size,
        headline=venues,
        orders=orders or size.orders,
        blocks=blocks or size.blocks,
        side_blocks=min(blocks, size.side_blocks) if blocks else size.side_blocks,
        control_blocks=min(blocks, size.control_blocks) if blocks else size.control_blocks,
        first_seed=confirmation_seed(confirm) if confirm else seed,
    )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    with progress_bar() as progress:
        result = run(plan, out, progress)
    if out is not None:
        from streams.evaluation.plots import plot

        plot(result, out)
    if json:
        print_json(result)
    else:
        print_result(result)
    return 0


def print_result(result: dict[str, Any]) -> None:
    """The tables a person reads first."""
    saved = ["baseline", "its bps", "ours", "saved bps", "95 %", "saved %", "95 %", "gap closed"]
    print_table(
        f"improvement, {result['improvement'][0]['n']} market seeds",
        [*saved, "95 %", "room bps"],
        [
            [
                row["baseline"],
                number(row["baseline_bps"]),
                number(row["ours_bps"]),
                number(row["bps"]),
                interval(row["bps_ci95"]),
                number(row["percent"], 1),
                interval(row["percent_ci95"], 1),
                number(row["gap_closed"], 2),
                interval(row["gap_ci95"], 2),
                number(row["room_bps"]),
            ]
            for row in result["improvement"]
        ],
    )
    print_table(
        "A solver, B arrival, C choice of venue",
        [
            "venues",
            "A overlap %",
            "A within %",
            "trivial %",
            "random %",
            "best price %",
            "B bps",
            "C %",
            "left out %",
            "C n",
        ],
        [
            [
                str(a["venues"]),
                percent(a["overlap"]),
                percent(a["within_tolerance"]),
                percent(a["trivial_share"]),
                percent(a["random_overlap"]),
                percent(a["best_price_overlap"]),
                number(b["regret_bps"]),
                percent(c["accuracy"]),
                percent(c["share_left_out"]),
                str(c["n"]),
            ]
            for a, b, c in zip(result["A"], result["B"], result["C"], strict=True)
        ],
    )
    print_table(
        "ladder",
        ["step", "cost bps", "saves bps", "95 %"],
        [
            [r["step"], number(r["cost_bps"]), number(r.get("saves_bps")), interval(r.get("ci95"))]
            for r in result["ladder"]
        ],
    )
    print_table(
        "controls: nothing must show",
        ["control", "effect bps", "95 %", "bound bps", "passes", "n"],
        [
            [
                row["name"],
                number(row["effect_bps"], 4),
                interval(row["ci95"], 4),
                number(row["bound_bps"], 4),
                "yes" if row["passes"] else "no",
                str(row["n"]),
            ]
            for row in result["controls"]
        ],
    )
    _print_families(result)


def _print_families(result: dict[str, Any]) -> None:
    """Held-out generator families and what was learned over the day."""
    print_table(
        "held-out families",
        ["family", "A overlap %", "C %", "baseline", "saved bps", "95 %", "saved %", "95 %"],
        [
            [
                family["family"],
                percent(family["A"]["overlap"]),
                percent(family["C"]["accuracy"]),
                row["baseline"],
                number(row["bps"]),
                interval(row["bps_ci95"]),
                number(row["percent"], 1),
                interval(row["percent_ci95"], 1),
            ]
            for family in result["families"]
            for row in family["improvement"]
            if row["baseline"] in {"single best price", "pro rata", "re-routing fee-aware sweep"}
        ],
    )
    learning = result["learning"]
    print_table(
        "frozen minus live quality, by quarter of the day",
        ["quarter", "bps", "95 %"],
        [
            [str(row["quarter"]), number(row["bps"]), interval(row["ci95"])]
            for row in learning["frozen_minus_live"]
        ],
    )
    switch = learning["after_switch"]
    shares = ", ".join(percent(share) for share in switch["after_by_bin"])
    print_table(
        "right choices around a switch of regime",
        ["before %", f"after, by {switch['bin_orders']} orders %", "back after orders"],
        [[percent(switch["before"]), shares, str(switch["orders"] or "not seen")]],
    )


def number(value: float | None, places: int = 3) -> str:
    """A value or a dash."""
    return "-" if value is None else f"{value:.{places}f}"


def percent(value: float | None) -> str:
    """A share in percent or a dash."""
    return "-" if value is None else f"{100 * value:.2f}"


def interval(value: list[float] | None, places: int = 3) -> str:
    """[low, high], or why there is none."""
    return "too few blocks" if value is None else f"[{value[0]:.{places}f}, {value[1]:.{places}f}]"
