"""From JSON to input records: bounded, scanned for depth before decoding, with named errors.

A message that is too long, too deep or wrong raises BadMessageError and changes nothing.
The messages are in `schemas.json_messages`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from schemas.codes import (
    ExecInst,
    ExecType,
    InputType,
    KillScope,
    Liquidity,
    OrdType,
    QuoteFlag,
    ReportFlag,
    Side,
    TimeInForce,
    TradeCondition,
    VenueStatus,
)
from schemas.errors import InputError
from schemas.json_messages import (
    AmendOrderMessage,
    AnyMessage,
    CancelOrderMessage,
    DropCopyMessage,
    ExecutionReportMessage,
    InventoryMessage,
    KillMessage,
    MassCancelMessage,
    Message,
    NewOrderMessage,
    OrderStatusMessage,
    QuoteMessage,
    StatusMessage,
    TradeMessage,
)
from schemas.layout import Layout
from schemas.market import QUOTE, STATUS, TRADE
from schemas.orders import CANCEL_ORDER, INVENTORY, KILL, MASS_CANCEL, NEW_ORDER
from schemas.reports import EXEC_REPORT
from schemas.units import INSTRUMENT_NONE, VENUE_NONE

MAX_BYTES = 65_536
MAX_DEPTH = 8


class Fault(StrEnum):
    """Why a message was not taken."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    NOT_JSON = "not_json"
    BAD_VALUE = "bad_value"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    UNKNOWN_VENUE = "unknown_venue"
    UNKNOWN_POLICY = "unknown_policy"


class BadMessageError(InputError):
    """A message that cannot become an input; `fault` names why, the text where and what to do."""

    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(text)
        self.fault = fault


class Lookup(Protocol):
    """Dense ids behind names, None where there is none."""

    def instrument_id(self, key: str) -> int | None:
        """Dense id of an instrument key."""

    def venue_id(self, key: str) -> int | None:
        """Dense id of a venue key."""

    def policy_id(self, name: str) -> int | None:
        """Id of a policy name."""


_DECODER: msgspec.json.Decoder[AnyMessage] = msgspec.json.Decoder(AnyMessage)
_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


class Place(msgspec.Struct, frozen=True):
    """Where a message enters the input log: its source, its place there and its time."""

    source: int
    source_seq: int
    log_ns: int


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of every message; `type` tells which one it is."""
    return msgspec.json.schema(AnyMessage)


def check_depth(raw: bytes) -> None:
    """BadMessageError for text over MAX_BYTES or nested over MAX_DEPTH; a decoder would recurse."""
    if not raw:
        raise BadMessageError(Fault.EMPTY, "message is empty; send one JSON object")
    if len(raw) > MAX_BYTES:
        raise BadMessageError(
            Fault.TOO_LARGE, f"message of {len(raw)} bytes; send at most {MAX_BYTES}"
        )
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for found in _BRACKETS.finditer(_TEXTS.sub(b"", raw)):
        depth += 1 if found[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            raise BadMessageError(
                Fault.TOO_DEEP, f"nested over {MAX_DEPTH} deep; send a flat JSON object"
            )


def decode(raw: bytes) -> AnyMessage:
    """One JSON message; BadMessageError names what is wrong and where."""
    check_depth(raw)
    try:
        return _DECODER.decode(raw)
    except msgspec.ValidationError as error:
        raise BadMessageError(Fault.BAD_VALUE, f"{error}; see the JSON Schema") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadMessageError(Fault.NOT_JSON, f"not JSON: {error}; send one object") from None


def encode(message: AnyMessage) -> bytes:
    """A message as JSON, for clients."""
    return msgspec.json.encode(message)


def to_record(message: AnyMessage, names: Lookup, place: Place) -> bytes:
    """The input record of a message; BadMessageError for a name that reference data lack.

    Whether the values make sense together is the engine's to judge.
    """
    kind, layout, values = _CONVERSIONS[type(message)](message, names)
    head = {"venue": VENUE_NONE, "instrument": INSTRUMENT_NONE, "type": kind}
    where = {"source": place.source, "source_seq": place.source_seq, "log_ns": place.log_ns}
    for name, value in values.items():
        if isinstance(value, str):
            values[name] = _bytes(layout, name, value)
    record: bytes = layout.pack(**head | where | values)
    return record


def _bytes(layout: Layout, name: str, value: str) -> bytes:
    raw, room = value.encode(), layout.dtype[name].itemsize
    if len(raw) > room or b"\0" in raw:
        raise BadMessageError(
            Fault.BAD_VALUE, f"`{name}` has {len(raw)} bytes; use at most {room}, and no NUL"
        )
    return raw


def _instrument(names: Lookup, key: str) -> int:
    found = names.instrument_id(key)
    if found is None:
        raise BadMessageError(
            Fault.UNKNOWN_INSTRUMENT, f"`instrument`: no {key!r} in the reference data; define it"
        )
    return found


def _venue(names: Lookup, key: str) -> int:
    found = names.venue_id(key)
    if found is None:
        raise BadMessageError(
            Fault.UNKNOWN_VENUE, f"`venue`: no {key!r} in the reference data; define it"
        )
    return found


def _policy(names: Lookup, name: str | None) -> int:
    """0 stands for the instrument's own policy."""
    found = 0 if name is None else names.policy_id(name)
    if found is None:
        raise BadMessageError(
            Fault.UNKNOWN_POLICY, f"`policy`: no {name!r} in the reference data; define it"
        )
    return found


