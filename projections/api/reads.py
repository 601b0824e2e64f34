"""Pages of the read models: filters, order, opaque cursors, a cache keyed by position.

A page goes on behind the last row of the one before (keyset), so rows that are added meanwhile are
neither skipped nor shown twice. The cursor names that row, the order and the filters it was made
with. What was asked is answered from a cache as long as nothing has been projected since.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from projections.api.problems import ProblemError
from projections.store.database import Generations
from projections.store.tables import POSITIONS, TABLES
from projections.views.columns import CHILDREN
from projections.views.names import Names
from projections.views.reference_columns import REFERENCE
from projections.views.view import View
from schemas.errors import NotFoundError

MAX_LIMIT = 1_000
QUERY_S = 5.0
"""A question that takes the database longer is given up."""

STEPS = 20_000
"""SQLite looks at the time once in so many steps of its machine."""

CACHED = 512
CACHED_BYTES = 256 * 1024


@dataclass(frozen=True)
class Query:
    """What is asked of a view: `where` are (column, operator, value), see `condition`."""

    view: View
    columns: tuple[str, ...]
    where: tuple[tuple[str, str, Any], ...] = ()
    order: str = "id"
    is_descending: bool = True
    limit: int = 100
    after: tuple[Any, ...] | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that order the rows, the last ones telling equal rows apart."""
        keys = self.view.key_names
        return keys if self.order in keys else (self.order, *keys)

    def digest(self) -> str:
        """What a cursor belongs to: view, filters and order."""
        asked = repr((self.view.name, self.where, self.order, self.is_descending))
        return hashlib.sha256(asked.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Page:
    """Rows as tuples of the columns asked for; `last` are the last row's keys where more follow."""

    rows: list[tuple[Any, ...]]
    last: tuple[Any, ...] | None
    position: dict[str, int]


@dataclass
class Reads:
    """Reads one store, whichever generation is current."""

    generations: Generations
    _number: int = 0
    _engine: Engine | None = None
    _names: tuple[int, Names] = field(default_factory=lambda: (-1, Names()))
    _cache: OrderedDict[Any, tuple[Any, bytes]] = field(default_factory=OrderedDict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    hits: int = 0
    misses: int = 0

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection whose statements end after QUERY_S; ProblemError 503 then."""
        with self.engine().connect() as connection:
            bound(connection)
            try:
                yield connection
            except sa.exc.OperationalError as error:
                raise unread(error) from None

    def engine(self) -> Engine:
        """Connections to the current generation; ProblemError 503 when there is none yet."""
        current = self.generations.current()
        if not current:
            raise ProblemError(503, "not_ready", "the read models are not there yet; try again")
        with self._lock:
            if self._engine is None or current != self._number:
                if self._engine is not None:
                    self._engine.dispose()
                try:
                    self._engine, self._number = self.generations.engine(current), current
                except NotFoundError:
                    raise ProblemError(503, "not_ready", "the read models are being made") from None
                self._names = (-1, Names())
            return self._engine

    def position(self, connection: Connection) -> dict[str, int]:
        """How far the read models are, by shard."""
        rows = connection.execute(sa.select(POSITIONS.c.shard, POSITIONS.c.out_seq)).all()
        return {str(shard): int(out_seq) for shard, out_seq in rows}

    def stamp(self) -> tuple[int, dict[str, int], int]:
        """(generation, out_seq by shard, newest log time) of what is stored now."""
        with self.connect() as connection:
            position = self.position(connection)
            newest = connection.execute(sa.select(sa.func.max(POSITIONS.c.log_ns))).scalar()
        return self._number, position, int(newest or 0)

    def names(self, connection: Connection) -> Names:
        """Names behind dense ids, read again when a reference record was added."""
        table = TABLES[REFERENCE.name]
        version = connection.execute(sa.select(sa.func.max(table.c.version))).scalar() or 0
        if version != self._names[0]:
            names = Names()
            for kind, raw in connection.execute(sa.select(table.c.input_type, table.c.record)):
                names.add(kind, raw)
            self._names = (version, names)
        return self._names[1]

    def page(self, query: Query) -> tuple[Page, Names]:
        """One page, and the names of its ids."""
        with self.connect() as connection:
            position, names = self.position(connection), self.names(connection)
            return self.page_of(connection, query, position), names

    def page_of(self, connection: Connection, query: Query, position: dict[str, int]) -> Page:
        """One page over a connection that has told its position."""
        found = connection.execute(statement(query, (*query.columns, *query.keys))).all()
        rows = [tuple(row) for row in found[: query.limit]]
        width = len(query.columns)
        last = rows[-1][width:] if len(found) > query.limit else None
        return Page([row[:width] for row in rows], last, position)

    def one(self, view: View, where: dict[str, Any]) -> tuple[dict[str, Any], Names] | None:
        """One whole row by key columns."""
        table = TABLES[view.name]
        query = sa.select(table).where(*(table.c[n] == v for n, v in where.items())).limit(1)
        with self.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
            names = self.names(connection)
        return None if row is None else (dict(row), names)

    def rows(
        self, view: View, where: dict[str, Any], order: str, most: int = MAX_LIMIT
    ) -> list[dict[str, Any]]:
        """All whole rows with these values, few by nature; ProblemError 400 beyond `most`."""
        table = TABLES[view.name]
        query = matching(table, where).order_by(table.c[order])
        with self.connect() as connection:
            found = connection.execute(query.limit(most + 1)).mappings().all()
        if len(found) > most:
            detail = f"more than {most} rows; narrow it by its parameters"
            raise ProblemError(400, "too_many_rows", detail)
        return [dict(row) for row in found]

    def newest(
        self, view: View, where: dict[str, Any], order: str, limit: int
    ) -> list[dict[str, Any]]:
        """The newest whole rows with these values, by a column that grows."""
        table = TABLES[view.name]
        query = matching(table, where).order_by(table.c[order].desc(), table.c.shard)
        with self.connect() as connection:
            return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]

    def cached(self, key: Any, stamp: Any) -> bytes | None:
        """The answer to the same question at the same position."""
        with self._lock:
            found = self._cache.get(key)
            if found is None or found[0] != stamp:
                self.misses += 1
                return None
            self.hits += 1
            self._cache.move_to_end(key)
            return found[1]

    def keep(self, key: Any, stamp: Any, body: bytes) -> None:
        """Keeps an answer, with the position it holds for."""
        if len(body) > CACHED_BYTES:
            return
        with self._lock:
            self._cache[key] = (stamp, body)
            self._cache.move_to_end(key)
            while len(self._cache) > CACHED:
                self._cache.popitem(last=False)

    def close(self) -> None:
        """Gives connections back."""
        if self._engine is not None:
            self._engine.dispose()
        self.generations.close()


def bound(connection: Connection) -> None:
    """Ends what runs for longer than QUERY_S on this connection, until it is given back."""
    if connection.dialect.name == "sqlite":
        ends = time.monotonic() + QUERY_S
        raw: Any = connection.connection.driver_connection
        raw.set_progress_handler(lambda: time.monotonic() > ends, STEPS)
    else:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(QUERY_S * 1000)}")


def unread(error: sa.exc.OperationalError) -> ProblemError:
    """The problem behind a statement that failed."""
    if any(word in str(error.orig) for word in ("interrupted", "statement timeout")):
        detail = f"it takes more than {QUERY_S:g} s; ask for less time, or by instrument"
        return ProblemError(503, "too_slow", detail)
    return ProblemError(503, "not_ready", "the read models are being made")


def statement(query: Query, wanted: tuple[str, ...]) -> sa.Select[Any]:
    """The SELECT of one page and one row more."""
    table = TABLES[query.view.name]
    found = sa.select(*(table.c[name].label(f"c{n}") for n, name in enumerate(wanted)))
    for name, operator, value in query.where:
        found = found.where(condition(table.c[name], operator, value))
    keys = [table.c[name] for name in query.keys]
    if query.after is not None:
        found = found.where(behind(keys, query.after, query.is_descending))
    return found.order_by(*((k.desc() if query.is_descending else k.asc()) for k in keys)).limit(
        query.limit + 1
    )


def matching(table: sa.Table, where: dict[str, Any]) -> sa.Select[Any]:
    """Whole rows by conditions, `column` or `column:operator` -> value."""
    query = sa.select(table)
    for name, value in where.items():
        column, _, operator = name.partition(":")
        query = query.where(condition(table.c[column], operator or "eq", value))
    return query


def condition(column: Any, operator: str, value: Any) -> Any:
    """A filter: eq, in, ge, lt, bits (one of a mask's is set), at (orders with a child there)."""
    if operator == "bits":
        return column.op("&")(value - (1 << 64) if value >= 1 << 63 else value) != 0
    if operator == "at":
        children = TABLES[CHILDREN.name]
        return sa.exists().where(children.c.order_id == column, children.c.venue.in_(value))
    if operator == "in":
        return column.in_(value)
    return {"eq": column == value, "ge": column >= value, "lt": column < value}[operator]


def behind(keys: list[Any], after: tuple[Any, ...], is_descending: bool) -> Any:
    """Rows behind `after` in the order of `keys`."""
    if len(keys) == 1:
        return keys[0] < after[0] if is_descending else keys[0] > after[0]
    first, last = sa.tuple_(*keys), sa.tuple_(*(sa.literal(v) for v in after))
    return first < last if is_descending else first > last


def cursor_text(query: Query, last: tuple[Any, ...]) -> str:
    """An opaque cursor behind a row."""
    raw = msgspec.msgpack.encode([query.digest(), list(last)])
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def cursor_keys(query: Query, cursor: str) -> tuple[Any, ...]:
    """The row that a cursor stands behind; ProblemError 400 for one of another list."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        digest, keys = msgspec.msgpack.decode(raw, type=tuple[str, list[int | str]])
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise ProblemError(400, "bad_cursor", "use a cursor as it was given", "cursor") from None
    if digest != query.digest() or len(keys) != len(query.keys) or not fits(query, keys):
        detail = "this cursor is of another list; repeat the filters and the order it came with"
        raise ProblemError(400, "bad_cursor", detail, "cursor")
    return tuple(keys)


def fits(query: Query, keys: list[int | str]) -> bool:
    """Whether keys have the types and the range of their columns."""
    codes = dict(query.view.columns)
    return all(
        isinstance(value, str) == codes[name].endswith("s")
        and (isinstance(value, str) or -(2**63) <= value < 2**63)
        for name, value in zip(query.keys, keys, strict=True)
    )
