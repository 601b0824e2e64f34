"""The quality tables as a person reads them: units in the titles, ± standard error, (n)."""

from __future__ import annotations

from typing import Any

from projections.views.names import InstrumentName, Names
from projections.views.reasons import duration
from schemas.estimates import LATENCIES, QUANTILES
from schemas.units import E9, NS_PER_S
from streams.cli.quality_cells import (
    MISSING,
    amount,
    bps,
    error_amount,
    estimate,
    in_ms,
    milliseconds,
    number,
    samples,
    second,
    share,
    since,
)

Row = dict[str, Any]
Cells = list[str]
MARKOUTS = {
    "impact_bps": "taken: impact",
    "adverse_bps": "posted: adverse",
    "realised_bps": "posted: realised",
    "mid_adverse_bps": "mid: adverse",
}
"""Field -> which fills it is of, and what it measures of them."""

VENUE_TITLES = (
    "venue",
    "health",
    "since (UTC)",
    "score\nof 1000",
    "relapses",
    "clean of\nneeded",
    "usual gap\nms",
    "feed above least ms\np50 / p90 / p99 (n)",
    "ack ms\np50 / p90 / p99 (n)",
    "fill ms\np50 / p90 / p99 (n)",
    "filled %\n± se (n)",
    "rejected %\n± se (n)",
)
SPEED_TITLES = (
    "instrument",
    "venue",
    "quotes",
    "prints",
    "feed delay ms\n± se (n)",
    "least\nms",
    "p90\nms",
    "ack ms\n± se (n)",
    "fills",
    "filled %\n± se (n)",
)
COST_TITLES = (
    "instrument",
    "venue",
    "as of\n(UTC)",
    "first fill ms\n± se (n)",
    "rejected %\n± se (n)",
    "hidden size\n± se (n)",
    "effective spread\nbps ± se (n)",
    "improvement\nbps ± se (n)",
    "all-in\nbps ± se (n)",
    "wrong\nfees",
)
SIDES = ("bid", "ask")
FEED_DELAY = {"value": "ns", "se": "se", "n": "n"}
FILL_RATIO = {"value": "", "se": "_se", "n": "_n"}


def liquidity_titles(names: Names) -> list[str]:
    """Titles of the first table."""
    near = f"within {names.settings.near_ticks} ticks" if names.settings else "near the touch"
    return [
        "instrument",
        "venue",
        "bid size\n± se",
        "ask size\n± se",
        f"{near}\nbid / ask",
        "spread\n± se",
        "touch\nchanges",
        "at best %\nbid / ask",
        "refill s\nbid / ask",
    ]


def liquidity_cells(row: Row, names: Names) -> Cells:
    """What a venue shows of an instrument; spread in the quote currency."""
    one = instrument_of(row, names)
    spread = [scaled(row[name], E9) for name in ("spread_nanos", "spread_nanos_se")]
    return [
        row["instrument"],
        row["venue"],
        size(row, "bid_units", one),
        size(row, "ask_units", one),
        both(*(amount(ones(row[f"near_{side}_units"], one)) for side in SIDES)),
        estimate(amount(spread[0]), error_amount(spread[1])),
        samples(row["touch_changes"]),
        both(*(number(scaled(row[f"share_at_{side}"], 0.01), 1) for side in SIDES)),
        both(*(amount(scaled(row[f"refill_{side}_ns"], NS_PER_S)) for side in SIDES)),
    ]


def speed_cells(row: Row) -> Cells:
    """How fast a venue's feed and answers are, and how much of a child it fills."""
    ack = {"value": row["ack_ns"], "se": row["ack_ns_se"], "n": row["ack_n"]}
    feed = {name: row[f"feed_delay_{at}"] for name, at in FEED_DELAY.items()}
    filled = {name: row[f"fill_ratio{at}"] for name, at in FILL_RATIO.items()}
    return [
        row["instrument"],
        row["venue"],
        f"{row['quotes']:,}",
        f"{row['trades']:,}",
        in_ms(feed),
        milliseconds(row["feed_delay_min_ns"]),
        milliseconds(row["feed_delay_p90_ns"]),
        in_ms(ack),
        f"{row['fills']:,}",
        share(filled),
    ]