def _mask(names: Lookup, keys: Iterable[str]) -> int:
    return sum({1 << _venue(names, key) for key in keys})


Converted = tuple[InputType, Layout, dict[str, Any]]


def _market(message: Any, names: Lookup) -> dict[str, Any]:
    return {
        "instrument": _instrument(names, message.instrument),
        "venue": _venue(names, message.venue),
        "venue_ns": message.venue_ns,
    }


def _quote(message: QuoteMessage, names: Lookup) -> Converted:
    values = {
        "flags": message.level | (QuoteFlag.MORE if message.more else 0),
        "bid_nanos": message.bid_px_nanos,
        "bid_units": message.bid_size_units,
        "ask_nanos": message.ask_px_nanos,
        "ask_units": message.ask_size_units,
    }
    return InputType.QUOTE, QUOTE, _market(message, names) | values


def _trade(message: TradeMessage, names: Lookup) -> Converted:
    values = {
        "price_nanos": message.last_px_nanos,
        "units": message.last_qty_units,
        "trade_id": message.trade_id,
        "aggressor": ("unknown", "buy", "sell").index(message.aggressor),
        "conditions": sum({TradeCondition[name.upper()] for name in message.conditions}),
    }
    return InputType.TRADE, TRADE, _market(message, names) | values


def _status(message: StatusMessage, names: Lookup) -> Converted:
    values: dict[str, Any] = {
        "venue": _venue(names, message.venue),
        "status": VenueStatus[message.status.upper()],
        "venue_ns": message.venue_ns,
    }
    if message.instrument is not None:
        values["instrument"] = _instrument(names, message.instrument)
    return InputType.STATUS, STATUS, values


_SAME = (
    "cl_ord_id account client trader locate_id self_match_id session order_capacity urgency"
).split()


def _order(message: NewOrderMessage | AmendOrderMessage, names: Lookup) -> Converted:
    values = {name: getattr(message, name) for name in _SAME}
    values["capacity"] = ord(values.pop("order_capacity"))
    values |= {
        "instrument": _instrument(names, message.instrument),
        "order_units": message.order_qty_units,
        "limit_nanos": message.price_nanos,
        "min_units": message.min_qty_units,
        "display_units": message.display_qty_units,
        "expire_ns": message.expire_time_ns,
        "transact_ns": message.transact_time_ns,
        "venues_allowed": _mask(names, message.venues_allowed),
        "venues_banned": _mask(names, message.venues_banned),
        "policy": _policy(names, message.policy),
        "side": Side[message.side.upper()],
        "ord_type": OrdType[message.ord_type.upper()],
        "time_in_force": TimeInForce[message.time_in_force.upper()],
        "exec_inst": sum({ExecInst[name.upper()] for name in message.exec_inst}),
        "post_permission": int(message.post_permission),
    }
    if isinstance(message, AmendOrderMessage):
        values["orig_cl_ord_id"] = message.orig_cl_ord_id
        return InputType.AMEND_ORDER, NEW_ORDER, values
    return InputType.NEW_ORDER, NEW_ORDER, values


