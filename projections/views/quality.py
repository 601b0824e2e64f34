"""The venue quality tables: what was last published of each instrument at each venue.

Three tables: liquidity and speed (from ticks and answers), execution (from our fills), and venues
(health and latencies over all instruments). What nothing stands behind is None, never 0.
"""

from __future__ import annotations

from typing import Any

from projections.views.names import Names
from projections.views.score import score
from schemas import decisions
from schemas.codes import OutputType
from schemas.envelope import OUT_HEADER
from schemas.estimates import MIN_FOR_ERROR
from schemas.events import OutputEvent, QualityEvent
from schemas.layout import Layout
from schemas.units import INT64_MAX
from schemas.wire import decode_output, iter_raw_outputs, to_dict

Key = tuple[int, int]
"""(instrument, venue); in the table of venues (shard, venue)."""

LAYOUTS: dict[int, Layout] = {
    OutputType.QUALITY: decisions.QUALITY,
    OutputType.EXECUTION_QUALITY: decisions.EXECUTION_QUALITY,
    OutputType.VENUE_QUALITY: decisions.VENUE_QUALITY,
}
HIDDEN = ("type", "version", "out_seq")
VALUES_BY_SAMPLES = {
    "observed_ns": (
        "bid_units",
        "ask_units",
        "near_bid_units",
        "near_ask_units",
        "share_at_bid",
        "share_at_ask",
    ),
    "two_sided_share": ("spread_nanos",),
    "refill_bid_n": ("refill_bid_ns",),
    "refill_ask_n": ("refill_ask_ns",),
    "feed_delay_n": ("feed_delay_ns", "feed_delay_min_ns", "feed_delay_p90_ns"),
    "fill_ratio_n": ("fill_ratio",),
    "ack_n": ("ack_ns",),
}
"""What stands behind values -> the values, which are missing where it is 0."""

ERRORS_BY_SAMPLES = {
    "touch_changes": ("bid_units_se", "ask_units_se", "spread_nanos_se"),
    "feed_delay_n": ("feed_delay_se",),
    "fill_ratio_n": ("fill_ratio_se",),
    "ack_n": ("ack_ns_se",),
}
"""Sample size -> standard errors, which are missing where it is below two."""


class QualityTable:
    """Fold of QUALITY, EXECUTION_QUALITY and VENUE_QUALITY records up to a position or time."""

    def __init__(self, max_seq: int = INT64_MAX, max_ns: int = INT64_MAX) -> None:
        self.max_seq, self.max_ns = max_seq, max_ns
        self.tables: dict[int, dict[Key, bytes]] = {kind: {} for kind in LAYOUTS}

    def add(self, outputs: Any) -> None:
        """Folds the records of `outputs`."""
        for kind, raw in iter_raw_outputs(outputs):
            self.add_record(kind, raw)

    def add_record(self, kind: int, raw: Any) -> None:
        """Folds one record; its bytes are kept and decoded only when read."""
        table = self.tables.get(kind)
        if table is None:
            return
        head = OUT_HEADER.unpack(raw)
        if head.seq <= self.max_seq and head.log_ns <= self.max_ns:
            place = head.shard if kind == OutputType.VENUE_QUALITY else head.instrument
            table[place, LAYOUTS[kind].unpack(raw).venue] = bytes(raw)

    def add_unknown_venues(self, other: QualityTable) -> None:
        """Takes the rows of venues that it has none of from another fold."""
        for key, raw in other.tables[OutputType.VENUE_QUALITY].items():
            self.tables[OutputType.VENUE_QUALITY].setdefault(key, raw)

    def table(
        self, names: Names, instrument: int | None = None, venue: int | None = None
    ) -> list[dict[str, Any]]:
        """Liquidity and speed by instrument and venue key; shares and ratios are fractions."""
        events = self._events(OutputType.QUALITY, instrument, venue)
        return ordered([without_missing(named(event, names)) for event in events])

    def execution(
        self, names: Names, instrument: int | None = None, venue: int | None = None
    ) -> list[dict[str, Any]]:
        """What our fills cost by instrument and venue key; each estimate is {value, se, n}."""
        events = self._events(OutputType.EXECUTION_QUALITY, instrument, venue)
        return ordered([named(event, names) for event in events])

    def venues(self, names: Names, venue: int | None = None) -> list[dict[str, Any]]:
        """Health, latencies, fills and rejects by venue key and shard."""
        events = self._events(OutputType.VENUE_QUALITY, None, venue)
        rows = [named(event, names) for event in events]
        for row in rows:
            del row["instrument"]
            row["score"] = score(row)
        return sorted(rows, key=lambda row: (row["venue"], row["shard"]))

    def by_venue(self, names: Names) -> list[dict[str, Any]]:
        """One row a venue over all instruments; means are weighted by what stands behind them."""
        found: dict[int, list[Any]] = {}
        for event in self._events(OutputType.QUALITY, None, None):
            found.setdefault(event.venue, []).append(event)
        return [venue_means(names.venue(v), found[v]) for v in sorted(found, key=names.venue)]

    def _events(self, kind: int, place: int | None, venue: int | None) -> list[Any]:
        table = self.tables[kind]
        chosen = [key for key in table if place in (None, key[0]) and venue in (None, key[1])]
        return [decode_output(table[key]) for key in sorted(chosen)]


def ordered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows by instrument and venue key."""
    return sorted(rows, key=lambda row: (row["instrument"], row["venue"]))


def named(event: OutputEvent, names: Names) -> dict[str, Any]:
    """An event as plain values with keys for dense ids, the place first."""
    values = to_dict(event)  # type: ignore[arg-type]
    place = {
        "instrument": names.instrument(event.instrument).key,
        "venue": names.venue(values["venue"]),
    }
    return place | {n: v for n, v in values.items() if n not in place and n not in HIDDEN}


def without_missing(row: dict[str, Any]) -> dict[str, Any]:
    """The same row with None for what nothing stands behind."""
    gone = [v for n, values in VALUES_BY_SAMPLES.items() if not row[n] > 0.0 for v in values]
    gone += [
        value
        for n, values in ERRORS_BY_SAMPLES.items()
        if not row[n] >= MIN_FOR_ERROR
        for value in values
    ]
    return row | dict.fromkeys(gone)


def venue_means(venue: str, rows: list[QualityEvent]) -> dict[str, Any]:
    """One venue's rows as one."""
    observed = [row.observed_ns for row in rows]
    return {
        "venue": venue,
        "quotes": sum(row.quotes for row in rows),
        "trades": sum(row.trades for row in rows),
        "fills": sum(row.fills for row in rows),
        "share_at_bid": mean([row.share_at_bid for row in rows], observed),
        "share_at_ask": mean([row.share_at_ask for row in rows], observed),
        "fill_ratio": mean([row.fill_ratio for row in rows], [r.fill_ratio_n for r in rows]),
        "ack_ns": mean([row.ack_ns for row in rows], [row.ack_n for row in rows]),
        "feed_delay_ns": mean(
            [row.feed_delay_ns for row in rows], [row.feed_delay_n for row in rows]
        ),
    }


def mean(values: list[float], weights: list[float]) -> float | None:
    """Weighted mean in the given order, None where there is no weight."""
    mass = total = 0.0
    for value, weight in zip(values, weights, strict=True):
        mass += weight
        total += value * weight
    return total / mass if mass > 0.0 else None
