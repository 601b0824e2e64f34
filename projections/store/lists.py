"""The lists that can be asked for: their columns, filters and sortings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import msgspec
import sqlalchemy as sa

from projections.store.convert import parse_id
from projections.store.cursors import FieldError
from projections.store.tables import TABLES
from projections.views.names import Names
from schemas import codes
from schemas.errors import InputError
from schemas.units import INT64_MAX, INT64_MIN

MAX_VALUES = 64
Condition = sa.ColumnElement[bool]


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What rows must be; values of one field are alternatives, an empty field asks for nothing.

    `start_ns` is included, `end_ns` is not. Instruments, venues and policies are keys or names,
    ids are texts as rows show them, `status` is the list's own (a state, an outcome, a reason).
    """

    start_ns: int | None = None
    end_ns: int | None = None
    instrument: tuple[str, ...] = ()
    venue: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()
    side: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    cl_ord_id: tuple[str, ...] = ()
    order_id: tuple[str, ...] = ()
    decision_id: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListSpec:
    """One list. `status` is its column and codes; `hidden` columns are not shown."""

    name: str
    status: tuple[str, type[IntEnum]] | None
    sorts: tuple[str, ...]
    hidden: tuple[str, ...] = ()

    @property
    def table(self) -> sa.Table:
        """Where its rows are."""
        return TABLES[self.name]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what can be shown, in their order."""
        return tuple(c.name for c in self.table.columns if c.name not in self.hidden)


LISTS = {
    spec.name: spec
    for spec in (
        ListSpec(
            "decisions",
            ("outcome", codes.Outcome),
            ("log_ns", "allocated_units", "remaining_units", "expected_cost_micros"),
        ),
        ListSpec(
            "orders", ("state", codes.OrderState), ("log_ns", "order_units"), hidden=("order_id",)
        ),
        ListSpec(
            "children", ("state", codes.ChildState), ("log_ns", "units"), hidden=("child_id",)
        ),
        ListSpec(
            "fills",
            ("liquidity", codes.Liquidity),
            ("log_ns", "units", "price_nanos", "fee_nanos", "notional_micros"),
        ),
        ListSpec("refusals", ("reason", codes.Reason), ("log_ns",)),
        ListSpec("alarms", ("kind", codes.AlarmKind), ("log_ns",)),
    )
}
"""Sortings are by what never changes in a row, so that a page stays where it is."""


def conditions(spec: ListSpec, filters: Filters, names: Names) -> list[Condition]:
    """SQL conditions of filters; FieldError names the field that does not fit."""
    found = time_conditions(spec.table.c.log_ns, filters)
    for name in Filters.__struct_fields__:
        values = getattr(filters, name)
        if name.endswith("_ns") or not values:
            continue
        if len(values) > MAX_VALUES:
            raise FieldError(name, f"{len(values)} values; give at most {MAX_VALUES}")
        found.append(condition(spec, name, values, names))
    return found


def time_conditions(column: Any, filters: Filters) -> list[Condition]:
    """Conditions of the times."""
    found: list[Condition] = []
    for name, make in (("start_ns", column.__ge__), ("end_ns", column.__lt__)):
        value = getattr(filters, name)
        if value is None:
            continue
        if not INT64_MIN <= value <= INT64_MAX:
            raise FieldError(name, f"{value} is no time; write ns since 1970 UTC")
        found.append(make(value))
    return found


def condition(spec: ListSpec, name: str, values: tuple[str, ...], names: Names) -> Condition:
    """The SQL condition of one field."""
    table = spec.table
    if name == "status":
        return status_condition(spec, values)
    if name == "venue":
        return venue_condition(spec, [venue_id(value, names) for value in values])
    if name not in table.c:
        raise FieldError(name, f"{spec.name} cannot be filtered by it")
    column = table.c["id" if (spec.name, name) == ("orders", "order_id") else name]
    return column.in_([stored(name, value, names) for value in values])


def stored(name: str, value: str, names: Names) -> Any:
    """The stored value of a filter's text."""
    if name == "instrument":
        return known(name, value, names.instrument_id(value))
    if name == "policy":
        return known(name, value, policy_id(value, names))
    if name == "side":
        return code_of(name, codes.Side, value)
    if name in {"order_id", "decision_id"}:
        try:
            return parse_id(value)
        except InputError as error:
            raise FieldError(name, str(error)) from None
    return value


def status_condition(spec: ListSpec, values: tuple[str, ...]) -> Condition:
    """Rows in one of these states."""
    if spec.status is None:
        raise FieldError("status", f"{spec.name} have none")
    column, kind = spec.status
    return spec.table.c[column].in_([code_of("status", kind, value) for value in values])


def venue_condition(spec: ListSpec, venues: list[int]) -> Condition:
    """Rows at one of these venues; decisions and orders are at each venue that got a child."""
    table = spec.table
    if spec.name == "decisions":
        masks = [1 << v if v < 63 else INT64_MIN for v in venues]
        return sa.or_(*(table.c.venue_mask.bitwise_and(mask) != 0 for mask in masks))
    if spec.name == "orders":
        children = TABLES["children"]
        there = sa.and_(children.c.order_id == table.c.id, children.c.venue.in_(venues))
        return sa.exists().where(there)
    return table.c.venue.in_(venues)


def venue_id(key: str, names: Names) -> int:
    """Dense id of a venue key."""
    return known("venue", key, names.venue_id(key))


def policy_id(name: str, names: Names) -> int | None:
    """Id of a policy by name or number."""
    if name.isascii() and name.isdigit() and len(name) <= 9:
        return int(name)
    return next((p for p in names.policies if names.policy(p).lower() == name.lower()), None)


def code_of(field: str, kind: type[IntEnum], name: str) -> int:
    """A code from its lower-case name."""
    for code in kind:
        if code.name.lower() == name.lower():
            return int(code)
    listed = ", ".join(code.name.lower() for code in kind)
    raise FieldError(field, f"{name!r} is none of {listed}")


def known(field: str, key: str, found: int | None) -> int:
    """The id that was found; FieldError where there is none."""
    if found is None:
        raise FieldError(field, f"{key!r} is not known; list them first")
    return found
