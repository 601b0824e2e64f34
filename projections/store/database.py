"""Opens databases. A store holds numbered generations of the read models, one of them current.

SQLite: a folder with a file a generation and `current`, which names one. PostgreSQL: a schema a
generation and the table `public.sor_read_models`. A rebuild fills the next generation while readers
stay on the current one; then one atomic step makes it current.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine, make_url

from schemas.errors import InputError, NotFoundError

SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "temp_store=MEMORY",
    "cache_size=-131072",
    "busy_timeout=10000",
    "wal_autocheckpoint=4000",
)
CURRENT = "current"
POINTER = "public.sor_read_models"
LOCK_NUMBER = 0x56_4F_4C_44
POINTER_LOCK = LOCK_NUMBER + 1
BUSY = "another rebuild is at work; wait for it or stop it"


class Generations:
    """The generations of one store; how they are kept is up to the database."""

    url: str
    pointer_sql = ""
    """An expression for the current generation, where the database itself can tell it."""

    def current(self) -> int:
        """Number of the current generation, 0 when there is none."""
        raise NotImplementedError

    def numbers(self) -> list[int]:
        """All generations that exist, ascending."""
        raise NotImplementedError

    def engine(self, number: int, bulk: bool = False) -> Engine:
        """Connections to a generation; `bulk` gives up durability until it is current."""
        raise NotImplementedError

    def make_current(self, number: int) -> None:
        """Points readers at a generation, in one step."""
        raise NotImplementedError

    def create(self, number: int) -> None:
        """Makes an empty place for a generation."""
        raise NotImplementedError

    def drop(self, number: int) -> None:
        """Removes a generation that is not current."""
        raise NotImplementedError

    def lock(self) -> AbstractContextManager[None]:
        """Held by whoever rebuilds; InputError when another one does."""
        raise NotImplementedError

    def next_number(self) -> int:
        """A number above all there are."""
        return max([0, self.current(), *self.numbers()]) + 1

    def close(self) -> None:
        """Gives connections back."""


class SqliteGenerations(Generations):
    """Generations as files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder}"
        folder.mkdir(parents=True, exist_ok=True)

    def current(self) -> int:
        try:
            return int((self.folder / CURRENT).read_text())
        except FileNotFoundError:
            return 0
        except ValueError as error:
            raise InputError(
                f"{self.folder / CURRENT}: does not hold a number; delete the folder and rebuild"
            ) from error

    def numbers(self) -> list[int]:
        found = self.folder.glob("read-[0-9]*.db")
        return sorted(int(path.stem.removeprefix("read-")) for path in found)

    def engine(self, number: int, bulk: bool = False) -> Engine:
        path = self.path(number)
        if not path.exists():
            raise NotFoundError(f"{path}: no such generation; run `sor projections rebuild`")
        engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 10.0})
        pragmas = (*SQLITE_PRAGMAS, *(("synchronous=OFF", "cache_size=-524288") if bulk else ()))

        @event.listens_for(engine, "connect")
        def prepare(connection: Any, _: Any) -> None:
            # The driver would begin no transaction for DDL: a killed migration would stay half.
            connection.isolation_level = None
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN")

        return engine

    def make_current(self, number: int) -> None:
        fresh = self.folder / f"{CURRENT}.new"
        with fresh.open("w") as file:
            file.write(f"{number}\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.folder / CURRENT)

    def create(self, number: int) -> None:
        self.path(number).touch(exist_ok=False)

    def drop(self, number: int) -> None:
        if number == self.current():
            raise InputError(f"{self.path(number)}: is the current generation; it is not dropped")
        for path in (self.path(number), *self.folder.glob(f"read-{number:06d}.db-*")):
            with suppress(FileNotFoundError):
                path.unlink()

    @contextmanager
    def lock(self) -> Iterator[None]:
        with (self.folder / "rebuild.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(f"{self.folder}: {BUSY}") from None
            yield

    def path(self, number: int) -> Path:
        """File of a generation."""
        return self.folder / f"read-{number:06d}.db"


class PostgresGenerations(Generations):
    """Generations as schemas of one database."""

    pointer_sql = f"(SELECT generation FROM {POINTER})"

    def __init__(self, url: str) -> None:
        self.url = url
        self._root = sa.create_engine(url)
        with self._root.begin() as connection:
            # Two processes that begin together: "if not exists" alone lets both try.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({POINTER_LOCK})")
            connection.exec_driver_sql(
                f"CREATE TABLE IF NOT EXISTS {POINTER} "
                "(only_one BOOLEAN PRIMARY KEY CHECK (only_one), generation INTEGER NOT NULL)"
            )

    def current(self) -> int:
        with self._root.connect() as connection:
            found = connection.exec_driver_sql(f"SELECT generation FROM {POINTER}").scalar()
        return int(found or 0)

    def numbers(self) -> list[int]:
        query = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'sor_read_%%'"
        with self._root.connect() as connection:
            names = connection.exec_driver_sql(query).scalars().all()
        return sorted(int(found[1]) for n in names if (found := re.fullmatch(r"sor_read_(\d+)", n)))

    def engine(self, number: int, bulk: bool = False) -> Engine:  # noqa: ARG002
        # Rows and position commit together, so what a crash of the server loses is read again.
        options = f"-csearch_path={self.schema(number)} -csynchronous_commit=off"
        return sa.create_engine(self.url, connect_args={"options": options})

    def make_current(self, number: int) -> None:
        with self._root.begin() as connection:
            connection.exec_driver_sql(
                f"INSERT INTO {POINTER} VALUES (TRUE, {int(number)}) "
                "ON CONFLICT (only_one) DO UPDATE SET generation = excluded.generation"
            )

    def create(self, number: int) -> None:
        with self._root.begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {self.schema(number)}")

    def drop(self, number: int) -> None:
        if number == self.current():
            raise InputError(f"{self.schema(number)}: is the current generation; it is not dropped")
        with self._root.begin() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {self.schema(number)} CASCADE")

    @contextmanager
    def lock(self) -> Iterator[None]:
        with self._root.connect() as connection:
            query = f"SELECT pg_try_advisory_lock({LOCK_NUMBER})"
            if not connection.exec_driver_sql(query).scalar():
                raise InputError(f"{make_url(self.url).database}: {BUSY}")
            try:
                yield
            finally:
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK_NUMBER})")

    def close(self) -> None:
        self._root.dispose()

    def schema(self, number: int) -> str:
        """Schema of a generation."""
        return f"sor_read_{int(number):06d}"


def open_generations(url: str) -> Generations:
    """The store at a URL: `sqlite:///FOLDER` or `postgresql://...` (psycopg)."""
    if url.startswith("sqlite:///"):
        return SqliteGenerations(Path(url.removeprefix("sqlite:///")))
    if url.startswith(("postgresql://", "postgresql+psycopg://")):
        full = make_url(url).set(drivername="postgresql+psycopg")
        return PostgresGenerations(full.render_as_string(hide_password=False))
    raise InputError(
        f"read models: {url.partition('://')[0]!r} is no store; "
        "write sqlite:///FOLDER or postgresql://USER@HOST/DATABASE"
    )