def cost_cells(row: Row, names: Names) -> Cells:
    """One row of what our fills cost."""
    one = instrument_of(row, names)
    hidden = row["hidden_units"]
    value, error = (ones(hidden[name], one) for name in ("value", "se"))
    return [
        row["instrument"],
        row["venue"],
        second(row["log_ns"]),
        in_ms(row["first_fill_ns"]),
        share(row["reject_rate"]),
        estimate(amount(value), error_amount(error), hidden["n"]),
        bps(row["effective_bps"]),
        bps(row["improvement_bps"]),
        bps(row["all_in_bps"]),
        f"{row['fee_mismatches']:,}",
    ]


def survival_titles(rows: list[Row]) -> list[str]:
    """Titles of the survival table."""
    sizes = [part["round_lots"] for part in rows[0]["available"]] if rows else []
    return ["instrument", "venue", *(f">= {lots}" for lots in sizes)]


def survival_cells(row: Row) -> Cells:
    """How often at least so many round lots could be had, in percent (n)."""
    parts = [{"value": p["probability"], "se": None, "n": p["n"]} for p in row["available"]]
    return [row["instrument"], row["venue"], *map(share, parts)]


PASSIVE_TITLES = ("instrument", "venue", "< 1 lot", "< 4 lots", "< 32 lots", "more")


def passive_cells(row: Row) -> Cells:
    """How often what rests is filled within the last horizon, in percent, by what is ahead."""
    return [row["instrument"], row["venue"], *map(share, row["passive_fill"])]


def markout_titles(names: Names) -> list[str]:
    """Titles of the markout table, by the settings' horizons."""
    fields = [f"horizon_{number}_ns" for number in range(1, 5)]
    horizons = [duration(getattr(names.settings, f)) if names.settings else f for f in fields]
    return ["instrument", "venue", "fills", *(f"after {after}\nbps ± se (n)" for after in horizons)]


def markout_cells(row: Row) -> list[Cells]:
    """A line for each kind of fill of which any horizon was seen."""
    place = [row["instrument"], row["venue"]]
    return [
        [*place, title, *map(bps, row[name])]
        for name, title in MARKOUTS.items()
        if any(part["n"] > 0.0 for part in row[name])
    ]


FEED_TITLES = ("venue", "class", "p50 / p90 / p99 (n)")


def feed_cells(row: Row) -> list[Cells]:
    """A line for each class of instrument of a venue that has several."""
    seen = [feed for feed in row["feed_by_class"] if feed["n"]]
    if len(seen) < 2:
        return []
    named = [{f"feed_{name}": value for name, value in feed.items()} for feed in seen]
    return [[row["venue"], feed["feed_asset_class"], quantiles(feed, "feed")] for feed in named]


def venue_cells(row: Row, several_shards: bool) -> Cells:
    """One row of the last table."""
    key = f"{row['venue']}, shard {row['shard']}" if several_shards else row["venue"]
    return [
        key,
        row["health"],
        since(row["since_ns"]),
        MISSING if row["score"] is None else f"{row['score']}",
        f"{row['relapses']}",
        f"{row['clean']} / {row['clean_needed']}" if row["health"] != "up" else MISSING,
        milliseconds(row["usual_gap_ns"]) if row["quote_ns"] else MISSING,
        *(quantiles(row, name) for name in LATENCIES),
        share(row["fill_ratio"]),
        share(row["reject_rate"]),
    ]


def quantiles(row: Row, name: str) -> str:
    """Three quantiles and how much they were counted from."""
    if not row[f"{name}_n"]:
        return MISSING
    parts = " / ".join(milliseconds(row[f"{name}_{at}_ns"]) for at in QUANTILES)
    return f"{parts} ({samples(row[f'{name}_n'])})"


def instrument_of(row: Row, names: Names) -> InstrumentName:
    """Names of the row's instrument."""
    found = names.instrument_id(row["instrument"])
    return names.instrument(-1 if found is None else found)


def size(row: Row, name: str, one: InstrumentName) -> str:
    """A size in whole ones with its error."""
    value, error = (ones(row[field], one) for field in (name, f"{name}_se"))
    return estimate(amount(value), error_amount(error))


def ones(units: float | None, one: InstrumentName) -> float | None:
    """A size in whole ones."""
    return scaled(units, one.units_per_one)


def scaled(value: float | None, by: float) -> float | None:
    """A value in a larger unit; missing stays missing."""
    return None if value is None else value / by


def both(bid: str, ask: str) -> str:
    """Two sides in one cell."""
    return MISSING if bid == ask == MISSING else f"{bid} / {ask}"
