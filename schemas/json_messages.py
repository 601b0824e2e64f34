"""JSON messages of foreign systems, as typed immutable Structs that publish their JSON Schema.

Fields have their FIX names with the unit behind (`order_qty_units`, `price_nanos`); prices are
integers in 1e-9 of the quote currency, sizes in the instrument's smallest unit, times in ns since
1970 UTC. Codes are lower-case names. Instruments, venues and policies go by key, never by dense id.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from schemas.units import INT64_MAX, MAX_PRICE_NANOS, MAX_UNITS

Nanos = Annotated[int, msgspec.Meta(ge=0, le=MAX_PRICE_NANOS)]
Units = Annotated[int, msgspec.Meta(ge=0, le=MAX_UNITS)]
Said = Annotated[int, msgspec.Meta(ge=-1, le=MAX_UNITS)]
Time = Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)]
Money = Annotated[int, msgspec.Meta(ge=-INT64_MAX, le=INT64_MAX)]
Number = Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)]
Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]
Text16 = Annotated[str, msgspec.Meta(max_length=16)]
Text24 = Annotated[str, msgspec.Meta(max_length=24)]
Text32 = Annotated[str, msgspec.Meta(max_length=32)]
Name32 = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Keys = Annotated[tuple[Key, ...], msgspec.Meta(max_length=64)]
SideName = Literal["buy", "sell", "sell_short", "sell_short_exempt"]
OrdTypeName = Literal["market", "limit"]
TimeInForceName = Literal["day", "gtc", "opg", "ioc", "fok", "gtx", "gtd", "cls"]
ExecInstName = Literal["held", "not_held", "all_or_none", "post_only"]


class Message(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"
):
    """Base of every JSON message."""


class QuoteMessage(Message, frozen=True, kw_only=True, tag="quote"):
    """Both sides of one book level; a side of size 0 is empty, `more` says deeper ones follow."""

    instrument: Key
    venue: Key
    bid_px_nanos: Nanos
    bid_size_units: Units
    ask_px_nanos: Nanos
    ask_size_units: Units
    level: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0
    more: bool = False
    venue_ns: Time = 0


class TradeMessage(Message, frozen=True, kw_only=True, tag="trade"):
    """A print on a venue."""

    instrument: Key
    venue: Key
    last_px_nanos: Nanos
    last_qty_units: Units
    trade_id: Number = 0
    aggressor: Literal["unknown", "buy", "sell"] = "unknown"
    conditions: tuple[
        Literal[
            "regular",
            "iso",
            "off_exchange",
            "auction",
            "cross",
            "extended_hours",
            "out_of_sequence",
            "derived_price",
        ],
        ...,
    ] = ("regular",)
    venue_ns: Time = 0


class StatusMessage(Message, frozen=True, kw_only=True, tag="status"):
    """Trading state of a venue, or of one instrument there; "open" is a heartbeat too."""

    venue: Key
    status: Literal["open", "halted", "auction", "closed", "down"]
    instrument: Key | None = None
    venue_ns: Time = 0


class OrderFields(Message, frozen=True, kw_only=True):
    """What a new order and its amendment share; a market order has no price."""

    instrument: Key
    cl_ord_id: Name32
    account: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    side: SideName
    order_qty_units: Annotated[int, msgspec.Meta(ge=1, le=MAX_UNITS)]
    ord_type: OrdTypeName = "limit"
    price_nanos: Nanos = 0
    time_in_force: TimeInForceName = "day"
    exec_inst: tuple[ExecInstName, ...] = ()
    client: Text16 = ""
    trader: Text16 = ""
    locate_id: Text16 = ""
    self_match_id: Text16 = ""
    session: Text16 = ""
    min_qty_units: Units = 0
    display_qty_units: Units = 0
    expire_time_ns: Time = 0
    transact_time_ns: Time = 0
    order_capacity: Annotated[str, msgspec.Meta(pattern="^[A-Z]$")] = "A"
    policy: Key | None = None
    venues_allowed: Keys = ()
    venues_banned: Keys = ()
    urgency: Byte = 0
    post_permission: bool = False


class NewOrderMessage(OrderFields, frozen=True, kw_only=True, tag="new_order"):
    """A parent order (FIX NewOrderSingle); idempotent on account, ClOrdID and instrument."""


class AmendOrderMessage(OrderFields, frozen=True, kw_only=True, tag="amend_order"):
    """Replaces the terms of the parent `orig_cl_ord_id` (FIX OrderCancelReplaceRequest)."""

    orig_cl_ord_id: Name32


class CancelOrderMessage(Message, frozen=True, kw_only=True, tag="cancel_order"):
    """Cancels the parent `orig_cl_ord_id` (FIX OrderCancelRequest)."""

    instrument: Key
    cl_ord_id: Name32
    orig_cl_ord_id: Name32
    account: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    transact_time_ns: Time = 0


class OrderStatusMessage(Message, frozen=True, kw_only=True, tag="order_status"):
    """Asks for the state of the parent `cl_ord_id` (FIX OrderStatusRequest); changes nothing."""

    instrument: Key
    cl_ord_id: Name32
    account: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]


class MassCancelMessage(Message, frozen=True, kw_only=True, tag="mass_cancel"):
    """Cancels every open parent in a scope (FIX OrderMassCancelRequest); new ones are taken."""

    cl_ord_id: Name32
    scope: Literal["all", "instrument", "client", "account", "trader"] = "all"
    target: Annotated[str, msgspec.Meta(max_length=64)] = ""


class ExecutionReportMessage(Message, frozen=True, kw_only=True, tag="execution_report"):
    """What a venue or broker says of a child; -1 in `cum_qty_units` or `leaves_qty_units`: unsaid.

    `fee_nanos` is the charge in 1e-9 of the quote currency, negative for a rebate.
    """

    instrument: Key
    venue: Key
    child_id: Number
    exec_type: Literal[
        "new",
        "trade",
        "canceled",
        "rejected",
        "expired",
        "cancel_reject",
        "replaced",
        "replace_reject",
        "trade_cancel",
        "trade_correct",
        "done_for_day",
        "restated",
        "order_status",
        "pending_cancel",
        "suspended",
    ]
    trade_id: Number = 0
    ref_trade_id: Number = 0
    exec_id: Number = 0
    last_px_nanos: Nanos = 0
    last_qty_units: Units = 0
    cum_qty_units: Said = -1
    leaves_qty_units: Said = -1
    fee_nanos: Money = 0
    last_liquidity_ind: Literal["none", "take", "add", "hidden", "mid", "auction"] = "none"
    order_id: Text24 = ""
    text: Text32 = ""
    ord_status: Byte = 0
    ord_rej_reason: Byte = 0
    poss_dup: bool = False
    poss_resend: bool = False
    venue_ns: Time = 0


class DropCopyMessage(Message, frozen=True, kw_only=True, tag="drop_copy"):
    """A trade as the broker's second report has it, to be compared with what was reported."""

    instrument: Key
    venue: Key
    child_id: Number
    exec_type: Literal["trade", "trade_cancel", "trade_correct"] = "trade"
    trade_id: Number = 0
    ref_trade_id: Number = 0
    last_px_nanos: Nanos = 0
    last_qty_units: Units = 0
    venue_ns: Time = 0


class KillMessage(Message, frozen=True, kw_only=True, tag="kill"):
    """Stops new children of all, an instrument, venue, client or account; or re-arms."""

    scope: Literal["all", "instrument", "venue", "client", "account"] = "all"
    target: Annotated[str, msgspec.Meta(max_length=64)] = ""
    engaged: bool = True


class InventoryMessage(Message, frozen=True, kw_only=True, tag="inventory"):
    """All that an account holds of an instrument at a venue, its open sells included: the opening,
    or a balance told anew.
    """

    instrument: Key
    venue: Key
    account: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    held_qty_units: Units


MarketDataMessage = QuoteMessage | TradeMessage | StatusMessage
OrderMessage = (
    NewOrderMessage
    | AmendOrderMessage
    | CancelOrderMessage
    | OrderStatusMessage
    | MassCancelMessage
    | KillMessage
    | InventoryMessage
)
AnyMessage = MarketDataMessage | OrderMessage | ExecutionReportMessage | DropCopyMessage
