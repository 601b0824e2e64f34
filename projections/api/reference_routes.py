"""Reference data: venues, instruments, policies, limits and accounts under control.

Terms are proposed by one person, approved by a second one, then put in force. Every change has its
actor, its reason, and the version of the item that the actor looked at: a stale edit is refused.
The engine acts on a change from the position in its log that the answer names.
"""

from __future__ import annotations

from asyncio import to_thread
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, PathParameter

from projections.api.access import ANYBODY, AUDITORS, OPERATORS, require
from projections.api.operations import problems, told
from projections.api.problems import ProblemError
from projections.api.read_routes import Ask, json, services_of
from projections.api.services import Services
from projections.views import reference_columns
from schemas.codes import InputType
from schemas.governed import ItemKind, ItemVerb
from schemas.wire import code_name, input_dict

KindOf = Annotated[ItemKind, PathParameter(description="kind of reference data")]
VerbOf = Annotated[ItemVerb, PathParameter(description="what to do")]
ItemKey = Annotated[str, PathParameter(min_length=1, max_length=32)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S")]
Actor = Annotated[str, msgspec.Meta(max_length=64)]
KeyText = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"^[\x21-\x7e]+$")]


class ProposeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new item. `actor` may be given only where nobody has to identify himself."""

    key: KeyText
    terms: dict[str, Any]
    reason: Reason
    actor: Actor = ""


class ChangeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A change of an item as seen at `version`; `terms`, in full, for an amendment only."""

    version: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
    reason: Reason
    actor: Actor = ""
    terms: dict[str, Any] | None = None


EXAMPLE = {
    "kind": "limits",
    "key": "ALFA",
    "state": "active",
    "version": 3,
    "revision": 2,
    "live": {"max_order_units": 50_000, "max_notional_ones": 1_000_000, "collar_bps": 500.0},
    "pending": None,
    "author": None,
    "approver": None,
    "modified_on": "2026-11-26T12:00:00+00:00",
    "in_log": {"shard": 0, "position": 44_706},
}
ITEM = told(200, dict[str, Any], "The item.", EXAMPLE)


def actor_of(request: Ask, actor: str) -> str:
    """Who makes the change: the caller; where nobody is asked who he is, whom he says."""
    services, caller = services_of(request), request.state.caller
    if not actor or actor == caller.name:
        return str(caller.name)
    if services.gate.rules.is_required:
        detail = f"you are {caller.name}; leave the actor out"
        raise ProblemError(403, "forbidden", detail, "actor")
    return actor


@get(
    "/v1/limits",
    tags=["reference"],
    summary="Pre-trade limits in force, by instrument.",
    responses=told(200, list[dict[str, Any]], "Limits.") | problems(),
)
async def get_limits(request: Ask) -> Response[bytes]:
    """The last LIMITS record of each instrument."""
    require(request.state.caller, ANYBODY)
    return json(records_in_force(services_of(request), InputType.LIMITS))


@get(
    "/v1/reference",
    tags=["reference"],
    summary="Every reference record in force, as it is in the input log.",
    responses=told(200, list[dict[str, Any]], "Records.") | problems(),
)
async def get_reference(request: Ask) -> Response[bytes]:
    """The last record of each thing."""
    require(request.state.caller, AUDITORS)
    return json(records_in_force(services_of(request), None))


def records_in_force(services: Services, kind: InputType | None) -> list[dict[str, Any]]:
    """Reference records, with names beside dense ids."""
    with services.reads.connect() as connection:
        names = services.reads.names(connection)
    where = {} if kind is None else {"input_type": int(kind)}
    found = []
    for row in services.reads.rows(reference_columns.REFERENCE, where, "version"):
        record = input_dict(row["record"])
        symbol = names.instrument(row["instrument"]).key
        named = {"symbol": symbol, "input_type": code_name(InputType, row["input_type"])}
        found.append({**record, **named})
    return found


@get(
    "/v1/reference/{kind:str}",
    tags=["reference"],
    summary="Items of a kind with their state, terms in force and proposed terms.",
    responses=told(200, list[dict[str, Any]], "Items by key.", [EXAMPLE]) | problems(404),
)
async def get_items(request: Ask, kind: KindOf) -> Response[bytes]:
    """Everything of one kind that was ever proposed."""
    require(request.state.caller, ANYBODY)
    return json(await to_thread(services_of(request).reference.items, kind.value))


@get(
    "/v1/reference/{kind:str}/{key:str}",
    tags=["reference"],
    summary="One item with everything that was done to it, by whom and why.",
    responses=ITEM | problems(404),
)
async def get_item(request: Ask, kind: KindOf, key: ItemKey) -> Response[bytes]:
    """The item and its history."""
    require(request.state.caller, ANYBODY)
    return json(await to_thread(services_of(request).reference.item, kind.value, key))


@post(
    "/v1/reference/{kind:str}",
    status_code=200,
    tags=["reference"],
    summary="Propose a new item; a second person approves it.",
    responses=ITEM | problems(404, 409, 415, 422),
)
async def post_item(request: Ask, kind: KindOf, data: JSONBody[ProposeRequest]) -> Response[bytes]:
    """It is not in force before it is approved and activated."""
    require(request.state.caller, OPERATORS)
    services, actor = services_of(request), actor_of(request, data.actor)
    item, _ = await services.reference.propose(kind.value, data.key, data.terms, actor, data.reason)
    note(services, actor, f"propose {kind.value} {data.key}", data.reason, item, None)
    return json({**item, "in_log": None})


@post(
    "/v1/reference/{kind:str}/{key:str}/{verb:str}",
    status_code=200,
    tags=["reference"],
    summary="Amend, approve, activate, suspend or retire an item.",
    responses=ITEM | problems(404, 409, 415, 422),
)
async def post_change(
    request: Ask, kind: KindOf, key: ItemKey, verb: VerbOf, data: JSONBody[ChangeRequest]
) -> Response[bytes]:
    """`in_log` tells the position from which the engine acts on it; null where nothing changed in
    force, or where the engine does not answer: the change is kept and follows, see /readyz.
    """
    require(request.state.caller, OPERATORS)
    services, actor = services_of(request), actor_of(request, data.actor)
    item, place = await services.reference.change(
        verb.value, kind.value, key, data.terms, data.version, actor, data.reason
    )
    note(services, actor, f"{verb.value} {kind.value} {key}", data.reason, item, place)
    return json({**item, "in_log": place})


def note(
    services: Services,
    actor: str,
    what: str,
    reason: str,
    item: dict[str, Any],
    place: dict[str, int] | None,
) -> None:
    """A line of audit; the item's own history has the same."""
    services.audit(actor, what, {"reason": reason, "version": item["version"], **(place or {})})


REFERENCE_ROUTES: list[HTTPRouteHandler] = [
    get_limits,
    get_reference,
    get_items,
    get_item,
    post_item,
    post_change,
]
