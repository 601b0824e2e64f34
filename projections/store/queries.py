"""What services ask of the read models: plain functions of the current generation.

    models = ReadModels("sqlite:///run/projections")
    page = models.page("decisions", Filters(instrument=("IBM",)), limit=100)
    page = models.page("decisions", Filters(instrument=("IBM",)), cursor=page.cursor)
    models.one("orders", "17")
    models.quality("quality", venue="XNAS")
    models.performance(by=("venue",), bucket="hour")

Thread-safe. A rebuild that was swapped in is followed at the next call. `position_key` changes
exactly when rows can have changed: it keys caches and ETags.
"""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from projections.store import cursors, performance, quality
from projections.store.convert import converter, parse_id
from projections.store.cursors import Cursor, FieldError
from projections.store.database import open_generations
from projections.store.lists import LISTS, Filters, ListSpec, conditions
from projections.store.tables import POSITIONS, TABLES
from projections.views.names import InstrumentName, Names, VenueName
from schemas.errors import NotFoundError

MAX_LIMIT = 1000
Row = dict[str, Any]


class Page(msgspec.Struct, frozen=True):
    """Rows of a list; `cursor` starts the next page, None at the end. `position` is the key."""

    rows: list[Row]
    cursor: str | None
    position: str


class NamedPolicy(msgspec.Struct, frozen=True):
    """A policy as far as names need it."""

    name: bytes


class ReadModels:
    """Reads the current generation of a store."""

    def __init__(self, url: str) -> None:
        self.generations = open_generations(url)
        self._lock = threading.Lock()
        self._number = 0
        self._engine: Engine | None = None
        self._names = Names()
        self._names_key: tuple[Any, ...] = ()

    def page(
        self,
        name: str,
        filters: Filters | None = None,
        *,
        sort: str = "-log_ns",
        limit: int = 100,
        cursor: str | None = None,
        fields: tuple[str, ...] = (),
    ) -> Page:
        """A page of a list, `sort` ascending or, with "-" before it, descending.

        Raises FieldError for a filter, sorting, field, limit or cursor that does not fit.
        """
        filters, spec = filters or Filters(), list_of(name)
        column, is_descending = sort_of(spec, sort)
        if not 1 <= limit <= MAX_LIMIT:
            raise FieldError("limit", f"{limit} is not from 1 to {MAX_LIMIT}")
        digest = cursors.digest_of(name, sort, filters)
        after = cursors.decode(cursor, digest) if cursor else None
        with self.connection() as connection:
            names = self.names(connection)
            shown = chosen(spec, fields)
            query = sa.select(*(spec.table.c[f] for f in shown), column, spec.table.c.id)
            query = query.where(*conditions(spec, filters, names))
            query = keyset(query, column, spec.table.c.id, is_descending, after).limit(limit + 1)
            position = self._position(connection)
            found = connection.execute(query).all()
        more = len(found) > limit
        found = found[:limit]
        last = Cursor(digest, found[-1][-2], found[-1][-1]) if more else None
        rows = convert_rows(spec.name, shown, found, names)
        return Page(rows, cursors.encode(last) if last else None, position)

    def one(self, name: str, identity: str, fields: tuple[str, ...] = ()) -> Row:
        """One row by id; NotFoundError when there is none."""
        spec = list_of(name)
        shown = chosen(spec, fields)
        key = parse_id(identity)
        query = sa.select(*(spec.table.c[f] for f in shown)).where(spec.table.c.id == key)
        with self.connection() as connection:
            names = self.names(connection)
            found = connection.execute(query).all()
        if not found:
            raise NotFoundError(f"{name}: no {identity!r}; list them first")
        return convert_rows(spec.name, shown, found, names)[0]

    def locator(self, decision: str) -> dict[str, int]:
        """Where the whole record of a decision lies: shard, segment_seq, offsets, size."""
        table = TABLES["decisions"]
        wanted = ("shard", "out_seq", "segment_seq", "frame_offset", "record_offset")
        query = sa.select(*(table.c[name] for name in wanted))
        with self.connection() as connection:
            row = connection.execute(query.where(table.c.id == parse_id(decision))).one_or_none()
        if row is None:
            raise NotFoundError(f"decisions: no {decision!r}; list them first")
        return dict(row._mapping)

    def table(self, name: str) -> list[Row]:
        """A whole small table: `venues`, `instruments`, `policies` or `kills`, by key."""
        table = TABLES[name]
        query = sa.select(table).order_by(*table.primary_key.columns)
        with self.connection() as connection:
            names = self.names(connection)
            found = connection.execute(query).all()
        return convert_rows(name, tuple(c.name for c in table.columns), found, names)

    def reference(self, input_type: int, instrument: str | None = None) -> list[bytes]:
        """The last reference records of a type as in the log; `input_dict` decodes them."""
        table = TABLES["reference"]
        query = sa.select(table.c.record).where(table.c.input_type == input_type)
        with self.connection() as connection:
            if instrument is not None:
                key = self.names(connection).instrument_id(instrument)
                query = query.where(table.c.instrument == key)
            ordered = query.order_by(table.c.instrument, table.c.venue, table.c.detail)
            return [bytes(row.record) for row in connection.execute(ordered)]

    def quality(
        self, kind: str = "quality", instrument: str | None = None, venue: str | None = None
    ) -> list[Row]:
        """A latest table: `quality`, `execution_quality` or `venue_quality`, by keys."""
        with self.connection() as connection:
            return quality.latest(connection, self.names(connection), kind, instrument, venue)

    def quality_history(
        self,
        kind: str,
        venue: str,
        instrument: str | None = None,
        filters: Filters | None = None,
        limit: int = 500,
    ) -> list[Row]:
        """Whole quality records of one place at the store's cadence, latest first."""
        with self.connection() as connection:
            names = self.names(connection)
            times = filters or Filters()
            return quality.history(connection, names, kind, venue, instrument, times, limit)

    def performance(
        self,
        by: tuple[str, ...] = ("venue",),
        bucket: str = "day",
        filters: Filters | None = None,
        limit: int = 1000,
    ) -> list[Row]:
        """Performance sums and ratios in `hour`, `day` or `all` buckets, grouped as asked."""
        with self.connection() as connection:
            names = self.names(connection)
            return performance.report(connection, names, by, bucket, filters or Filters(), limit)

    def positions(self) -> list[Row]:
        """How far each shard is projected."""
        with self.connection() as connection:
            rows = connection.execute(sa.select(POSITIONS).order_by(POSITIONS.c.shard)).all()
        return [dict(row._mapping) for row in rows]

    def position_key(self) -> str:
        """Names the state of the read models."""
        with self.connection() as connection:
            return self._position(connection)

    def names(self, connection: Connection) -> Names:
        """Keys of instruments, venues and policies, read again when one has changed."""
        key = tuple(tuple(connection.execute(NAME_KEYS[name]).one()) for name in NAME_KEYS)
        with self._lock:
            if key != self._names_key:
                self._names, self._names_key = load_names(connection), key
            return self._names

    def connection(self) -> Connection:
        """A connection to the current generation; NotFoundError when there is none yet."""
        number = self.generations.current()
        with self._lock:
            if number != self._number or self._engine is None:
                if not number:
                    raise NotFoundError("read models: none yet; start `sor projections run`")
                old, self._engine = self._engine, self.generations.engine(number)
                self._number, self._names_key = number, ()
                if old is not None:
                    old.dispose()
            return self._engine.connect()

    def close(self) -> None:
        """Gives connections back."""
        if self._engine is not None:
            self._engine.dispose()
        self.generations.close()

    def _position(self, connection: Connection) -> str:
        rows = connection.execute(POSITION_KEY).all()
        shards = ",".join(f"{shard}.{out_seq}.{seq}" for shard, out_seq, seq in rows)
        return f"{self._number}:{shards}"


