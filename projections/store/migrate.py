"""Brings a generation's tables to the newest schema."""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection

from projections.store.tables import INDEXES, TABLES


def migrate(connection: Connection, revision: str = "head") -> None:
    """Runs the migrations that are due, in the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(files("projections.store") / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def revision_of(connection: Connection) -> str | None:
    """The schema's revision, None before the first migration."""
    found: str | None = MigrationContext.configure(connection).get_current_revision()
    return found


def drop_indexes(connection: Connection) -> None:
    """Drops the secondary indexes, before rows are loaded in bulk."""
    for name in INDEXES:
        for index in sorted(TABLES[name].indexes, key=lambda index: str(index.name)):
            index.drop(connection, checkfirst=True)


def create_indexes(connection: Connection) -> None:
    """Makes the secondary indexes that are not there."""
    for name in INDEXES:
        for index in sorted(TABLES[name].indexes, key=lambda index: str(index.name)):
            index.create(connection, checkfirst=True)
