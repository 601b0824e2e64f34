"""`sor evaluate`: how good the routing is, with intervals, controls and the room there was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from schemas.errors import InputError
from streams.cli.terminal import print_json, print_lines, print_table, progress_bar


def evaluate(
    *,
    venues: int = 24,
    orders: int = 0,
    seed: int = 1,
    blocks: int = 0,
    quick: bool = False,
    full: bool = False,
    confirm: str = "",
    part: tuple[str, ...] = (),
    facts: Path | None = None,
    run: Path | None = None,
    json: bool = False,
    out: Path | None = None,
    page: Path | None = None,
) -> int:
    """Evaluate routing in simulated markets whose truth is known.

    Args:
        venues: Venues of the headline tables, 2 to 64; A, B and C are also run at 5 to 50.
        orders: Parent orders of each market seed, instead of the size's own.
        seed: First market seed.
        blocks: Market seeds of each table, instead of the size's own; below 30 no intervals.
        quick: The size of the tests, about a minute on two cores; the default.
        full: The size of the published figures, about 17 minutes on two quiet cores.
        confirm: A commit: its hash gives the seeds, so that nobody chose them.
        part: Run this part only; may be given again. Parts are headline, families (or one of them),
            venues, controls (or a letter, a to f), learning.
        facts: Folder of recorded data: print stylised facts beside the simulated ones, only.
        run: Folder of a run, of recorded data say: score its decisions by protocols A and B, only.
        json: One JSON object instead of tables.
        out: Folder for blocks, result, plots and the record of configurations tried; a run that was
            stopped goes on where it was.
        page: A Markdown page whose tables, between two marks, are written anew (RESULTS.md).
    """
    if facts is not None:
        return print_facts(facts, json, page)
    if run is not None:
        return print_run(run, json)
    plan = _plan(venues, orders, seed, blocks, (quick, full, confirm, part))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    from streams.evaluation import evaluate as harness
    from streams.evaluation.page import write_page
    from streams.evaluation.plots import plot
    from streams.evaluation.report import reports

    with progress_bar() as progress:
        result = harness.evaluate(plan, out, progress)
    if out is not None and result["improvement"]:
        plot(result, out)
    made = reports(result)
    if page is not None:
        write_page(page, made, told(result, confirm))
    if json:
        print_json(result)
    else:
        print_reports(made)
    return 0


def print_reports(made: list[Any]) -> None:
    """Every table, and what is said of it."""
    for report in made:
        print_table(report.title, report.heads, report.rows)
        if report.said:
            print_lines("", [report.said])


def told(result: dict[str, Any], confirm: str) -> str:
    """How the tables of a page came about."""
    from streams.cli.benchmarks.machine import commit

    seeds = result["seeds"]
    whence = f"the confirmation seeds of {confirm}" if confirm else "the tuning seeds"
    sizes = (
        f"{seeds['blocks']} market seeds of {seeds['orders']} parents a family, "
        f"{seeds['side_blocks']} by number of venues, {seeds['control_blocks']} a control, "
        f"{seeds['learn_blocks']} of learning"
    )
    return (
        f"At commit {commit()}, {whence} from {seeds['first_seed']}: {sizes}. All in bps of the "
        "arrival mid, intervals of 95 % paired by seed; configurations tried in this folder: "
        f"{result['configurations_tried']}."
    )


def print_facts(data: Path, json: bool, page: Path | None) -> int:
    """Stylised facts of recorded sets and presets, side by side."""
    from streams.evaluation.facts import compare_facts, fact_rows
    from streams.evaluation.page import FACTS_MARK, write_page
    from streams.evaluation.report import Report

    rows = compare_facts(data)
    report = Report("stylised facts", *fact_rows(rows))
    if page is not None:
        write_page(page, [report], "", FACTS_MARK)
    if json:
        print_json({"facts": rows})
    else:
        print_reports([report])
    return 0


def print_run(run: Path, json: bool) -> int:
    """Protocols A and B of a run's logged decisions."""
    from streams.evaluation.cells import number, percent
    from streams.evaluation.recorded import score_run

    result = score_run(run)
    a, b = result["A"], result["B"]
    if json:
        print_json({"A": [a], "B": [b], "run": result["run"]})
        return 0
    columns = ["venues", "overlap %", "within %", "trivial %", "random %", "best price %", "n"]
    shares = ("overlap", "within_tolerance", "trivial_share", "random_overlap")
    cells = [percent(a[name]) for name in (*shares, "best_price_overlap")]
    print_table(f"A on {run}", columns, [[str(a["venues"]), *cells, f"{a['n']:,}"]])
    columns = ["regret bps", "its 90 %", "best split by decision-time books, bps", "n", "left out"]
    cells = [number(b[name]) for name in ("regret_bps", "regret_bps_p90", "decision_time_bps")]
    print_table(f"B on {run}", columns, [[*cells, f"{b['n']:,}", f"{b['left_out']:,}"]])
    return 0


def _plan(
    venues: int,
    orders: int,
    seed: int,
    blocks: int,
    size: tuple[bool, bool, str, tuple[str, ...]],
) -> Any:
    """What is asked for, checked."""
    from streams.evaluation.plan import FULL, QUICK, checked_parts, confirmation_seed

    is_quick, is_full, commit, parts = size
    if is_quick and is_full:
        raise InputError("--quick and --full: give one of them")
    if not 2 <= venues <= 64:
        raise InputError(f"--venues {venues}: give 2 to 64")
    if orders < 0 or blocks < 0 or seed < 0:
        raise InputError("--orders, --blocks and --seed: give 0 or more")
    plan = FULL if is_full else QUICK
    return msgspec.structs.replace(
        plan,
        headline=venues,
        orders=orders or plan.orders,
        control_orders=orders or plan.control_orders,
        learn_orders=orders or plan.learn_orders,
        blocks=blocks or plan.blocks,
        side_blocks=min(blocks or plan.side_blocks, plan.side_blocks),
        control_blocks=blocks or plan.control_blocks,
        learn_blocks=blocks or plan.learn_blocks,
        first_seed=confirmation_seed(commit) if commit else seed,
        parts=checked_parts(parts),
    )
