"""What the read models take from inputs: orders as they were given, reference data, kill switches.

Everything else in the input log only matters through the outputs that it led to.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from projections.views import columns, reference_columns
from projections.views.names import REFERENCE_TYPES
from projections.views.view import MISSING, View, global_id
from schemas.codes import InputType
from schemas.orders import KILL, NEW_ORDER
from schemas.wire import INPUTS, text

Row = tuple[Any, ...]
KEPT = (
    *sorted(REFERENCE_TYPES),
    InputType.FEE_TIER,
    InputType.BILLING,
    InputType.ACCOUNT,
    InputType.POSTING,
)
"""Types of reference records that are kept as they are."""

WANTED = (*KEPT, InputType.NEW_ORDER, InputType.AMEND_ORDER, InputType.KILL)
"""Types of inputs that a projection reads."""


@dataclass(frozen=True)
class InputRecord:
    """One input that matters, and its position."""

    seq: int
    type: int
    raw: bytes


def clean(raw: bytes) -> str:
    """Text of a field, without the zero bytes that no database takes."""
    return text(raw).replace("\0", "\ufffd")


def reference_rows(record: InputRecord) -> Iterator[tuple[View, Row]]:
    """Rows that a reference or kill input sets."""
    if record.type == InputType.KILL:
        return
    fields = INPUTS[record.type].unpack(record.raw)
    place = (record.type, fields.instrument, fields.venue, detail_of(fields))
    yield reference_columns.REFERENCE, (*place, fields.source_seq, fields.log_ns, record.raw)
    if record.type == InputType.INSTRUMENT:
        yield reference_columns.INSTRUMENTS, instrument_row(fields)
    elif record.type == InputType.VENUE:
        yield reference_columns.VENUES, venue_row(fields)
    elif record.type == InputType.POLICY:
        named = (fields.policy, clean(fields.name), fields.kind, fields.version)
        yield reference_columns.POLICIES, (*named, fields.source_seq)


def detail_of(fields: Any) -> int:
    """What tells records of one kind and place apart: account, liquidity code and tier, policy."""
    account = bytes(getattr(fields, "account", b"")).rstrip(b"\0")
    named = zlib.crc32(account) << 16 if account else 0
    code = getattr(fields, "liquidity", 0) << 8 | getattr(fields, "tier", 0)
    found: int = named | code | getattr(fields, "policy", 0)
    return found


def instrument_row(fields: Any) -> Row:
    """A row of `instruments`."""
    return (
        fields.instrument,
        clean(fields.key),
        clean(fields.quote_ccy),
        fields.units_per_one,
        fields.tick_nanos,
        fields.round_lot_units,
        fields.default_policy,
        fields.asset_class,
        fields.source_seq,
    )


def venue_row(fields: Any) -> Row:
    """A row of `venues`."""
    return (
        fields.venue,
        clean(fields.key),
        clean(fields.mic),
        clean(fields.name),
        fields.kind,
        fields.is_protected,
        fields.modelled,
        fields.status,
        fields.ack_prior_ns,
        fields.source_seq,
    )


def kill_row(record: InputRecord, shard: int) -> Row:
    """A row of `kills`."""
    fields = KILL.unpack(record.raw)
    place = (shard, fields.scope, fields.instrument, fields.venue, clean(fields.target))
    return (*place, fields.engaged, fields.log_ns, record.seq, fields.venue_ns)


def new_orders(records: list[InputRecord], shard: int) -> np.ndarray[Any, Any]:
    """Rows of `orders` as they were given, with nothing that an output has told yet."""
    given = [record for record in records if record.type == InputType.NEW_ORDER]
    fields = np.frombuffer(b"".join(r.raw for r in given), dtype=NEW_ORDER.dtype)
    rows = np.zeros(len(given), dtype=columns.ORDERS.dtype())
    rows["order_id"] = [record.seq for record in given]
    rows["id"] = rows["order_id"] | global_id(shard, 0)
    rows["shard"] = shard
    for name in rows.dtype.names or ():
        if name in NEW_ORDER.dtype.fields:  # type: ignore[operator]
            rows[name] = fields[name]
    rows["shortfall_micros"] = rows["opportunity_micros"] = MISSING
    return rows
