"""Tables of the read models, made from the columns that the folds fill.

The same on SQLite and PostgreSQL. A migration makes them; a test compares both.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from projections.views.columns import ADDED, VIEWS
from projections.views.view import View

METADATA = sa.MetaData()
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite keeps rows in the order of an INTEGER key, without an index beside it."""

NULLABLE = frozenset(
    {
        "mid_x2_nanos",
        "far_nanos",
        "arrival_x2_nanos",
        "ack_latency_ns",
        "fill_latency_ns",
        "effective_micros",
        "improvement_micros",
        "all_in_micros",
    }
)
MISSED = ("shortfall_micros", "opportunity_micros")
INDEXES: dict[str, tuple[tuple[str, ...], ...]] = {
    "decisions": (
        ("log_ns", "id"),
        ("instrument", "log_ns", "id"),
        ("client", "log_ns", "id"),
        ("order_id",),
    ),
    "orders": (
        ("log_ns", "id"),
        ("instrument", "log_ns", "id"),
        ("client", "log_ns", "id"),
        ("is_final", "log_ns", "id"),
        ("cl_ord_id", "account"),
    ),
    "children": (
        ("log_ns", "id"),
        ("order_id",),
        ("venue", "log_ns", "id"),
        ("instrument", "log_ns", "id"),
    ),
    "fills": (
        ("log_ns", "id"),
        ("order_id",),
        ("venue", "log_ns", "id"),
        ("instrument", "log_ns", "id"),
    ),
    "refusals": (("log_ns", "id"), ("reason", "log_ns", "id"), ("cl_ord_id", "account")),
    "reference": (("version",),),
    "alarms": (("log_ns", "id"),),
    "amendments": (("log_ns", "id"), ("state", "shard"), ("order_id",)),
    "child_requests": (("log_ns", "id"), ("order_id",)),
    "breaks": (("log_ns", "id"),),
    "account_positions": (("log_ns", "id"), ("account", "log_ns", "id")),
    "quality": (("instrument", "shard", "venue"),),
    "execution_quality": (("instrument", "shard", "venue"),),
    "quality_history": (("kind", "instrument", "venue", "log_ns"),),
    "performance_orders": (("instrument", "hour_ns"),),
    "performance_venues": (("instrument", "hour_ns"),),
}
"""Secondary indexes: what lists are filtered by. A rebuild makes them when all rows are in."""


def make_table(view: View) -> sa.Table:
    """The table of a view, without its secondary indexes."""
    made = [make_column(view, name, code) for name, code in view.columns]
    return sa.Table(view.name, METADATA, *made, sqlite_with_rowid=view not in ADDED)


def make_column(view: View, name: str, code: str) -> sa.Column[Any]:
    """A column; the first ones are the key."""
    is_key = name in view.key_names
    nullable = code == "d" or name in NULLABLE or name in MISSED or is_quantile(name)
    return sa.Column(
        name,
        ID if name == "id" else column_type(code),
        primary_key=is_key,
        nullable=nullable and not is_key,
        autoincrement=False,
    )


def is_quantile(name: str) -> bool:
    """Whether a column is a latency quantile, which may never have been seen."""
    return name.endswith(("_p50_ns", "_p90_ns", "_p99_ns"))


def column_type(code: str) -> Any:
    """The database's type of a column code."""
    if code.endswith("s"):
        return sa.Text()
    types: dict[str, Any] = {
        "q": sa.BigInteger(),
        "i": sa.Integer(),
        "d": sa.Double(),
        "b": sa.LargeBinary(),
    }
    return types[code]


TABLES: dict[str, sa.Table] = {view.name: make_table(view) for view in VIEWS}
for _name, _lists in INDEXES.items():
    for _columns in _lists:
        _index = f"ix_{_name}_{'_'.join(_columns)}"
        sa.Index(_index, *(TABLES[_name].c[column] for column in _columns))

POSITIONS = sa.Table(
    "positions",
    METADATA,
    sa.Column("shard", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("out_seq", sa.BigInteger(), nullable=False),
    sa.Column("seq", sa.BigInteger(), nullable=False),
    sa.Column("log_ns", sa.BigInteger(), nullable=False),
)
"""How far each shard is projected: its last output, and the input up to which inputs were read."""

FACTS = sa.Table(
    "facts",
    METADATA,
    sa.Column("name", sa.Text(), primary_key=True),
    sa.Column("value", sa.Text(), nullable=False),
)
"""What the rows were made with: the run, the fold's version, the cadence of the history."""
