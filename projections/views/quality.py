"""The venue quality table: the last published row of each instrument at each venue."""

from __future__ import annotations

from typing import Any

from projections.views.names import Names
from schemas.codes import OutputType
from schemas.decisions import QUALITY
from schemas.units import INT64_MAX
from schemas.wire import iter_raw_outputs


class QualityTable:
    """Fold of QUALITY records up to a position or time."""

    def __init__(self, max_seq: int = INT64_MAX, max_ns: int = INT64_MAX) -> None:
        self.max_seq, self.max_ns = max_seq, max_ns
        self.rows: dict[tuple[int, int], Any] = {}

    def add(self, outputs: Any) -> None:
        """Folds the records of `outputs`."""
        for kind, raw in iter_raw_outputs(outputs):
            self.add_record(kind, raw)

    def add_record(self, kind: int, raw: Any) -> None:
        """Folds one record; the raw bytes are kept and unpacked only when read."""
        if kind == OutputType.QUALITY:
            row = QUALITY.unpack(raw)
            if row.seq <= self.max_seq and row.log_ns <= self.max_ns:
                self.rows[row.instrument, row.venue] = row

    def table(
        self, names: Names, instrument: int | None = None, venue: int | None = None
    ) -> list[dict[str, Any]]:
        """Rows as plain values by instrument and venue key; shares and ratios are fractions."""
        chosen = [
            row
            for (at, place), row in self.rows.items()
            if instrument in (None, at) and venue in (None, place)
        ]
        rows = [quality_row(row, names) for row in chosen]
        return sorted(rows, key=lambda row: (row["instrument"], row["venue"]))

    def by_venue(self, names: Names) -> list[dict[str, Any]]:
        """One row a venue over all instruments; means are weighted by what stands behind them."""
        venues = sorted({venue for _, venue in self.rows}, key=names.venue)
        return [self._venue_row(venue, names) for venue in venues]

    def _venue_row(self, venue: int, names: Names) -> dict[str, Any]:
        rows = [self.rows[key] for key in sorted(self.rows) if key[1] == venue]
        observed = [row.observed_ns for row in rows]
        return {
            "venue": names.venue(venue),
            "quotes": sum(row.quotes for row in rows),
            "trades": sum(row.trades for row in rows),
            "fills": sum(row.fills for row in rows),
            "share_at_bid": mean([row.share_at_bid for row in rows], observed),
            "share_at_ask": mean([row.share_at_ask for row in rows], observed),
            "fill_ratio": mean([row.fill_ratio for row in rows], [r.fill_weight for r in rows]),
            "ack_ns": mean([row.ack_ns for row in rows], [row.ack_weight for row in rows]),
            "feed_delay_ns": mean(
                [row.feed_delay_ns for row in rows], [row.feed_delay_weight for row in rows]
            ),
        }


def mean(values: list[float], weights: list[float]) -> float:
    """Weighted mean in the given order; the plain mean where there is no weight."""
    mass = total = 0.0
    for value, weight in zip(values, weights, strict=True):
        mass += weight
        total += value * weight
    if mass > 0.0:
        return total / mass
    return sum(values) / len(values) if values else 0.0


def quality_row(row: Any, names: Names) -> dict[str, Any]:
    """One row as plain values."""
    values = row._asdict()
    hidden = ("size", "type", "version", "shard", "header_reserved", "reserved", "out_seq")
    for name in hidden:
        del values[name]
    place = {
        "instrument": names.instrument(row.instrument).key,
        "venue": names.venue(row.venue),
    }
    if row.feed_delay_min_ns == INT64_MAX:
        values["feed_delay_min_ns"] = None
    return {**place, **{name: v for name, v in values.items() if name not in place}}
