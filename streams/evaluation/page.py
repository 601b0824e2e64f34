"""The tables of an evaluation as a page keeps them, between two marks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas.errors import InputError

BEGIN, END = "<!-- tables: sor evaluate --page -->", "<!-- end of tables -->"
Result = dict[str, Any]
Rows = list[list[str]]
KEY = ("single best price", "pro rata", "re-routing fee-aware sweep")


def write_page(page: Path, result: Result, told: str) -> None:
    """Replaces what stands between the marks of `page`; `told` says what printed it."""
    if not page.exists():
        raise InputError(f"{page}: no such page; name one with the marks {BEGIN} and {END}")
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"{page}: has no marks; put {BEGIN} and {END} where the tables belong")
    page.write_text(f"{before}{BEGIN}\n{told}\n\n{tables(result)}\n{END}{after}", encoding="utf-8")


def tables(result: Result) -> str:
    """Every table, the room first."""
    parts = (_room, _improvement, _sizes, _protocols, _ladder, _controls, _families, _learning)
    return "\n\n".join(part(result) for part in parts)


def _room(result: Result) -> str:
    """What the oracle itself could gain, before anything is claimed."""
    rows = {row["baseline"]: row for row in result["improvement"]}
    said = []
    for name in KEY:
        room, base = rows[name]["room_bps"], rows[name]["baseline_bps"]
        said.append(f"{room:.2f} bps ({100 * room / base:.1f} %) against {name}")
    return f"The room: the oracle ({result['oracle']}) saves {', '.join(said)}."


def _improvement(result: Result) -> str:
    rows = [
        [
            row["baseline"],
            number(row["baseline_bps"]),
            number(row["ours_bps"]),
            number(row["bps"]),
            interval(row["bps_ci95"]),
            number(row["percent"], 1),
            interval(row["percent_ci95"], 1),
            number(row["gap_closed"]),
            interval(row["gap_ci95"]),
            number(row["weighted_bps"]),
            interval(row["weighted_bps_ci95"]),
        ]
        for row in result["improvement"]
    ]
    heads = ["baseline, same life cycle", "its bps", "ours", "saved", "95 %", "saved %", "95 %"]
    return table([*heads, "gap closed", "95 %", "saved by notional", "95 %"], rows)


def _sizes(result: Result) -> str:
    """Saved against the fee-aware sweep by size of the parent."""
    row = next(row for row in result["improvement"] if row["baseline"] == KEY[2])
    rows = [
        [f"{size['touches']:g}", number(size["bps"]), interval(size["bps_ci95"]), str(size["n"])]
        for size in row["by_size"]
    ]
    return table(["touches, against the fee-aware sweep", "saved bps", "95 %", "seeds"], rows)


def _protocols(result: Result) -> str:
    rows = [
        [
            str(a["venues"]),
            percent(a["overlap"]),
            percent(a["within_tolerance"]),
            percent(a["trivial_share"]),
            percent(a["random_overlap"]),
            percent(a["best_price_overlap"]),
            str(a["n"]),
            number(b["regret_bps"]),
            percent(c["accuracy"]),
            percent(c["accuracy_late"]),
            percent(c["accuracy_known"]),
            number(c["regret_bps"], 3),
            percent(c["share_left_out"]),
            str(c["n"]),
        ]
        for a, b, c in zip(result["A"], result["B"], result["C"], strict=True)
    ]
    heads = ["venues", "A overlap %", "A within %", "trivial %", "random %", "best price %", "A n"]
    more = ["B bps", "C %", "C after 60 orders %", "C, habits known %", "C regret bps"]
    return table([*heads, *more, "left out %", "C n"], rows)


def _ladder(result: Result) -> str:
    rows = [
        [
            row["step"],
            number(row["cost_bps"]),
            number(row.get("saves_bps")),
            interval(row["ci95"]) if "ci95" in row else "-",
        ]
        for row in result["ladder"]
    ]
    return table(["ladder: each on top of those before", "cost", "saves", "95 %"], rows)


def _controls(result: Result) -> str:
    rows = [
        [
            row["name"],
            number(row["effect_bps"], 3),
            interval(row["ci95"], 3),
            number(row["bound_bps"], 3),
            "yes" if row["passes"] else "no",
            str(row["n"]),
        ]
        for row in result["controls"]
    ]
    return table(["control", "effect bps", "95 %", "bound", "passes", "seeds"], rows)


def _families(result: Result) -> str:
    rows = [
        [
            family["family"],
            percent(family["A"]["overlap"]),
            percent(family["C"]["accuracy"]),
            row["baseline"],
            number(row["bps"]),
            interval(row["bps_ci95"]),
            number(row["percent"], 1),
            interval(row["percent_ci95"], 1),
            number(row["gap_closed"]),
            interval(row["gap_ci95"]),
        ]
        for family in result["families"]
        for row in family["improvement"]
        if row["baseline"] in KEY
    ]
    heads = ["family (first tuned on, others held out)", "A overlap %", "C %", "baseline"]
    return table([*heads, "saved", "95 %", "saved %", "95 %", "gap closed", "95 %"], rows)


def _learning(result: Result) -> str:
    learning = result["learning"]
    rows: Rows = []
    for name, what in (("bps", "shortfall"), ("regret_bps", "regret of small parents")):
        gains = learning["frozen_minus_live"][name]
        quarters = [f"{number(q['bps'], 3)} {interval(q['ci95'], 3)}" for q in gains["quarters"]]
        day = f"{number(gains['day_bps'], 3)} {interval(gains['day_ci95'], 3)}"
        more = f"{number(gains['last_minus_first'], 3)} {interval(gains['ci95'], 3)}"
        rows.append([what, *quarters, day, more])
    heads = ["frozen minus live, bps", "quarter 1", "2", "3", "4", "the day", "4 minus 1"]
    switch = learning["after_switch"]
    after = ", ".join(percent(share) for share in switch["after_by_bin"])
    back = f"{switch['orders']} orders" if switch["orders"] else "not within these"
    said = (
        f"After the habits of venues are exchanged: {percent(switch['before'])} % of clear choices "
        f"were right before it; after it, by {switch['bin_orders']} orders: {after} %. Back at "
        f"97 % of the level before: {back}."
    )
    return f"{table(heads, rows)}\n\n{said}"


def table(heads: list[str], rows: Rows) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def number(value: float | None, places: int = 2) -> str:
    """A value or a dash."""
    return "-" if value is None else f"{value:.{places}f}"


def percent(value: float | None) -> str:
    """A share in percent or a dash."""
    return "-" if value is None else f"{100 * value:.1f}"


def interval(value: list[float] | None, places: int = 2) -> str:
    """[low, high], or why there is none."""
    return "too few blocks" if value is None else f"[{value[0]:.{places}f}, {value[1]:.{places}f}]"
