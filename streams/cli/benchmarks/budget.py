"""The latency budget: what each stage of a tick and of an order takes, as a table in a page."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import InputError, NotFoundError
from streams.cli.benchmarks.goals import Figures

BEGIN = "<!-- latency budget: sor bench --budget writes what stands between these lines -->"
END = "<!-- end of the latency budget -->"
NAMES = ("fold.500x24.instructions", "decide.24.stages", "decide.24.native", "log.stages")
"""Benchmarks that the table is made from."""
ABOUT = {
    "decode": "header, source and time of an order",
    "admission": "identity, account, limits, arrival benchmark",
    "candidates": "gather: exclusions, levels, quality values, costs",
    "allocation": "charges, merge of ladders, search, protection",
    "record": "the decision's record and its two baselines",
    "children": "child records, reservations, timers",
}


def write_budget(path: Path, figures: Figures) -> None:
    """Puts the table between the marks of a page; InputError where marks or figures are missing."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"{path}: no such page; name the page with the marks") from None
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"{path}: has no {BEGIN!r} ... {END!r} to write between")
    missing = [name for name in NAMES if name not in figures]
    if missing:
        raise InputError(f"--budget needs {', '.join(missing)}; run it without names")
    table = "\n".join(budget_lines(figures))
    path.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")


def budget_lines(figures: Figures) -> list[str]:
    """Rows of the table: instructions are counted, the log's us are measured."""
    stages, log = figures["decide.24.stages"]["more"], figures["log.stages"]["more"]
    p50_us = figures["decide.24.native"]["p50"]
    whole = stages["with_record"]
    lines = [
        "| stage | what | instructions | share of the decision | about |",
        "|---|---|---|---|---|",
        f"| fold | a tick, all quality families | {figures[NAMES[0]]['value']:,.0f} | | |",
    ]
    for stage, what in ABOUT.items():
        share = stages[stage] / whole
        about = f"{share * p50_us:.2f} us"
        lines.append(f"| {stage} | {what} | {stages[stage]:,.0f} | {share:.0%} | {about} |")
    without = p50_us * (1 - stages["record"] / whole)
    group = f"fdatasync, shared by {log['orders_a_group']:.1f} orders"
    lines += [
        f"| **decision** | **with its record** | **{whole:,.0f}** | 100% | {p50_us:.2f} us |",
        f"| | without its record | {whole - stages['record']:,.0f} | | {without:.2f} us |",
        f"| log append | handing a decision over, from Python | | | {log['append_us']:.1f} us |",
        f"| writer | checksums, chain and write, inputs | | | {log['write_inputs_us']:.1f} us |",
        f"| publish | the same of outputs | | | {log['write_outputs_us']:.1f} us |",
        f"| sync | {group} | | | {log['sync_us_a_group']:,.0f} us |",
    ]
    next_one = max(ABOUT, key=lambda stage: stages[stage])
    lines += ["", f"The largest stage, so the next bottleneck, is **{next_one}**."]
    return lines
