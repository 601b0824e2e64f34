"""The tables of `sor evaluate` as a person reads them."""

from __future__ import annotations

from typing import Any

from streams.cli.terminal import print_table

KEY_BASELINES = {"single best price", "pro rata", "re-routing fee-aware sweep"}
C_COLUMNS = ["after 60 orders %", "habits known %", "left out %", "C n"]
Result = dict[str, Any]


def print_result(result: Result) -> None:
    """Every table, the headline first."""
    _improvement(result)
    _protocols(result)
    _ladder(result)
    _controls(result)
    _families(result)
    _learning(result)


def _improvement(result: Result) -> None:
    columns = ["baseline", "its bps", "ours", "saved bps", "95 %", "saved %", "95 %"]
    rows = [
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
    ]
    title = f"improvement, {result['improvement'][0]['n']} market seeds"
    print_table(title, [*columns, "gap closed", "95 %", "room bps"], rows)


def _protocols(result: Result) -> None:
    columns = ["venues", "A overlap %", "A within %", "trivial %", "random %", "best price %"]
    rows = [
        [
            str(a["venues"]),
            percent(a["overlap"]),
            percent(a["within_tolerance"]),
            percent(a["trivial_share"]),
            percent(a["random_overlap"]),
            percent(a["best_price_overlap"]),
            number(b["regret_bps"]),
            percent(c["accuracy"]),
            percent(c["accuracy_late"]),
            percent(c["accuracy_known"]),
            percent(c["share_left_out"]),
            str(c["n"]),
        ]
        for a, b, c in zip(result["A"], result["B"], result["C"], strict=True)
    ]
    title = "A solver, B arrival, C choice of venue"
    print_table(title, [*columns, "B bps", "C %", *C_COLUMNS], rows)


def _ladder(result: Result) -> None:
    rows = [
        [row["step"], number(row["cost_bps"]), number(row.get("saves_bps")), _saves(row)]
        for row in result["ladder"]
    ]
    print_table("ladder", ["step", "cost bps", "saves bps", "95 %"], rows)


def _saves(row: Result) -> str:
    return interval(row["ci95"]) if "ci95" in row else "-"


def _controls(result: Result) -> None:
    rows = [
        [
            row["name"],
            number(row["effect_bps"], 4),
            interval(row["ci95"], 4),
            number(row["bound_bps"], 4),
            "yes" if row["passes"] else "no",
            str(row["n"]),
        ]
        for row in result["controls"]
    ]
    columns = ["control", "effect bps", "95 %", "bound bps", "passes", "n"]
    print_table("controls: nothing must show", columns, rows)


def _families(result: Result) -> None:
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
        ]
        for family in result["families"]
        for row in family["improvement"]
        if row["baseline"] in KEY_BASELINES
    ]
    columns = ["family", "A overlap %", "C %", "baseline", "saved bps", "95 %", "saved %", "95 %"]
    print_table("families: the first is tuned on, the others held out", columns, rows)


def _learning(result: Result) -> None:
    learning = result["learning"]
    for name, what in (("bps", "shortfall"), ("regret_bps", "regret of small parents")):
        gains = learning["frozen_minus_live"][name]
        rows = [
            [str(row["quarter"]), number(row["bps"]), interval(row["ci95"])]
            for row in gains["quarters"]
        ]
        day = [number(gains["day_bps"]), interval(gains["day_ci95"])]
        more = [number(gains["last_minus_first"]), interval(gains["ci95"])]
        title = f"frozen minus live, {what}, by quarter of the day"
        print_table(title, ["quarter", "bps", "95 %"], [*rows, ["all", *day], ["4 minus 1", *more]])
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
