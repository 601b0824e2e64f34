"""Orders, cancels and switches as JSON, and the input records that they become."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import msgspec

from projections.api.problems import CHOICES, ProblemError
from projections.views.names import Names
from schemas.codes import ExecInst, InputType, KillScope, OrdType, Side, TimeInForce
from schemas.orders import CANCEL_ORDER, KILL, NEW_ORDER
from schemas.units import INSTRUMENT_NONE, MAX_PRICE_NANOS, MAX_UNITS, VENUE_NONE, price_nanos

Id16 = Annotated[str, msgspec.Meta(max_length=16, pattern=r"^[\x20-\x7e]*$")]
Id32 = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"^[\x21-\x7e]+$")]
Symbol = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"^[\x21-\x7e]+$")]
Units = Annotated[int, msgspec.Meta(ge=1, le=MAX_UNITS)]
Price = Annotated[str, msgspec.Meta(max_length=32, pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$")]
SideName = Literal["buy", "sell", "sell_short", "sell_short_exempt"]
TypeName = Literal["market", "limit"]
TimeName = Literal["day", "ioc", "fok", "gtd"]
ScopeName = Literal["all", "instrument", "venue", "client", "account"]
Keys = Annotated[tuple[Id32, ...], msgspec.Meta(max_length=64)]


OF_AN_INPUT = frozenset({"source", "source_seq", "log_ns", "venue_ns", "flags", "reserved"})
"""What an input has of its own, and no copy of it."""


class OrderRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A parent order. Sizes are in the instrument's smallest unit, prices are decimal text."""

    cl_ord_id: Id32
    account: Annotated[Id16, msgspec.Meta(min_length=1)]
    symbol: Symbol
    side: SideName
    order_units: Units
    ord_type: TypeName = "market"
    limit_price: Price | None = None
    time_in_force: TimeName = "day"
    expire_ns: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0
    policy: Annotated[str, msgspec.Meta(max_length=32)] = ""
    client: Id16 = ""
    trader: Id16 = ""
    locate_id: Id16 = ""
    session: Id16 = ""
    self_match_id: Id16 = ""
    min_units: Annotated[int, msgspec.Meta(ge=0, le=MAX_UNITS)] = 0
    display_units: Annotated[int, msgspec.Meta(ge=0, le=MAX_UNITS)] = 0
    post_only: bool = False
    urgency: Annotated[int, msgspec.Meta(ge=0, le=3)] = 0
    post_permission: bool = False
    venues_allowed: Keys = ()
    venues_banned: Keys = ()
    transact_ns: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0


class AmendRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """New terms of a parent order under a new ClOrdID; what is left out stays."""

    cl_ord_id: Id32
    order_units: Units | None = None
    limit_price: Price | None = None


class CancelRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The ClOrdID of the cancel itself."""

    cl_ord_id: Id32


class KillRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to stop, or to let go on; `target` names the instrument, venue, client or account."""

    scope: ScopeName
    engaged: bool
    target: Annotated[str, msgspec.Meta(max_length=32, pattern=r"^[\x20-\x7e]*$")] = ""


CHOICES.update(
    side=get_args(SideName),
    ord_type=get_args(TypeName),
    time_in_force=get_args(TimeName),
    scope=get_args(ScopeName),
)


class OutageRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An outage of a simulated venue, begun or ended."""

    is_on: bool


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """A command that is durable: the order's id, its position in the log, and what is known yet.

    `state` is `accepted` until a decision or a refusal was seen.
    """

    id: int
    shard: int
    position: int
    log_ns: int
    is_repeat: bool
    state: str
    decision_id: int | None = None
    reason: str | None = None
    cum_units: int | None = None


def order_record(order: OrderRequest, names: Names, now_ns: int) -> bytes:
    """The NEW_ORDER record; ProblemError 422 names a field that does not fit the market."""
    instrument = names.instrument_id(order.symbol)
    if instrument is None:
        known = ", ".join(n.key for n in list(names.instruments.values())[:20])
        raise ProblemError(422, "unknown_instrument", f"instruments are {known}", "symbol")
    return NEW_ORDER.pack(
        type=int(InputType.NEW_ORDER),
        venue=VENUE_NONE,
        instrument=instrument,
        symbol=names.instrument(instrument).key.encode(),
        **texts(order),
        order_units=order.order_units,
        limit_nanos=limit_nanos(order),
        min_units=order.min_units,
        display_units=order.display_units,
        expire_ns=order.expire_ns,
        transact_ns=order.transact_ns or now_ns,
        receive_ns=now_ns,
        venues_allowed=mask("venues_allowed", order.venues_allowed, names),
        venues_banned=mask("venues_banned", order.venues_banned, names),
        policy=policy_number(order.policy, names),
        side=int(Side[order.side.upper()]),
        ord_type=int(OrdType[order.ord_type.upper()]),
        time_in_force=int(TimeInForce[order.time_in_force.upper()]),
        exec_inst=int(ExecInst.POST_ONLY) if order.post_only else 0,
        capacity=ord("A"),
        urgency=order.urgency,
        post_permission=int(order.post_permission),
    )


def texts(order: OrderRequest) -> dict[str, bytes]:
    """Text fields of an order record."""
    fields = ("cl_ord_id", "account", "client", "trader", "locate_id", "session", "self_match_id")
    return {name: getattr(order, name).encode() for name in fields}


def limit_nanos(order: OrderRequest) -> int:
    """The limit, 0 for a market order."""
    if order.ord_type == "market":
        if order.limit_price is not None:
            detail = "a market order has no limit; leave it out, or make it a limit order"
            raise ProblemError(422, "bad_price", detail, "limit_price")
        return 0
    return price("limit_price", order.limit_price)


def price(name: str, text: str | None) -> int:
    """A price above 0 in nanos."""
    nanos = price_nanos(text) if text else 0
    if not 0 < nanos <= MAX_PRICE_NANOS:
        raise ProblemError(422, "bad_price", "give a price above 0 as decimal text", name)
    return nanos


def policy_number(name: str, names: Names) -> int:
    """A policy's id, 0 for the instrument's own."""
    if not name:
        return 0
    found = next((p for p in names.policies if names.policy(p) == name), None)
    if found is None:
        known = ", ".join(names.policy(p) for p in sorted(names.policies))
        raise ProblemError(422, "unknown_policy", f"policies are {known}", "policy")
    return found


def mask(field: str, keys: tuple[str, ...], names: Names) -> int:
    """Dense venue ids as bits."""
    bits = 0
    for key in keys:
        venue = names.venue_id(key)
        if venue is None:
            raise ProblemError(422, "unknown_venue", f"no venue {key!r}", field)
        bits |= 1 << venue
    return bits


def cancel_record(row: dict[str, Any], cl_ord_id: str, now_ns: int) -> bytes:
    """A CANCEL_ORDER record for a stored order."""
    return CANCEL_ORDER.pack(
        type=int(InputType.CANCEL_ORDER),
        venue=VENUE_NONE,
        instrument=row["instrument"],
        cl_ord_id=cl_ord_id.encode(),
        orig_cl_ord_id=row["cl_ord_id"].encode(),
        account=row["account"].encode(),
        transact_ns=now_ns,
    )


def amend_record(
    given: dict[str, Any], row: dict[str, Any], amend: AmendRequest, now_ns: int
) -> bytes:
    """An AMEND_ORDER record: the order as it was given, with the terms that count and the new ones.

    `given` are the fields of its NEW_ORDER, `row` the order as projected, or `given` again.
    """
    limit = row["limit_nanos"]
    if amend.limit_price is not None:
        limit = price("limit_price", amend.limit_price)
    counting = {name: row[name] for name in ("min_units", "display_units", "expire_ns")}
    names = {"orig_cl_ord_id": row["cl_ord_id"], "cl_ord_id": amend.cl_ord_id}
    terms = {
        **{name: value for name, value in given.items() if name not in OF_AN_INPUT},
        **counting,
        **names,
        "type": int(InputType.AMEND_ORDER),
        "order_units": amend.order_units or row["order_units"],
        "limit_nanos": limit,
        "transact_ns": now_ns,
        "receive_ns": now_ns,
    }
    packed = {n: v.encode() if isinstance(v, str) else v for n, v in terms.items()}
    return NEW_ORDER.pack(**packed)


def kill_record(kill: KillRequest, names: Names) -> bytes:
    """A KILL record; ProblemError 422 for a target that does not exist."""
    scope = KillScope[kill.scope.upper()]
    venue, instrument, target = VENUE_NONE, INSTRUMENT_NONE, b""
    if scope is KillScope.VENUE:
        venue = found_or_unknown(names.venue_id(kill.target), "venue", kill.target)
    elif scope is KillScope.INSTRUMENT:
        instrument = found_or_unknown(names.instrument_id(kill.target), "instrument", kill.target)
    elif scope is not KillScope.ALL:
        if not 0 < len(kill.target) <= 16:
            raise ProblemError(422, "bad_target", "name a client or account of 1 to 16", "target")
        target = kill.target.encode()
    return KILL.pack(
        type=int(InputType.KILL),
        venue=venue,
        instrument=instrument,
        scope=int(scope),
        engaged=int(kill.engaged),
        target=target,
    )


def found_or_unknown(found: int | None, what: str, key: str) -> int:
    """A dense id; ProblemError 422 where there is none."""
    if found is None:
        raise ProblemError(422, f"unknown_{what}", f"no {what} {key!r}", "target")
    return found
