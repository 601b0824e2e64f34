"""`sor quality`: the venue quality table of a run, at its end or at a moment."""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from projections.views.quality import QualityTable
from projections.views.reasons import duration, price
from schemas.errors import InputError
from schemas.units import INT64_MAX, NS_PER_S
from streams.cli.decisions import instrument_id
from streams.cli.terminal import print_json, print_table
from streams.replay.lookup import RunLookup

FIRST_NS = 10**15
"""A number above this is a time in ns, below it a position."""


def quality(
    run: Path,
    /,
    *,
    instrument: str | None = None,
    venue: str | None = None,
    at: str | None = None,
    json: bool = False,
    csv: bool = False,
) -> int:
    """Show what each venue was worth, from the last published rows.

    Args:
        run: Folder of the run.
        instrument: Only this instrument.
        venue: Only this venue.
        at: Input position, ns since 1970, or a UTC time like 2013-10-07T15:00:00.
        json: One JSON object.
        csv: Comma-separated values with a header line.
    """
    lookup = RunLookup(run)
    table = QualityTable(*moment_of(at))
    for shard in lookup.run.shards():
        for frame in lookup.run.shard(shard).reader("outputs", verify_chain=False):
            table.add(frame.payload)
    rows = table.table(lookup.names, instrument_id(lookup, instrument), venue_id(lookup, venue))
    if json:
        print_json({"rows": rows})
    elif csv:
        write_csv(rows)
    else:
        print_table("", TITLES, [cells(row, lookup) for row in rows])
    return 0


def moment_of(at: str | None) -> tuple[int, int]:
    """(last position, last time) that count."""
    if at is None:
        return INT64_MAX, INT64_MAX
    if at.isdigit():
        value = int(at)
        return (INT64_MAX, value) if value >= FIRST_NS else (value, INT64_MAX)
    try:
        second = datetime.fromisoformat(at.removesuffix("Z"))
    except ValueError:
        raise InputError(
            f"--at {at}: give a position, ns since 1970, or a time like 2013-10-07T15:00:00"
        ) from None
    return INT64_MAX, int(second.replace(tzinfo=UTC).timestamp() * NS_PER_S)


def venue_id(lookup: RunLookup, key: str | None) -> int | None:
    """Dense id of a venue key; InputError with the known keys when there is none."""
    if key is None:
        return None
    found = lookup.names.venue_id(key)
    if found is None:
        known = ", ".join(name.key for name in lookup.names.venues.values())
        raise InputError(f"--venue {key}: not in this run; it has {known}")
    return found


TITLES = [
    "instrument",
    "venue",
    "quotes",
    "prints",
    "bid size",
    "ask size",
    "spread",
    "at bid",
    "at ask",
    "feed delay",
    "ack",
    "n",
    "fill ratio",
    "n",
]


def cells(row: dict[str, Any], lookup: RunLookup) -> list[str]:
    """One row as text; `n` is the weight behind the estimate before it."""
    found = lookup.names.instrument_id(row["instrument"])
    one = lookup.names.instrument(found if found is not None else -1)
    return [
        row["instrument"],
        row["venue"],
        f"{row['quotes']:,}",
        f"{row['trades']:,}",
        one.size(round(row["bid_units"])),
        one.size(round(row["ask_units"])),
        price(round(row["spread_nanos"])),
        f"{row['share_at_bid']:.1%}",
        f"{row['share_at_ask']:.1%}",
        duration(row["feed_delay_ns"]) if row["feed_delay_min_ns"] is not None else "-",
        duration(row["ack_ns"]),
        f"{row['ack_weight']:.1f}",
        f"{row['fill_ratio']:.1%}",
        f"{row['fill_weight']:.1f}",
    ]


def write_csv(rows: list[dict[str, Any]]) -> None:
    """Writes rows on stdout."""
    if not rows:
        return
    writer = csv.DictWriter(sys.stdout, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
