"""Between bytes and events: decodes both logs, renders JSON, and scans outputs without decoding.

Tables drive it: a field is converted by its name. 128-bit values (`expected_cost`,
`best_price_cost`, `sweep_cost`, `notional`, `horizon_cost`) are integers in events and decimal
text in JSON, since JSON readers stop at 64 bits. Codes are lower-case names; an unknown one is
its number as text.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from enum import IntEnum, IntFlag
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas import codes, decisions, events, market, orders, reference, reports, shares
from schemas.codes import CandidateFlag, InputType, LevelsFlag, OutputType, Reason
from schemas.envelope import HEADER, OUT_HEADER, SLOT, SLOTS
from schemas.errors import InputError
from schemas.estimates import execution_fields, venue_fields
from schemas.events import CandidateVenue, ChildAllocation, Event, Level
from schemas.layout import Layout
from schemas.upcast import upcast

SUPPORTED_VERSION = 1
OUTPUTS: dict[int, tuple[Layout, Any]] = {
    OutputType.DECISION: (decisions.DECISION, events.SmartRoutingDecisionEvent),
    OutputType.CHILD: (decisions.CHILD, events.ChildEvent),
    OutputType.CANCEL_CHILD: (decisions.CANCEL_CHILD, events.CancelChildEvent),
    OutputType.ORDER_STATE: (decisions.ORDER_STATE, events.OrderStateEvent),
    OutputType.CHILD_STATE: (decisions.CHILD_STATE, events.ChildStateEvent),
    OutputType.REFUSAL: (decisions.REFUSAL, events.RefusalEvent),
    OutputType.QUALITY: (decisions.QUALITY, events.QualityEvent),
    OutputType.ALARM: (decisions.ALARM, events.AlarmEvent),
    OutputType.EXECUTION_QUALITY: (decisions.EXECUTION_QUALITY, events.ExecutionQualityEvent),
    OutputType.VENUE_QUALITY: (decisions.VENUE_QUALITY, events.VenueQualityEvent),
    OutputType.STATUS_REQUEST: (decisions.STATUS_REQUEST, events.StatusRequestEvent),
    OutputType.REPLACE_CHILD: (decisions.REPLACE_CHILD, events.ReplaceChildEvent),
    OutputType.BREAK: (decisions.BREAK, events.BreakEvent),
    OutputType.POSITION: (decisions.POSITION, events.PositionEvent),
    OutputType.VENUE_SUMS: (shares.VENUE_SUMS, events.VenueSumsEvent),
    OutputType.BUDGET_STATE: (shares.BUDGET_STATE, events.BudgetStateEvent),
    OutputType.MASS_CANCEL_REPORT: (shares.MASS_CANCEL_REPORT, events.MassCancelReportEvent),
}
INPUTS: dict[int, Layout] = {
    InputType.QUOTE: market.QUOTE,
    InputType.TRADE: market.TRADE,
    InputType.STATUS: market.STATUS,
    InputType.TIMER: market.TIMER,
    InputType.NEW_ORDER: orders.NEW_ORDER,
    InputType.CANCEL_ORDER: orders.CANCEL_ORDER,
    InputType.AMEND_ORDER: orders.NEW_ORDER,
    InputType.END_OF_DAY: orders.END_OF_DAY,
    InputType.KILL: orders.KILL,
    InputType.REARM: orders.REARM,
    InputType.EXEC_REPORT: reports.EXEC_REPORT,
    InputType.DROP_COPY: reports.EXEC_REPORT,
    InputType.ACCOUNT: reference.ACCOUNT,
    InputType.POSTING: reference.POSTING,
    InputType.INSTRUMENT: reference.INSTRUMENT,
    InputType.VENUE: reference.VENUE,
    InputType.LISTING: reference.LISTING,
    InputType.FEE: reference.FEE,
    InputType.POLICY: reference.POLICY,
    InputType.LIMITS: reference.LIMITS,
    InputType.SETTINGS: reference.SETTINGS,
    InputType.ENGINE: reference.ENGINE,
    InputType.FEE_TIER: reference.FEE_TIER,
    InputType.BILLING: reference.BILLING,
    InputType.VENUE_PRIOR: reference.VENUE_PRIOR,
    InputType.BUDGET: orders.BUDGET,
    InputType.ORDER_STATUS: orders.CANCEL_ORDER,
    InputType.MASS_CANCEL: orders.MASS_CANCEL,
    InputType.INVENTORY: orders.INVENTORY,
}
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
    "protection": codes.Protection,
    "crossed": codes.Crossed,
    "self_match": codes.SelfMatch,
    "basis": codes.FeeBasis,
}
FLAGS: dict[str, type[IntFlag]] = {
    "exec_inst": codes.ExecInst,
    "report_flags": codes.ReportFlag,
    "conditions": codes.TradeCondition,
}
STATES = {OutputType.ORDER_STATE: codes.OrderState, OutputType.CHILD_STATE: codes.ChildState}
KINDS = {
    OutputType.ALARM: codes.AlarmKind,
    OutputType.BREAK: codes.BreakKind,
    InputType.POLICY: codes.PolicyKind,
    InputType.VENUE: codes.VenueKind,
}
JOINED = {
    OutputType.EXECUTION_QUALITY: execution_fields,
    OutputType.VENUE_QUALITY: venue_fields,
}
WIDE = ("expected_cost", "added_cost", "best_price_cost", "sweep_cost", "notional", "horizon_cost")
HEX_FIELDS = ("version_hash", "preferred")
ALLOCATION_SIZE = decisions.ALLOCATION.size
_OUT_START = struct.Struct("<IB")
_PAIRS = {wide: struct.Struct(wide) for wide in ("<II", "<IQ", "<QI", "<QQ")}


@lru_cache(maxsize=4096)
def code_name(kind: type[IntEnum], code: int) -> str:
    """Lower-case name of a code, "none" for 0 where it has no name."""
    try:
        return kind(code).name.lower()
    except ValueError:
        return "none" if code == 0 else str(code)


@lru_cache(maxsize=4096)
def flag_names(kind: type[IntFlag], bits: int) -> tuple[str, ...]:
    """Lower-case names of the set bits, lowest first."""
    return tuple(flag.name.lower() for flag in kind if flag.name and flag & bits == flag)


def text(raw: bytes) -> str:
    """Text of a zero-padded field."""
    return raw.rstrip(b"\0").decode("utf-8", "replace")


def record_size(kind: int) -> int:
    """Bytes of an input record of type `kind`."""
    return SLOTS.get(kind, 1) * SLOT  # type: ignore[call-overload, no-any-return]


def iter_inputs(buffer: Any) -> Iterator[tuple[int, bytes]]:
    """(type, bytes) of each input record; InputError when the last one is cut off."""
    view, offset = memoryview(buffer).cast("B"), 0
    while offset < len(view):
        size = record_size(view[offset])
        if offset + size > len(view):
            raise InputError(f"input record at byte {offset} is cut off; read whole frames")
        yield view[offset], bytes(view[offset : offset + size])
        offset += size


def iter_raw_outputs(buffer: Any) -> Iterator[tuple[int, memoryview]]:
    """(type, bytes) of each output record, not copied; InputError when the last is cut off."""
    view, offset = memoryview(buffer).cast("B"), 0
    while offset < len(view):
        left = len(view) - offset
        size, kind = _OUT_START.unpack_from(view, offset) if left >= OUT_HEADER.size else (0, 0)
        if not OUT_HEADER.size <= size <= left:
            raise InputError(f"output record at byte {offset} is cut off; read whole frames")
        yield kind, view[offset : offset + size]
        offset += size


def iter_outputs(buffer: Any) -> Iterator[Event]:
    """Every output record of `buffer` as an event."""
    for _, raw in iter_raw_outputs(buffer):
        yield decode_output(raw)


def output_types(buffer: Any, offsets: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Type of each output record that starts at `offsets`, shape (n,)."""
    types: NDArray[np.uint8] = np.frombuffer(buffer, dtype=np.uint8)[offsets + np.uint64(4)]
    return types


