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
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from projections.api import statements
from projections.api.problems import ProblemError
from projections.store.database import Generations
from projections.views.names import Names
from projections.views.reference_columns import REFERENCE
from projections.views.view import View
from schemas.errors import NotFoundError

MAX_LIMIT = 1_000
QUERY_S = 5.0
"""A question that takes the database longer is given up."""

STEPS = 20_000
"""SQLite looks at the time once in so many steps of its machine."""

KEPT = REFERENCE.name
LOOK = (
    "SELECT shard, out_seq, log_ns, (SELECT max(version) FROM " + KEPT + "), {pointer} "
    "FROM positions"
)
CACHED = 512
CACHED_BYTES = 256 * 1024
Kept = tuple[bytes, str | None]
"""The body of a page, and the cursor behind it."""


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
        return (self.order, *(name for name in self.view.key_names if name != self.order))

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


@dataclass(frozen=True)
class Look:
    """What a connection sees: outputs stored by shard, the newest log time, names of ids."""

    position: dict[str, int]
    newest_ns: int
    names: Names


@dataclass
class Reads:
    """Reads one store, whichever generation is current."""

    generations: Generations
    _number: int = 0
    _pointed: int = 0
    _engine: Engine | None = None
    _names: tuple[int, Names] = field(default_factory=lambda: (-1, Names()))
    _cache: OrderedDict[Any, tuple[Any, Kept]] = field(default_factory=OrderedDict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    hits: int = 0
    misses: int = 0

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection whose statements end after QUERY_S; ProblemError 503 then."""
        engine = self.engine()
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                bound(connection)
            driver: Any = engine.dialect.loaded_dbapi
            try:
                yield connection
            except (sa.exc.OperationalError, driver.OperationalError) as error:
                raise unread(error) from None

    def engine(self) -> Engine:
        """Connections to the current generation; ProblemError 503 when there is none yet."""
        current = self._current()
        if not current:
            raise ProblemError(503, "not_ready", "the read models are not there yet; try again")
        with self._lock:
            if self._engine is None or current != self._number:
                if self._engine is not None:
                    self._engine.dispose()
                try:
                    self._engine, self._number = reader(self.generations.engine(current)), current
                except NotFoundError:
                    raise ProblemError(503, "not_ready", "the read models are being made") from None
                self._names = (-1, Names())
            return self._engine

    def _current(self) -> int:
        """The current generation; where the database itself tells, `look` has asked it."""
        if self._engine is None or not self.generations.pointer_sql:
            self._pointed = self.generations.current()
        return self._pointed

    @property
    def generation(self) -> int:
        """The generation that answers."""
        return self._number

    def look(self, connection: Connection) -> Look:
        """One statement for what nearly every answer needs."""
        pointer = self.generations.pointer_sql or "0"
        rows = fetch(connection, (LOOK.format(pointer=pointer), []))
        if rows and self.generations.pointer_sql:
            self._pointed = int(rows[0][4])
        names = self._named(connection, int(rows[0][3] or 0) if rows else 0)
        position = {str(row[0]): int(row[1]) for row in rows}
        return Look(position, max((int(row[2]) for row in rows), default=0), names)

    def names(self, connection: Connection) -> Names:
        """Names behind dense ids."""
        return self.look(connection).names

    def _named(self, connection: Connection, version: int) -> Names:
        """Names, read again when a reference record was added."""
        if version != self._names[0]:
            names = Names()
            for kind, raw in fetch(connection, (f"SELECT input_type, record FROM {KEPT}", [])):
                names.add(kind, raw)
            self._names = (version, names)
        return self._names[1]

    def page(self, query: Query) -> tuple[Page, Names]:
        """One page, and the names of its ids."""
        with self.connect() as connection:
            look = self.look(connection)
            return self.page_of(connection, query, look.position), look.names

    def page_of(self, connection: Connection, query: Query, position: dict[str, int]) -> Page:
        """One page over a connection that has told its position."""
        wanted = (*query.columns, *query.keys)
        found = fetch(connection, statements.page_of(query, wanted, mark_of(connection)))
        rows = found[: query.limit]
        width = len(query.columns)
        last = rows[-1][width:] if len(found) > query.limit else None
        return Page([row[:width] for row in rows], last, position)

    def one(self, view: View, where: dict[str, Any]) -> tuple[dict[str, Any], Names] | None:
        """One whole row by key columns."""
        with self.connect() as connection:
            names = self.names(connection)
            found = whole_rows(connection, view, where, "", 1)
        return (found[0], names) if found else None

    def rows(
        self, view: View, where: dict[str, Any], order: str, most: int = MAX_LIMIT
    ) -> list[dict[str, Any]]:
        """All whole rows with these values, few by nature; ProblemError 400 beyond `most`."""
        with self.connect() as connection:
            found = whole_rows(connection, view, where, order, most + 1)
        if len(found) > most:
            detail = f"more than {most} rows; narrow it by its parameters"
            raise ProblemError(400, "too_many_rows", detail)
        return found

    def newest(
        self, view: View, where: dict[str, Any], order: str, limit: int
    ) -> list[dict[str, Any]]:
        """The newest whole rows with these values, by a column that grows."""
        with self.connect() as connection:
            return whole_rows(connection, view, where, f"{order} DESC, shard", limit)

    def cached(self, key: Any, stamp: Any) -> Kept | None:
        """The answer to the same question at the same position."""
        with self._lock:
            found = self._cache.get(key)
            if found is None or found[0] != stamp:
                self.misses += 1
                return None
            self.hits += 1
            self._cache.move_to_end(key)
            return found[1]

    def keep(self, key: Any, stamp: Any, body: bytes, cursor: str | None) -> None:
        """Keeps an answer, with the position it holds for."""
        if len(body) > CACHED_BYTES:
            return
        with self._lock:
            self._cache[key] = (stamp, (body, cursor))
            self._cache.move_to_end(key)
            while len(self._cache) > CACHED:
                self._cache.popitem(last=False)

    def close(self) -> None:
        """Gives connections back."""
        if self._engine is not None:
            self._engine.dispose()
        self.generations.close()


def reader(engine: Engine) -> Engine:
    """An engine for questions: on PostgreSQL bounded in time and without a transaction each."""
    if engine.dialect.name == "sqlite":
        return engine

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.execute(f"SET statement_timeout = {int(QUERY_S * 1000)}")
        connection.commit()

    return engine.execution_options(isolation_level="AUTOCOMMIT")


def mark_of(connection: Connection) -> str:
    """How the connection's driver marks parameters."""
    return statements.marks_of(connection.dialect.name)


def fetch(connection: Connection, statement: statements.Statement) -> list[tuple[Any, ...]]:
    """All rows of a statement, straight from the driver."""
    cursor: Any = connection.connection.cursor()
    try:
        cursor.execute(*statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    finally:
        cursor.close()
    return rows


def whole_rows(
    connection: Connection, view: View, where: dict[str, Any], order: str, limit: int
) -> list[dict[str, Any]]:
    """Whole rows as objects."""
    mark = mark_of(connection)
    asked = statements.rows_of(view.name, view.names, where, order, limit, mark)
    return [dict(zip(view.names, row, strict=True)) for row in fetch(connection, asked)]


def bound(connection: Connection) -> None:
    """Ends what runs for longer than QUERY_S on this connection, until it is given back."""
    ends = time.monotonic() + QUERY_S
    raw: Any = connection.connection.driver_connection
    raw.set_progress_handler(lambda: time.monotonic() > ends, STEPS)


def unread(error: Exception) -> ProblemError:
    """The problem behind a statement that failed."""
    if any(word in str(error) for word in ("interrupted", "statement timeout")):
        detail = f"it takes more than {QUERY_S:g} s; ask for less time, or by instrument"
        return ProblemError(503, "too_slow", detail)
    return ProblemError(503, "not_ready", "the read models are being made")


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
