"""The quality tables as stored: latest rows by column, history as whole records."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from projections.store.convert import shown_instrument
from projections.store.cursors import FieldError
from projections.store.lists import Filters, known, time_conditions, venue_id
from projections.store.tables import TABLES
from projections.views.names import Names
from projections.views.quality import named, without_missing
from schemas.codes import HealthState, OutputType
from schemas.units import INSTRUMENT_NONE
from schemas.wire import code_name, decode_output

KINDS = {
    "quality": OutputType.QUALITY,
    "execution_quality": OutputType.EXECUTION_QUALITY,
    "venue_quality": OutputType.VENUE_QUALITY,
}
MAX_HISTORY = 10_000
Row = dict[str, Any]


def kind_of(kind: str) -> OutputType:
    """The record type of a quality table."""
    if kind not in KINDS:
        raise FieldError("kind", f"{kind!r} is none of {', '.join(KINDS)}")
    return KINDS[kind]


def latest(
    connection: Connection, names: Names, kind: str, instrument: str | None, venue: str | None
) -> list[Row]:
    """Rows of a latest table by instrument and venue key; what was never seen is None."""
    kind_of(kind)
    table = TABLES[kind]
    query = sa.select(*(column for column in table.columns if column.name != "record"))
    if instrument is not None:
        found = known("instrument", instrument, names.instrument_id(instrument))
        query = query.where(table.c.instrument == found)
    if venue is not None:
        query = query.where(table.c.venue == venue_id(venue, names))
    rows = [shown(dict(row._mapping), names) for row in connection.execute(query)]
    return sorted(rows, key=lambda row: (row["instrument"] or "", row["venue"], row["shard"]))


def shown(row: Row, names: Names) -> Row:
    """A latest row with keys and names."""
    row["instrument"] = shown_instrument(row["instrument"], names)
    row["venue"] = names.venue(row["venue"])
    if "health" in row:
        row["health"] = code_name(HealthState, row["health"])
    return row


def history(
    connection: Connection,
    names: Names,
    kind: str,
    venue: str,
    instrument: str | None,
    times: Filters,
    limit: int,
) -> list[Row]:
    """Whole records of one instrument at one venue, latest first."""
    if not 1 <= limit <= MAX_HISTORY:
        raise FieldError("limit", f"{limit} is not from 1 to {MAX_HISTORY}")
    table, code = TABLES["quality_history"], kind_of(kind)
    place = INSTRUMENT_NONE
    if code is not OutputType.VENUE_QUALITY:
        if instrument is None:
            raise FieldError("instrument", f"{kind} is kept by instrument; name one")
        place = known("instrument", instrument, names.instrument_id(instrument))
    query = (
        sa.select(table.c.record)
        .where(table.c.kind == int(code), table.c.instrument == place)
        .where(table.c.venue == venue_id(venue, names))
        .where(*time_conditions(table.c.log_ns, times))
        .order_by(table.c.log_ns.desc(), table.c.shard)
        .limit(limit)
    )
    return [record_row(bytes(row.record), names) for row in connection.execute(query)]


def record_row(raw: bytes, names: Names) -> Row:
    """A whole quality record as plain values."""
    row = named(decode_output(raw), names)
    return without_missing(row) if "observed_ns" in row else row
