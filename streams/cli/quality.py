"""`sor quality`: the venue quality tables of a run, at its end or at a moment."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from projections.views.names import Names
from projections.views.quality import QualityTable
from projections.views.reasons import duration
from schemas.errors import InputError
from schemas.units import INT64_MAX, NS_PER_S
from streams.cli import quality_tables as tables
from streams.cli.decisions import instrument_id
from streams.cli.terminal import print_json, print_table
from streams.replay.lookup import RunLookup

Row = dict[str, Any]
JSON_KEYS = {"liquidity": "rows"}
"""Table -> key in JSON, where that is another."""

FIRST_NS = 10**15
"""A number above this is a time in ns, below it a position."""


def quality(
    run: Path | None = None,
    /,
    *,
    live: bool = False,
    url: str | None = None,
    instrument: str | None = None,
    venue: str | None = None,
    at: str | None = None,
    table: Literal["liquidity", "execution", "venues"] | None = None,
    json: bool = False,
    csv: bool = False,
) -> int:
    """Show what each venue was worth, from the last published rows.

    Venues are shown as of the last quote, for the silence after it says nothing of them.
    Estimates are shown as value ± standard error (effective sample size), missing ones as "-".

    Args:
        run: Folder of the run; none with --live.
        live: The newest rows of the running service.
        url: Address of the service; SOR_URL or http://127.0.0.1:8080 by default.
        instrument: Only this instrument.
        venue: Only this venue.
        at: Input position, ns since 1970, or a UTC time like 2013-10-07T15:00:00.
        table: Only this table; without it all of them, and of CSV the first.
        json: One JSON object; missing is null.
        csv: Comma-separated values with a header line; missing is empty.
    """
    if live:
        from streams.cli.live import live_quality

        return live_quality(url, instrument, venue, json)
    if run is None:
        raise InputError("name the folder of a run, or --live for the running service")
    lookup = RunLookup(run)
    folded = fold(lookup, *moment_of(at))
    settled = folded if at is not None else at_last_quote(lookup, folded)
    chosen = instrument_id(lookup, instrument), venue_id(lookup, venue)
    rows = {
        "liquidity": folded.table(lookup.names, *chosen),
        "execution": folded.execution(lookup.names, *chosen),
        "venues": settled.venues(lookup.names, chosen[1]),
    }
    if json:
        named = {JSON_KEYS.get(name, name): rows[name] for name in rows if table in (None, name)}
        print_json(named)
    elif csv:
        write_csv([flat(row) for row in rows[table or "liquidity"]])
    else:
        for name in rows if table is None else (table,):
            PRINTERS[name](rows[name], lookup.names)
    return 0


def fold(lookup: RunLookup, max_seq: int, max_ns: int) -> QualityTable:
    """The tables of a run at a moment."""
    folded = QualityTable(max_seq, max_ns)
    for shard in lookup.run.shards():
        for frame in lookup.run.shard(shard).reader("outputs", verify_chain=False):
            folded.add(frame.payload)
    return folded


def at_last_quote(lookup: RunLookup, folded: QualityTable) -> QualityTable:
    """The tables when the last quote came: a recording ends and the log goes on.

    A venue that was not yet published then keeps its row of the end.
    """
    quoted = [row["quote_ns"] for row in folded.venues(lookup.names)]
    early = fold(lookup, INT64_MAX, max(quoted, default=INT64_MAX))
    early.add_unknown_venues(folded)
    return early


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


def print_liquidity(rows: list[Row], names: Names) -> None:
    """Sizes, spread and speed; decayed, of session time."""
    cells = [tables.liquidity_cells(row, names) for row in rows]
    print_table("Liquidity", tables.liquidity_titles(names), cells, 2)
    print_table("Speed and fills", tables.SPEED_TITLES, [tables.speed_cells(r) for r in rows], 2)


def print_execution(rows: list[Row], names: Names) -> None:
    """Costs, survival and markouts of our own children."""
    costs = [tables.cost_cells(row, names) for row in rows]
    print_table("Execution: cost", tables.COST_TITLES, costs, 2)
    survival = [tables.survival_cells(row) for row in rows]
    title = "Execution: how often at least so many round lots could be had, % (n)"
    print_table(title, tables.survival_titles(rows), survival, 2)
    rested = [row for row in rows if any(part["n"] for part in row["passive_fill"])]
    if rested:
        after = duration(names.settings.horizon_4_ns) if names.settings else "horizon"
        title = f"Execution: passive fills within {after}, % (n), by what is displayed ahead"
        cells = [tables.passive_cells(row) for row in rested]
        print_table(title, list(tables.PASSIVE_TITLES), cells, 2)
    markouts = [line for row in rows for line in tables.markout_cells(row)]
    title = "Execution: the mid afterwards"
    print_table(title, tables.markout_titles(names), markouts, 2)


def print_venues(rows: list[Row], _names: Names) -> None:
    """Health and latencies over all instruments."""
    several = len({row["shard"] for row in rows}) > 1
    cells = [tables.venue_cells(row, several) for row in rows]
    print_table("Venues", tables.VENUE_TITLES, cells, 3)
    feeds = [line for row in rows for line in tables.feed_cells(row)]
    if feeds:
        print_table("Feed above least ms, by class of instrument", tables.FEED_TITLES, feeds, 2)


PRINTERS: dict[str, Callable[[list[Row], Names], None]] = {
    "liquidity": print_liquidity,
    "execution": print_execution,
    "venues": print_venues,
}


def flat(row: Row) -> Row:
    """A row with one column for each value: X, X_se, X_n, and X_1 .. where there are several."""
    found: Row = {}
    for name, value in row.items():
        parts = {name: value}
        if isinstance(value, list | tuple):
            stem, unit, _ = name.partition("_bps")
            parts = {f"{stem}_{n}{unit}": part for n, part in enumerate(value, start=1)}
        for column, part in parts.items():
            found |= columns(column, part)
    return found


def columns(name: str, value: Any) -> Row:
    """Columns of one value."""
    if not isinstance(value, dict):
        return {name: value}
    main = value.get("value", value.get("probability"))
    rest = {f"{name}_{part}": value[part] for part in ("se", "n") if part in value}
    return {name: main} | rest


def write_csv(rows: list[Row]) -> None:
    """Writes rows on stdout."""
    if not rows:
        return
    writer = csv.DictWriter(sys.stdout, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