def output_words(buffer: Any, offsets: NDArray[np.uint64], at: int) -> NDArray[np.uint64]:
    """64-bit field at byte `at` of each output record that starts at `offsets`, shape (n,)."""
    words: NDArray[np.uint64] = np.frombuffer(buffer, dtype="<u8")
    found: NDArray[np.uint64] = words[(offsets + np.uint64(at)) // np.uint64(8)]
    return found


def count_types(buffer: Any) -> Counter[OutputType]:
    """How many output records of each type `buffer` holds."""
    return Counter(OutputType(kind) for kind, _ in iter_raw_outputs(buffer))


def decode_output(raw: Any) -> Event:
    """One output record as an event; InputError for one that is damaged or of an unknown kind."""
    try:
        return _decode_output(raw)
    except struct.error as error:
        raise InputError(f"output record of {len(raw)} bytes is too short for its type") from error


def _decode_output(raw: Any) -> Event:
    header = OUT_HEADER.unpack(raw)
    if header.type not in OUTPUTS:
        raise InputError(
            f"output {header.out_seq}: type {header.type} version {header.version} is not known; "
            "use the version of the program that wrote it"
        )
    raw = upcast("outputs", header.type, header.version, raw)
    layout, kind = OUTPUTS[header.type]
    fields = _fields(header.type, layout, raw, STATES)
    if header.type == OutputType.DECISION:
        fields["flags"] = flag_names(codes.DecisionFlag, fields["flags"])
        fields |= _decision_tail(raw, fields)
    if header.type in JOINED:
        fields = JOINED[header.type](fields)
    for name in ("size", "type", "header_reserved", "reserved"):
        fields.pop(name, None)
    event: Event = kind(**fields)
    return event


def input_dict(raw: bytes) -> dict[str, Any]:
    """One input record as plain values with named codes; an unknown type shows its header only."""
    kind = raw[0]
    layout = INPUTS.get(kind, HEADER)
    fields = _fields(kind, layout, raw, {})
    fields["type"] = code_name(InputType, kind)
    return {name: value for name, value in fields.items() if not name.startswith("reserved")}


def to_dict(event: Event) -> dict[str, Any]:
    """An event as plain values that JSON can hold; 128-bit values become decimal text."""
    fields: dict[str, Any] = msgspec.to_builtins(event)
    for name in WIDE:
        if name in fields:
            fields[name] = str(fields[name])
    return fields


def to_json(event: Event) -> bytes:
    """An event as one JSON object."""
    return msgspec.json.encode(to_dict(event))


def _fields(
    kind: int, layout: Layout, raw: Any, states: dict[OutputType, type[IntEnum]]
) -> dict[str, Any]:
    """Converted fields of a record; words of 128-bit values are joined."""
    values = layout.unpack(raw)._asdict()
    for name in [name for name in values if name.endswith("_hi")]:
        wide = name.removesuffix("_hi")
        values[wide] = (values.pop(name) << 64) | values.pop(f"{wide}_lo")
    return {name: _convert(kind, states, name, value) for name, value in values.items()}


def _convert(kind: int, states: Any, name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex() if name in HEX_FIELDS else text(value)
    if name == "state" and kind in states:
        return code_name(states[kind], value)
    if name == "kind" and kind in KINDS:
        return code_name(KINDS[kind], value)  # type: ignore[index]
    if name in CODES:
        return code_name(CODES[name], value)
    return flag_names(FLAGS[name], value) if name in FLAGS else value


def _decision_tail(raw: Any, head: dict[str, Any]) -> dict[str, Any]:
    offset, blocks = decisions.DECISION.size, []
    sign = 1 if head["side"] == "buy" else -1
    for _ in range(head["candidates"]):
        block, offset = _candidate(raw, offset, sign, head["penalty_nanos"])
        blocks.append(block)
    places = range(offset, offset + head["children"] * ALLOCATION_SIZE, ALLOCATION_SIZE)
    parts = [_allocation(raw, place) for place in places]
    return {"candidates": tuple(blocks), "children": tuple(parts)}


def _candidate(raw: Any, offset: int, sign: int, penalty_nanos: int) -> tuple[CandidateVenue, int]:
    """A candidate block and the offset behind it."""
    head = decisions.CANDIDATE.unpack(raw, offset)
    offset += decisions.CANDIDATE.size
    known = {
        "venue": head.venue,
        "reason": code_name(Reason, head.reason),
        "value": head.value,
        "quote_age_us": head.quote_age_us,
        "flags": flag_names(CandidateFlag, head.flags),
    }
    if head.reason:
        return CandidateVenue(**known), offset
    row = decisions.ROW.unpack(raw, offset)
    offset += decisions.ROW.size
    used = _row(row, penalty_nanos)
    for flag, name in EXTRAS.items():
        if head.flags & flag:
            (used[name],) = struct.unpack_from("<q", raw, offset)
            offset += 8
    if head.levels & LevelsFlag.INVENTORY:
        (used["inventory_units"],) = struct.unpack_from("<q", raw, offset)
        offset += 8
    if head.levels & LevelsFlag.FEE_BOUNDS:
        used["fee_min_nanos"], used["fee_max_nanos"] = struct.unpack_from("<qq", raw, offset)
        used["fee_per_order"] = bool(head.levels & LevelsFlag.FEE_PER_ORDER)
        offset += 16
    count = head.levels & LevelsFlag.COUNT_MASK
    if not count:
        used["dark_units"], used["penalty_nanos"] = struct.unpack_from("<qq", raw, offset)
        used["miss_nanos"] = used["penalty_nanos"] * row.miss_0 >> 16
        return CandidateVenue(**known, **used), offset + 16
    pair = _level_pair(head.flags)
    pairs = [pair.unpack_from(raw, offset + index * pair.size) for index in range(count)]
    levels = tuple(Level(head.value + sign * delta, units) for delta, units in pairs)
    offset += -(-count * pair.size // 8) * 8
    return CandidateVenue(**known, **used, levels=levels), offset


EXTRAS = {
    CandidateFlag.OWN_UNITS: "own_units",
    CandidateFlag.WIDE_IMPACT: "impact_nanos",
    CandidateFlag.BALANCE: "balance_nanos",
    CandidateFlag.TICKET: "ticket_nanos",
    CandidateFlag.HIDDEN: "hidden_units",
}
"""Values that follow ROW where their flag is set, in the order in which they are stored."""


def _row(row: Any, penalty_nanos: int) -> dict[str, Any]:
    """Quality values of a candidate, the chances of a miss turned into those of a fill."""
    misses = [getattr(row, f"miss_{index}") for index in range(decisions.MISSES)]
    return {
        "fee_nanos": row.fee_nanos,
        "miss_nanos": penalty_nanos * misses[0] >> 16,
        "ack_ns": row.ack_ns,
        "fill_ratio": 1.0 - misses[0] / 65536,
        "available": tuple(1.0 - miss / 65536 for miss in misses),
        "impact_nanos": row.impact_nanos,
    }


def _level_pair(flags: int) -> struct.Struct:
    price = "Q" if flags & CandidateFlag.WIDE_PRICE else "I"
    size = "Q" if flags & CandidateFlag.WIDE_UNITS else "I"
    return _PAIRS[f"<{price}{size}"]


def _allocation(raw: Any, offset: int) -> ChildAllocation:
    part = decisions.ALLOCATION.unpack(raw, offset)
    return ChildAllocation(
        venue=part.venue,
        levels=part.levels,
        time_in_force=code_name(codes.TimeInForce, part.time_in_force),
        units=part.units,
        limit_nanos=part.limit_nanos,
        flags=flag_names(codes.AllocationFlag, part.flags),
        send_delay_ns=part.send_delay_ns,
    )
