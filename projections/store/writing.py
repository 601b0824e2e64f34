"""Puts changes into a database: many rows a statement on SQLite, binary COPY on PostgreSQL."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from projections.store import statements
from projections.store.packing import packed
from projections.views.columns import CHANGING
from projections.views.rows import ADD, INSERT, REPLACE, UPDATE, Change
from projections.views.view import View

MARK = "?"


def write(connection: Connection, changes: list[Change]) -> int:
    """Writes changes in their order; how many rows."""
    if connection.dialect.name == "postgresql":
        used: set[str] = set()
        for change in changes:
            copy_change(connection, change, used)
    else:
        for change in changes:
            execute_change(connection, change)
    return sum(len(change) for change in changes)


def execute_change(connection: Connection, change: Change) -> None:
    """One statement, executed for every row by the driver."""
    if change.kind == UPDATE:
        names = (*CHANGING[change.view.name], "id")
        columns = dict(zip(change.view.names, change.columns, strict=True))
        sql = statements.update_by_marks(change.view, MARK)
        rows = zip(*(columns[name] for name in names), strict=True)
    else:
        source = statements.values_of(change.view, MARK)
        sql = from_source(change, source)
        rows = zip(*change.columns, strict=True)
    cursor: Any = connection.connection.cursor()
    cursor.executemany(sql, rows)


def copy_change(connection: Connection, change: Change, used: set[str]) -> None:
    """A COPY into the table where rows are new, else into a stage and from there.

    Stages live as long as the connection and are emptied by the commit, so a truncation, which
    writes to the catalogue, is for a stage that this transaction has `used` before.
    """
    cursor: Any = connection.connection.cursor()
    names = statements.columns_of(change.view)
    if change.kind == INSERT:
        copy_rows(cursor, f"COPY {change.view.name} ({names}) FROM STDIN", change)
        return
    stage = statements.stage_of(change.view)
    if stage not in connection.info:
        made = f"CREATE TEMPORARY TABLE IF NOT EXISTS {stage}"
        cursor.execute(f"{made} (LIKE {change.view.name}) ON COMMIT DELETE ROWS")
        connection.info[stage] = True
    if stage in used:
        cursor.execute(f"TRUNCATE {stage}")
    used.add(stage)
    copy_rows(cursor, f"COPY {stage} ({names}) FROM STDIN", change)
    if change.kind == UPDATE:
        cursor.execute(statements.update_from(change.view, stage))
    else:
        cursor.execute(from_source(change, f"SELECT {names} FROM {stage}"))


def copy_rows(cursor: Any, sql: str, change: Change) -> None:
    """Sends rows through a COPY: an array in binary, the few that are lists as text."""
    if isinstance(change.rows, np.ndarray) and has_plain_columns(change.view):
        with cursor.copy(f"{sql} (FORMAT BINARY)") as copy:
            copy.write(packed(change.view, change.rows))
        return
    with cursor.copy(sql) as copy:
        for row in zip(*change.columns, strict=True):
            copy.write_row(row)


def has_plain_columns(view: View) -> bool:
    """Whether no column holds objects."""
    return all(code != "b" for _, code in view.columns)


def from_source(change: Change, source: str) -> str:
    """The statement of a change that takes its rows from `source`."""
    make = {
        INSERT: statements.insert_from,
        REPLACE: statements.replace_from,
        ADD: statements.add_from,
    }[change.kind]
    if change.kind != INSERT and source.startswith("SELECT"):
        # PostgreSQL reads ON after SELECT ... FROM as a join without this.
        source = f"{source} WHERE TRUE"
    return make(change.view, source)


def read_rows(connection: Connection, view: View, ids: list[int]) -> list[tuple[Any, ...]]:
    """Stored rows with these ids, in the view's column order."""
    found: list[tuple[Any, ...]] = []
    names = statements.columns_of(view)
    for start in range(0, len(ids), 500):
        listed = ", ".join(str(int(identity)) for identity in ids[start : start + 500])
        query = f"SELECT {names} FROM {view.name} WHERE id IN ({listed}) ORDER BY id"
        found += [tuple(row) for row in connection.exec_driver_sql(query)]
    return found
