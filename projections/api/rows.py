"""How rows of the read models look outside: names for codes and dense ids, flags as lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum, IntFlag
from functools import cache
from typing import Any

import msgspec

from projections.views.amendments import AmendmentState
from projections.views.names import Names
from projections.views.order_rows import PricedFrom
from projections.views.view import View
from schemas import codes
from schemas.wire import code_name, flag_names

CODES: dict[str, type[IntEnum]] = {
    "side": codes.Side,
    "outcome": codes.Outcome,
    "reason": codes.Reason,
    "time_in_force": codes.TimeInForce,
    "ord_type": codes.OrdType,
    "exec_type": codes.ExecType,
    "liquidity": codes.Liquidity,
    "input_type": codes.InputType,
    "status": codes.VenueStatus,
    "scope": codes.KillScope,
    "health": codes.HealthState,
}
FLAGS: dict[str, type[IntFlag]] = {
    "exec_inst": codes.ExecInst,
    "report_flags": codes.ReportFlag,
    "flags": codes.DecisionFlag,
}
BY_VIEW: dict[tuple[str, str], type[IntEnum]] = {
    ("orders", "state"): codes.OrderState,
    ("orders", "opportunity_from"): PricedFrom,
    ("children", "state"): codes.ChildState,
    ("venues", "kind"): codes.VenueKind,
    ("policies", "kind"): codes.PolicyKind,
    ("alarms", "kind"): codes.AlarmKind,
    ("breaks", "kind"): codes.BreakKind,
    ("child_requests", "kind"): codes.OutputType,
    ("amendments", "state"): AmendmentState,
    ("quality_history", "kind"): codes.OutputType,
}
HIDDEN = frozenset(
    {
        "record",
        "segment_seq",
        "frame_offset",
        "record_offset",
        "record_bytes",
        "venue_mask",
        "stamp",
    }
)
BOOLEANS = frozenset({"is_final", "is_protected", "modelled", "engaged"})
NAMED = frozenset({"instrument", "venue", "policy"})
"""Dense ids that are shown under the names of what they mean."""
OWN_NAME = {("instruments", "instrument"), ("venues", "venue"), ("policies", "policy")}

Teller = Callable[[Any], Any]


@cache
def shown_columns(view: View) -> list[tuple[str, str]]:
    """(name, code) of the columns that a row shows."""
    return [(name, code) for name, code in view.columns if name not in HIDDEN]


def enum_of(view: View, name: str) -> type[IntEnum] | None:
    """The codes that a column holds, None when it holds numbers."""
    return BY_VIEW.get((view.name, name)) or CODES.get(name)


def teller(view: View, name: str, names: Names) -> Teller | None:
    """How a column is shown, None for as it is."""
    kind = enum_of(view, name)
    if kind is not None:
        return lambda value: None if value is None else code_name(kind, value)
    if name in FLAGS:
        return lambda value: list(flag_names(FLAGS[name], value))
    if name in BOOLEANS:
        return bool
    if name in NAMED and (view.name, name) not in OWN_NAME:
        return {
            "instrument": lambda value: instrument_text(value, names),
            "venue": names.venue,
            "policy": names.policy,
        }[name]
    return None


def instrument_text(value: Any, names: Names) -> str | None:
    """An instrument's key; None for none."""
    return None if value is None or value == 0xFFFFFFFF else names.instrument(value).key


def present(
    view: View, columns: Sequence[str], rows: Sequence[Any], names: Names
) -> list[dict[str, Any]]:
    """Rows as objects with the columns asked for, in that order.

    Column by column, since few different values stand in those that are told otherwise.
    """
    shown: list[Sequence[Any]] = []
    for name, values in zip(columns, zip(*rows, strict=True), strict=bool(rows)):
        tell = teller(view, name, names)
        if tell is None:
            shown.append(values)
        else:
            told = {value: tell(value) for value in set(values)}
            shown.append([told[value] for value in values])
    return [dict(zip(columns, row, strict=True)) for row in zip(*shown, strict=True)]


def row_struct(view: View) -> type[msgspec.Struct]:
    """The schema of a row; every field may be left out by `fields`."""
    fields = [(name, row_type(view, name, code), None) for name, code in shown_columns(view)]
    title = "".join(part.title() for part in view.name.split("_")) + "Row"
    return msgspec.defstruct(title, fields, kw_only=True, module=__name__)


def row_type(view: View, name: str, code: str) -> Any:
    """Type of a shown column."""
    if name in FLAGS:
        return list[str] | None
    if name in BOOLEANS:
        return bool | None
    named = name in NAMED and (view.name, name) not in OWN_NAME
    if named or enum_of(view, name) or code.endswith("s"):
        return str | None
    return float | None if code == "d" else int | None


def page_struct(row: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The schema of a page of rows."""
    title = row.__name__.removesuffix("Row") + "Page"
    fields: list[tuple[str, Any]] = [
        ("items", list[row]),  # type: ignore[valid-type]
        ("next_cursor", str | None),
        ("position", dict[str, int]),
    ]
    return msgspec.defstruct(title, fields, module=__name__)


def examples_of(view: View) -> Mapping[str, Any]:
    """A row made of zeros and names, for the documents."""
    found: dict[str, Any] = {}
    for name, code in shown_columns(view):
        kind = row_type(view, name, code)
        found[name] = {int | None: 1, float | None: 0.5, bool | None: True}.get(kind, "text")
        if kind == list[str] | None:
            found[name] = []
    return found
