"""The SQL that writes each kind of change; one text for both databases but for its place marks."""

from __future__ import annotations

from projections.store.tables import TABLES
from projections.views.columns import ADDED, CHANGING
from projections.views.view import View

GUARDED = frozenset({"instruments", "venues", "policies", "reference"})
"""Broadcast rows: shards tell them at their own pace, so an older version never replaces."""


def columns_of(view: View) -> str:
    """Names of the columns as a list."""
    return ", ".join(view.names)


def insert_from(view: View, source: str) -> str:
    """Adds rows of `source` that are new."""
    return f"INSERT INTO {view.name} ({columns_of(view)}) {source}"


def replace_from(view: View, source: str) -> str:
    """Puts rows in the place of those with the same key."""
    values = view.names[view.keys :]
    setting = ", ".join(f"{name} = excluded.{name}" for name in values)
    guard = f" WHERE excluded.version >= {view.name}.version" if view.name in GUARDED else ""
    keys = ", ".join(view.key_names)
    return f"{insert_from(view, source)} ON CONFLICT ({keys}) DO UPDATE SET {setting}{guard}"


def add_from(view: View, source: str) -> str:
    """Adds numbers to those of the same key."""
    assert view in ADDED
    values = view.names[view.keys :]
    setting = ", ".join(f"{name} = {view.name}.{name} + excluded.{name}" for name in values)
    keys = ", ".join(view.key_names)
    return f"{insert_from(view, source)} ON CONFLICT ({keys}) DO UPDATE SET {setting}"


def update_by_marks(view: View, mark: str) -> str:
    """Changes one row a statement: the changing columns, then the id."""
    setting = ", ".join(f"{name} = {mark}" for name in CHANGING[view.name])
    return f"UPDATE {view.name} SET {setting} WHERE id = {mark}"


def update_from(view: View, stage: str) -> str:
    """Changes the rows that a stage table holds."""
    setting = ", ".join(f"{name} = {stage}.{name}" for name in CHANGING[view.name])
    return f"UPDATE {view.name} SET {setting} FROM {stage} WHERE {view.name}.id = {stage}.id"


def values_of(view: View, mark: str) -> str:
    """A VALUES clause with a place mark a column."""
    return f"VALUES ({', '.join([mark] * len(view.names))})"


def stage_of(view: View) -> str:
    """Name of a view's stage: a temporary table that a COPY fills."""
    return f"stage_{TABLES[view.name].name}"