def _cancel(message: CancelOrderMessage, names: Lookup) -> Converted:
    values = {
        "instrument": _instrument(names, message.instrument),
        "cl_ord_id": message.cl_ord_id,
        "orig_cl_ord_id": message.orig_cl_ord_id,
        "account": message.account,
        "transact_ns": message.transact_time_ns,
    }
    return InputType.CANCEL_ORDER, CANCEL_ORDER, values


def _status_of(message: OrderStatusMessage, names: Lookup) -> Converted:
    values = {
        "instrument": _instrument(names, message.instrument),
        "cl_ord_id": message.cl_ord_id,
        "orig_cl_ord_id": message.cl_ord_id,
        "account": message.account,
    }
    return InputType.ORDER_STATUS, CANCEL_ORDER, values


def _mass_cancel(message: MassCancelMessage, names: Lookup) -> Converted:
    scope = KillScope[message.scope.upper()]
    values: dict[str, Any] = {"scope": scope, "cl_ord_id": message.cl_ord_id}
    if scope == KillScope.INSTRUMENT:
        values["instrument"] = _instrument(names, message.target)
    else:
        values["target"] = message.target
    return InputType.MASS_CANCEL, MASS_CANCEL, values


def _report(message: ExecutionReportMessage, names: Lookup) -> Converted:
    flags = (ReportFlag.POSS_DUP if message.poss_dup else 0) | (
        ReportFlag.POSS_RESEND if message.poss_resend else 0
    )
    values = {
        "child_id": message.child_id,
        "trade_id": message.trade_id,
        "ref_trade_id": message.ref_trade_id,
        "report_id": message.exec_id,
        "last_nanos": message.last_px_nanos,
        "last_units": message.last_qty_units,
        "cum_units": message.cum_qty_units,
        "leaves_units": message.leaves_qty_units,
        "fee_nanos": message.fee_nanos,
        "venue_order_id": message.order_id,
        "text": message.text,
        "exec_type": ExecType[message.exec_type.upper()],
        "ord_status": message.ord_status,
        "liquidity": Liquidity[message.last_liquidity_ind.upper()],
        "reject_reason": message.ord_rej_reason,
        "report_flags": flags,
    }
    return InputType.EXEC_REPORT, EXEC_REPORT, _market(message, names) | values


def _drop_copy(message: DropCopyMessage, names: Lookup) -> Converted:
    values = {
        "child_id": message.child_id,
        "trade_id": message.trade_id,
        "ref_trade_id": message.ref_trade_id,
        "last_nanos": message.last_px_nanos,
        "last_units": message.last_qty_units,
        "exec_type": ExecType[message.exec_type.upper()],
    }
    return InputType.DROP_COPY, EXEC_REPORT, _market(message, names) | values


def _kill(message: KillMessage, names: Lookup) -> Converted:
    scope = KillScope[message.scope.upper()]
    values: dict[str, Any] = {"scope": scope, "engaged": int(message.engaged)}
    if scope == KillScope.INSTRUMENT:
        values["instrument"] = _instrument(names, message.target)
    elif scope == KillScope.VENUE:
        values["venue"] = _venue(names, message.target)
    elif scope in (KillScope.CLIENT, KillScope.ACCOUNT):
        values["target"] = message.target
    return InputType.KILL, KILL, values


def _inventory(message: InventoryMessage, names: Lookup) -> Converted:
    values = {
        "instrument": _instrument(names, message.instrument),
        "venue": _venue(names, message.venue),
        "account": message.account,
        "units": message.held_qty_units,
    }
    return InputType.INVENTORY, INVENTORY, values


_CONVERSIONS: dict[type[Message], Any] = {
    QuoteMessage: _quote,
    TradeMessage: _trade,
    StatusMessage: _status,
    NewOrderMessage: _order,
    AmendOrderMessage: _order,
    CancelOrderMessage: _cancel,
    OrderStatusMessage: _status_of,
    MassCancelMessage: _mass_cancel,
    ExecutionReportMessage: _report,
    DropCopyMessage: _drop_copy,
    KillMessage: _kill,
    InventoryMessage: _inventory,
}