POSITION_KEY = sa.select(POSITIONS.c.shard, POSITIONS.c.out_seq, POSITIONS.c.seq).order_by(
    POSITIONS.c.shard
)
NAME_KEYS = {
    name: sa.select(sa.func.count(), sa.func.max(TABLES[name].c.version))
    for name in ("instruments", "venues", "policies")
}


def list_of(name: str) -> ListSpec:
    """A list by name."""
    if name not in LISTS:
        raise NotFoundError(f"no list {name!r}; there are {', '.join(LISTS)}")
    return LISTS[name]


def sort_of(spec: ListSpec, sort: str) -> tuple[sa.Column[Any], bool]:
    """(column, whether descending) of a sorting."""
    name = sort.removeprefix("-")
    if name not in spec.sorts:
        raise FieldError("sort", f"{sort!r}: {spec.name} sort by {', '.join(spec.sorts)}")
    return spec.table.c[name], sort.startswith("-")


def chosen(spec: ListSpec, fields: tuple[str, ...]) -> tuple[str, ...]:
    """The fields to show; all where none is named."""
    for name in fields:
        if name not in spec.fields:
            raise FieldError("fields", f"{name!r} is none of {', '.join(spec.fields)}")
    return fields or spec.fields


def keyset(
    query: sa.Select[Any],
    column: Any,
    identity: Any,
    is_descending: bool,
    after: Cursor | None,
) -> sa.Select[Any]:
    """The query in order, behind a row."""
    if after is not None:
        place = sa.tuple_(column, identity)
        there = sa.tuple_(sa.literal(after.value), sa.literal(after.id))
        query = query.where(place < there if is_descending else place > there)
    if is_descending:
        return query.order_by(column.desc(), identity.desc())
    return query.order_by(column, identity)


def convert_rows(table: str, fields: tuple[str, ...], rows: Any, names: Names) -> list[Row]:
    """Rows as people read them."""
    columns: list[Any] = []
    for place, field in enumerate(fields):
        convert = converter(table, field, names)
        values = [row[place] for row in rows]
        columns.append(values if convert is None else [convert(value) for value in values])
    return [dict(zip(fields, values, strict=True)) for values in zip(*columns, strict=True)]


def load_names(connection: Connection) -> Names:
    """Names of what reference data has told."""
    names = Names()
    for row in connection.execute(sa.select(TABLES["instruments"])):
        names.instruments[row.instrument] = InstrumentName(
            row.key, row.quote_ccy, row.units_per_one
        )
    for row in connection.execute(sa.select(TABLES["venues"])):
        names.venues[row.venue] = VenueName(row.key, row.name)
    for row in connection.execute(sa.select(TABLES["policies"])):
        names.policies[row.policy] = NamedPolicy(row.name.encode())
    return names
