"""Tables at the end of a run."""

from __future__ import annotations

from collections import Counter
from typing import Any

from projections.views.note import bps
from projections.views.totals import BASELINES
from streams.cli.quality_cells import latency, percent
from streams.cli.terminal import print_lines, print_table
from streams.replay.summary import Summary


def print_run(result: dict[str, Any], summary: Summary) -> None:
    """Counts, what the reader did, venues, costs, hashes."""
    print_lines("Run", list(count_lines(result, summary)))
    if "read" in result:
        print_lines("Read", read_lines(result["read"]))
    print_venues(summary)
    print_costs(summary)
    hashes = [f"state     {result['state_hash']}", f"decisions {result['decision_hash']}"]
    print_lines("Hashes", hashes)


def count_lines(result: dict[str, Any], summary: Summary) -> list[str]:
    """How much of what."""
    totals = summary.totals
    given = f"{result['ticks']:,} ticks, {result['orders']:,} orders"
    speed = f"{result['elapsed_s']:.1f} s, {result['inputs_per_s']:,} a second"
    sent = f"{result['children']:,} children at {result['venues']} venues"
    lines = [
        f"{result['inputs']:,} inputs ({given}) in {speed}",
        f"{result['decisions']:,} decisions, {sent}, {result['fills']:,} fills",
        f"orders ended: {counted(totals.ends)}",
    ]
    if totals.refusals:
        lines.append(f"refused: {counted(totals.refusals)}")
    if totals.alarms:
        lines.append(f"alarms: {counted(totals.alarms)}")
    return [*lines, f"written to {result['run']}"]


def counted(counter: Counter[str]) -> str:
    """Names and counts, the most frequent first."""
    parts = [f"{name.replace('_', ' ')} {count:,}" for name, count in counter.most_common()]
    return ", ".join(parts) or "none"


def read_lines(read: dict[str, Any]) -> list[str]:
    """Rows and what became of the odd ones."""
    rows = sum(read["rows"].values())
    lines = [f"{rows:,} rows -> {read['quotes']:,} quotes, {read['trades']:,} trades"]
    for name, found in read["outcomes"].items():
        lines.append(
            f"{found['treatment']:<8} {name:<24} {found['count']:>10,}  first at {found['sample']}"
        )
    return lines


def print_venues(summary: Summary) -> None:
    """Quality and fills, a row a venue."""
    fills = {row["venue"]: row for row in summary.totals.venue_rows()}
    rows = []
    for row in summary.quality.by_venue(summary.names):
        sent = fills.get(row["venue"], {})
        rows.append(
            [
                row["venue"],
                f"{row['quotes']:,}",
                f"{row['trades']:,}",
                percent(row["share_at_bid"]),
                percent(row["share_at_ask"]),
                percent(row["fill_ratio"]),
                latency(row["ack_ns"]),
                f"{sent.get('children', 0):,}",
                f"{sent.get('fills', 0):,}",
                f"{sent.get('notional', 0.0):,.2f}",
                f"{sent.get('fees', 0.0):,.2f}",
            ]
        )
    titles = ["venue", "quotes", "prints", "at bid", "at ask", "fill ratio", "ack"]
    print_table("Venues", [*titles, "children", "fills", "notional", "fees"], rows)


def print_costs(summary: Summary) -> None:
    """Expected against the baselines by policy, and realised against arrival."""
    totals, names = summary.totals, summary.names
    rows = []
    for policy in sorted({policy for policy, _ in totals.gaps}):
        row = [names.policy(policy)]
        for baseline in BASELINES:
            gap = totals.gaps[policy, baseline]
            row += [bps(gap.bps(names)), f"{gap.count:,}", f"{gap.unequal:,}"]
        rows.append(row)
    titles = ["saves against single best price", "n", "unequal", "fee-blind sweep", "n", "unequal"]
    print_table("Expected cost by policy", ["policy", *titles], rows)
    print_lines("Realised", [realised_line(summary)])


def realised_line(summary: Summary) -> str:
    """What the fills cost against the arrival mid."""
    gap = summary.totals.realised
    return (
        f"{bps(gap.bps(summary.names))} against the arrival mid over {gap.count:,} orders, fees "
        "included; fills are modelled"
    )
