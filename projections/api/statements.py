"""The SQL of questions as text: made from a few parts, without a compiler behind each request.

Names of tables and columns come from the views, never from a caller; values are always parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from projections.views.columns import CHILDREN

if TYPE_CHECKING:
    from projections.api.reads import Query

Statement = tuple[str, list[Any]]
"""SQL and its parameters."""

COMPARISONS = {"eq": "=", "ge": ">=", "lt": "<"}


def marks_of(dialect: str) -> str:
    """How a database's driver marks the place of a parameter."""
    return "%s" if dialect == "postgresql" else "?"


def page_of(query: Query, wanted: Sequence[str], mark: str) -> Statement:
    """The SELECT of one page and one row more."""
    parts = [condition(query.view.name, *term, mark) for term in query.where]
    if query.after is not None:
        sign = "<" if query.is_descending else ">"
        keys, places = ", ".join(query.keys), ", ".join([mark] * len(query.keys))
        parts.append((f"({keys}) {sign} ({places})", list(query.after)))
    way = " DESC" if query.is_descending else ""
    order = ", ".join(f"{name}{way}" for name in query.keys)
    text, values = joined(query.view.name, wanted, parts)
    return f"{text} ORDER BY {order} LIMIT {mark}", [*values, query.limit + 1]


def rows_of(
    table: str, wanted: Sequence[str], where: dict[str, Any], order: str, limit: int, mark: str
) -> Statement:
    """The SELECT of whole rows by conditions, `column` or `column:operator` -> value."""
    parts = []
    for name, value in where.items():
        column, _, operator = name.partition(":")
        parts.append(condition(table, column, operator or "eq", value, mark))
    text, values = joined(table, wanted, parts)
    return f"{text}{f' ORDER BY {order}' if order else ''} LIMIT {mark}", [*values, limit]


def joined(table: str, wanted: Sequence[str], parts: list[Statement]) -> Statement:
    """SELECT ... FROM ... WHERE of all conditions."""
    where = " AND ".join(text for text, _ in parts)
    values = [value for _, found in parts for value in found]
    select = f"SELECT {', '.join(wanted)} FROM {table}"
    return (f"{select} WHERE {where}" if parts else select), values


def condition(table: str, column: str, operator: str, value: Any, mark: str) -> Statement:
    """A filter: eq, in, ge, lt, bits (one of a mask's is set), at (orders with a child there)."""
    if operator == "bits":
        signed = value - (1 << 64) if value >= 1 << 63 else value
        return f"({column} & {mark}) <> 0", [signed]
    if operator in {"in", "at"}:
        places = ", ".join([mark] * len(value))
        if operator == "in":
            return f"{column} IN ({places})", list(value)
        child = CHILDREN.name
        owned = f"{child}.order_id = {table}.{column} AND {child}.venue IN ({places})"
        return f"EXISTS (SELECT 1 FROM {child} WHERE {owned})", list(value)
    return f"{column} {COMPARISONS[operator]} {mark}", [value]
