"""The tables of an evaluation, as text cells; the page and the terminal show the same ones."""

from __future__ import annotations

from typing import Any, NamedTuple

from streams.evaluation.cells import interval, number, percent

Result = dict[str, Any]
KEY = ("single best price", "pro rata", "re-routing fee-aware sweep")
PLACES = 2
"""Of a cost in bps."""


class Report(NamedTuple):
    """A table, with `said` in words below it."""

    title: str
    heads: list[str]
    rows: list[list[str]]
    said: str = ""


def reports(result: Result) -> list[Report]:
    """Every table that has rows, the room first."""
    parts = (_improvement, _sizes, _protocols, _ladder, _dark, _controls, _families, _learning)
    made = (part(result) for part in parts)
    return [report for report in made if report.rows]


def _improvement(result: Result) -> Report:
    rows = [
        [
            row["baseline"],
            number(row["baseline_bps"], PLACES),
            number(row["ours_bps"], PLACES),
            number(row["bps"], PLACES),
            interval(row["bps_ci95"], PLACES),
            number(row["percent"], 1),
            interval(row["percent_ci95"], 1),
            number(row["gap_closed"], PLACES),
            interval(row["gap_ci95"], PLACES),
            number(row["weighted_bps"], PLACES),
            interval(row["weighted_bps_ci95"], PLACES),
        ]
        for row in result["improvement"]
    ]
    heads = ["baseline, same life cycle", "its bps", "ours", "saved", "95 %", "saved %", "95 %"]
    more = ["gap closed", "95 %", "saved by notional", "95 %"]
    return Report("improvement", [*heads, *more], rows, _room(result))


def _room(result: Result) -> str:
    """What the oracle itself could gain, before anything is claimed."""
    rows = {row["baseline"]: row for row in result["improvement"]}
    said = []
    for name in KEY if rows else ():
        room, base = rows[name]["room_bps"], rows[name]["baseline_bps"]
        said.append(f"{room:.2f} bps ({100 * room / base:.1f} %) against {name}")
    return f"The room: the oracle ({result['oracle']}) saves {', '.join(said)}."


def _sizes(result: Result) -> Report:
    """Saved against the fee-aware sweep by size of the parent."""
    rows = [
        [
            f"{size['touches']:g}",
            number(size["bps"], PLACES),
            interval(size["bps_ci95"], PLACES),
            str(size["n"]),
        ]
        for row in result["improvement"]
        if row["baseline"] == KEY[2]
        for size in row["by_size"]
    ]
    heads = ["touches", "saved bps", "95 %", "seeds"]
    return Report("by size of the parent, against the fee-aware sweep", heads, rows)


def _protocols(result: Result) -> Report:
    rows = [
        [
            str(a["venues"]),
            percent(a["overlap"]),
            percent(a["within_tolerance"]),
            percent(a["trivial_share"]),
            percent(a["random_overlap"]),
            percent(a["best_price_overlap"]),
            str(a["n"]),
            number(b["regret_bps"], PLACES),
            percent(c["accuracy"]),
            interval(c["accuracy_ci95"], 3),
            percent(c["accuracy_late"]),
            percent(c["accuracy_known"]),
            number(c["regret_bps"]),
            percent(c["share_left_out"]),
            str(c["n"]),
        ]
        for a, b, c in zip(result["A"], result["B"], result["C"], strict=True)
    ]
    heads = ["venues", "A overlap %", "A within %", "trivial %", "random %", "best price %", "A n"]
    more = ["B bps", "C %", "95 %", "C after 60 orders %", "C, habits known %", "C regret bps"]
    title = "A solver, B arrival, C choice of venue"
    return Report(title, [*heads, *more, "left out %", "C n"], rows)


def _ladder(result: Result) -> Report:
    rows = [
        [
            row["step"],
            number(row["cost_bps"], PLACES),
            number(row.get("saves_bps"), PLACES),
            interval(row["ci95"], PLACES) if "ci95" in row else "-",
        ]
        for row in result["ladder"]
    ]
    return Report("ladder", ["each on top of those before", "cost", "saves", "95 %"], rows)


def _dark(result: Result) -> Report:
    dark, title = result["dark"], "dark pools"
    if dark is None:
        return Report(title, [], [])
    c, halves = dark["C"], dark["children_by_half"]
    row = [
        percent(c["accuracy"]),
        interval(c["accuracy_ci95"]),
        percent(c["accuracy_known"]),
        number(c["regret_bps"]),
        str(c["n"]),
        *(number(value, 1) for name in ("leaking", "discreet") for value in halves[name]),
    ]
    heads = ["C with pools %", "95 %", "C, habits known %", "C regret bps", "C n"]
    more = ["to the pool that leaks, 1st half", "2nd half", "to another pool, 1st half", "2nd half"]
    said = "Children to pools are those of the headline's parents, a pool and market seed."
    return Report(title, [*heads, *more], [row], said)


def _controls(result: Result) -> Report:
    rows = [
        [
            row["name"],
            number(row["effect_bps"]),
            interval(row["ci95"]),
            number(row["bound_bps"]),
            "yes" if row["passes"] else "no",
            str(row["n"]),
        ]
        for row in result["controls"]
    ]
    heads = ["control", "effect bps", "95 %", "bound", "passes", "seeds"]
    return Report("controls: nothing must show", heads, rows)


def _families(result: Result) -> Report:
    rows = [
        [
            family["family"],
            percent(family["A"]["overlap"]),
            percent(family["C"]["accuracy"]),
            row["baseline"],
            number(row["bps"], PLACES),
            interval(row["bps_ci95"], PLACES),
            number(row["percent"], 1),
            interval(row["percent_ci95"], 1),
            number(row["gap_closed"], PLACES),
            interval(row["gap_ci95"], PLACES),
        ]
        for family in result["families"]
        for row in family["improvement"]
        if row["baseline"] in KEY
    ]
    heads = ["family", "A overlap %", "C %", "baseline", "saved", "95 %", "saved %", "95 %"]
    title = "families: the first tuned on, the others held out"
    return Report(title, [*heads, "gap closed", "95 %"], rows)


def _learning(result: Result) -> Report:
    learning, rows = result["learning"], []
    title = "learning: frozen minus live"
    if learning is None:
        return Report(title, [], [])
    for name, what in (("bps", "shortfall"), ("regret_bps", "regret of small parents")):
        gains = learning["frozen_minus_live"][name]
        quarters = [f"{number(q['bps'])} {interval(q['ci95'])}" for q in gains["quarters"]]
        day = f"{number(gains['day_bps'])} {interval(gains['day_ci95'])}"
        more = f"{number(gains['last_minus_first'])} {interval(gains['ci95'])}"
        rows.append([what, *quarters, day, more])
    heads = ["bps", "quarter 1", "2", "3", "4", "the day", "4 minus 1"]
    return Report(title, heads, rows, _switch(learning["after_switch"]))


def _switch(switch: Result) -> str:
    after = ", ".join(percent(share) for share in switch["after_by_bin"])
    back = f"{switch['orders']} orders" if switch["orders"] else "not within these"
    return (
        f"After the habits of venues are exchanged: {percent(switch['before'])} % of clear choices "
        f"were right before it; after it, by {switch['bin_orders']} orders: {after} %. Back at "
        f"97 % of the level before: {back}."
    )
