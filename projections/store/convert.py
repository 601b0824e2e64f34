"""Stored values as people read them: names for codes and dense ids, text for ids."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, IntFlag
from functools import lru_cache
from typing import Any

from projections.views.columns import global_id, local_id
from projections.views.names import Names
from schemas import codes
from schemas.errors import InputError
from schemas.units import INSTRUMENT_NONE, VENUE_NONE
from schemas.wire import code_name, flag_names

Convert = Callable[[Any], Any]
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
    "flags": codes.DecisionFlag,
    "arrival_flags": codes.DecisionFlag,
    "exec_inst": codes.ExecInst,
    "report_flags": codes.ReportFlag,
}
TABLE_CODES: dict[tuple[str, str], type[IntEnum]] = {
    ("orders", "state"): codes.OrderState,
    ("children", "state"): codes.ChildState,
    ("alarms", "kind"): codes.AlarmKind,
    ("venues", "kind"): codes.VenueKind,
    ("policies", "kind"): codes.PolicyKind,
}
IDS = ("id", "order_id", "decision_id", "child_id")
BOOLEANS = ("is_final", "is_protected", "modelled", "engaged")


def id_text(identity: int) -> str:
    """A global id as text: its number, behind the shard's where that is not 0."""
    shard, number = local_id(identity)
    return f"{shard}-{number}" if shard else str(number)


def parse_id(text: str) -> int:
    """The global id of a text; InputError for one that is none."""
    shard, dash, number = text.rpartition("-")
    parts = (shard or "0", number) if not dash or shard else ("", "")
    if not all(part.isascii() and part.isdigit() and len(part) <= 15 for part in parts):
        raise InputError(f"{text!r} is no id; write NUMBER, or SHARD-NUMBER")
    if int(parts[0]) >= 1 << 14 or int(parts[1]) >= 1 << 48:
        raise InputError(f"{text!r} is no id; shard or number is too large")
    return global_id(int(parts[0]), int(parts[1]))


def converter(table: str, column: str, names: Names) -> Convert | None:
    """How a column's values are shown, None for as they are."""
    code = TABLE_CODES.get((table, column)) or CODES.get(column)
    if code is not None:
        return _named(code)
    if column in FLAGS:
        return _flagged(FLAGS[column])
    return place_converter(table, column, names)


def place_converter(table: str, column: str, names: Names) -> Convert | None:
    """How ids are shown."""
    if table in {"venues", "instruments", "policies"}:
        return bool if column in BOOLEANS else None
    known: dict[str, Convert] = {
        "instrument": lambda value: shown_instrument(value, names),
        "venue": lambda value: shown_venue(value, names),
        "policy": names.policy,
        "venue_mask": lambda mask: venues_of(mask, names),
        "trade_id": lambda value: value & (2**64 - 1),
        **dict.fromkeys(IDS, shown_id),
        **dict.fromkeys(BOOLEANS, bool),
    }
    return known.get(column)


def shown_id(value: int) -> str | None:
    """An id as text, None for none."""
    return id_text(value) if value else None


def shown_instrument(value: int, names: Names) -> str | None:
    """An instrument's key, None for none."""
    return None if value == INSTRUMENT_NONE else names.instrument(value).key


def shown_venue(value: int, names: Names) -> str | None:
    """A venue's key, None for none."""
    return None if value == VENUE_NONE else names.venue(value)


def venues_of(mask: int, names: Names) -> list[str]:
    """Keys of the venues whose bit is set, in key order."""
    return sorted(names.venue(bit) for bit in range(64) if mask >> bit & 1)


@lru_cache
def _named(kind: type[IntEnum]) -> Convert:
    known = {int(code): code.name.lower() for code in kind}
    return lambda value: known[value] if value in known else code_name(kind, value)


@lru_cache
def _flagged(kind: type[IntFlag]) -> Convert:
    return lru_cache(maxsize=256)(lambda value: list(flag_names(kind, value)))
