"""Writing: orders, cancels, amends, switches; each a logged input and a line of audit.

Nothing is stored here: a command goes to the engine's log, what follows comes back by the tail.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, JSONBody

from projections.api.access import KILLERS, OPERATORS, TRADERS, require
from projections.api.operations import problems, told
from projections.api.order_input import (
    AmendRequest,
    CancelRequest,
    KillRequest,
    OrderRequest,
    OutageRequest,
    Submitted,
    amend_record,
    cancel_record,
    kill_record,
    order_record,
)
from projections.api.problems import ProblemError
from projections.api.read_routes import Ask, Id, PathKey, json, services_of
from projections.api.services import Services
from projections.views import columns
from projections.views.names import Names
from projections.views.view import global_id
from schemas.commands import Accepted, Refused, VenueFault

MAX_WAIT_S = 10.0
WAIT = re.compile(r"(?:^|[,;])\s*wait=(\d{1,3})\s*(?:$|[,;])")
Prefer = Annotated[
    str | None,
    HeaderParameter(name="Prefer", max_length=64, required=False, description="wait=N, up to 10 s"),
]
REFUSED_STATUS = {
    "engine_not_running": 503,
    "overloaded": 503,
    "outcome_unknown": 504,
    "conflicting_repeat": 409,
}
EXAMPLE = {"id": 44706, "shard": 0, "position": 44706, "log_ns": 1795677270197295106}
SUBMITTED = told(202, Submitted, "Durable.", {**EXAMPLE, "is_repeat": False, "state": "accepted"})


def names_of(services: Services) -> Names:
    """Names behind dense ids; ProblemError 503 until the reference data was read."""
    with services.reads.connect() as connection:
        names = services.reads.names(connection)
    if not names.instruments:
        raise ProblemError(503, "not_ready", "reference data is not projected yet; try again")
    return names


def known_order(services: Services, order_id: int) -> dict[str, Any]:
    """An order's terms: as projected, else as it was given; ProblemError 404 for none."""
    found = services.reads.one(columns.ORDERS, {"id": order_id})
    row = found[0] if found is not None else services.records.given(order_id)
    if row is None:
        raise ProblemError(404, "unknown_order", f"no order {order_id}", "id")
    return row


async def submit(request: Ask, services: Services, record: bytes, what: str) -> Accepted:
    """Hands a record to the engine; ProblemError when it is not in the log."""
    caller = request.state.caller
    if not request.app.state.orders.take(caller.name, services.bounds.orders_per_s):
        detail = f"at most {services.bounds.orders_per_s} commands a second"
        raise ProblemError(429, "too_many_requests", detail, headers={"retry-after": "1"})
    since_ns = services.now_ns()
    given = await services.port.submit(record)
    if services.trace is not None and isinstance(given, Accepted):
        place = {"shard": given.shard, "position": given.position}
        services.trace("command.durable", since_ns, services.now_ns(), what=what, **place)
    if isinstance(given, Refused):
        services.audit(caller.name, what, {"refused": given.reason})
        status = REFUSED_STATUS.get(given.reason, 422)
        raise ProblemError(status, given.reason, given.detail)
    services.audit(caller.name, what, {"shard": given.shard, "position": given.position})
    return given


async def told_of(services: Services, given: Accepted, prefer: str | None) -> dict[str, Any]:
    """What is known of a command, after as much waiting as was asked for."""
    found = WAIT.search(prefer or "")
    wait_s = min(MAX_WAIT_S, float(found[1])) if found else 0.0
    answer = await services.hub.answer(given.shard, given.position, wait_s)
    if services.trace is not None and answer:
        place = {"shard": given.shard, "position": given.position}
        decision = int(answer.get("decision_id", 0))
        services.trace("order.seen", given.log_ns, services.now_ns(), decision=decision, **place)
    known = dict(answer) if answer else {}
    outcome = known.pop("outcome", "accepted")
    return {
        "id": global_id(given.shard, given.position),
        "shard": given.shard,
        "position": given.position,
        "log_ns": given.log_ns,
        "is_repeat": given.is_repeat,
        "state": known.pop("state", outcome),
        **known,
    }


def accepted(body: dict[str, Any], order_id: int) -> Response[bytes]:
    """202 with the place where the order is found."""
    return json(body, 202, {"location": f"/v1/orders/{order_id}"})


@post(
    "/v1/orders",
    status_code=202,
    tags=["orders"],
    summary="Submit a parent order; answered once it is durable.",
    responses=SUBMITTED | problems(409, 415, 422),
)
async def post_order(
    request: Ask, data: JSONBody[OrderRequest], prefer: Prefer = None
) -> Response[bytes]:
    """With `Prefer: wait=N` the answer waits up to N seconds for the decision or refusal.

    A repeated ClOrdID with the same terms gets the first answer, with other terms 409.
    """
    require(request.state.caller, TRADERS)
    services = services_of(request)
    record = order_record(data, names_of(services), services.now_ns())
    given = await submit(request, services, record, f"order {data.cl_ord_id}")
    body = await told_of(services, given, prefer)
    return accepted(body, body["id"])


@post(
    "/v1/orders/{order_id:int}/cancel",
    status_code=202,
    tags=["orders"],
    summary="Ask for the cancel of an order.",
    responses=SUBMITTED | problems(404, 415, 422),
)
async def post_cancel(
    request: Ask, order_id: Id, data: JSONBody[CancelRequest], prefer: Prefer = None
) -> Response[bytes]:
    """The cancel is an input of its own; the order's state tells what came of it."""
    require(request.state.caller, TRADERS)
    services = services_of(request)
    row = known_order(services, order_id)
    record = cancel_record(row, data.cl_ord_id, services.now_ns())
    given = await submit(request, services, record, f"cancel {order_id}")
    return accepted(await told_of(services, given, prefer), order_id)


@post(
    "/v1/orders/{order_id:int}/amend",
    status_code=202,
    tags=["orders"],
    summary="Ask for new terms of an order.",
    responses=SUBMITTED | problems(404, 415, 422),
)
async def post_amend(
    request: Ask, order_id: Id, data: JSONBody[AmendRequest], prefer: Prefer = None
) -> Response[bytes]:
    """The whole order with its new terms becomes an input."""
    require(request.state.caller, TRADERS)
    services = services_of(request)
    row = known_order(services, order_id)
    given = services.records.given(order_id) or row
    record = amend_record(given, row, data, services.now_ns())
    place = await submit(request, services, record, f"amend {order_id}")
    return accepted(await told_of(services, place, prefer), order_id)


@post(
    "/v1/kill-switch",
    status_code=202,
    tags=["control"],
    summary="Stop trading in a scope, or let it go on.",
    responses=SUBMITTED | problems(415, 422),
)
async def post_kill(request: Ask, data: JSONBody[KillRequest]) -> Response[bytes]:
    """Engaging needs a trader or an operator, letting go an operator."""
    require(request.state.caller, KILLERS if data.engaged else OPERATORS)
    services = services_of(request)
    record = kill_record(data, names_of(services))
    word = "kill" if data.engaged else "resume"
    given = await submit(request, services, record, f"{word} {data.scope} {data.target}")
    return json(await told_of(services, given, None), 202, {"location": "/v1/kill-switches"})


@post(
    "/v1/venues/{venue:str}/outage",
    status_code=200,
    tags=["control"],
    summary="Begin or end an outage of a simulated venue.",
    responses=told(200, OutageRequest, "As it is now.") | problems(404, 415, 422),
)
async def post_outage(
    request: Ask, venue: PathKey, data: JSONBody[OutageRequest]
) -> Response[bytes]:
    """Its quotes stop and its answers wait until the outage is over."""
    require(request.state.caller, OPERATORS)
    services = services_of(request)
    dense = names_of(services).venue_id(venue)
    if dense is None:
        raise ProblemError(404, "unknown_venue", f"no venue {venue[:64]!r}", "venue")
    refused = await services.port.disturb(VenueFault(dense, data.is_on))
    if refused is not None:
        raise ProblemError(REFUSED_STATUS.get(refused.reason, 422), refused.reason, refused.detail)
    services.audit(request.state.caller.name, f"outage {venue}", {"is_on": data.is_on})
    return json({"is_on": data.is_on})


WRITE_ROUTES: list[HTTPRouteHandler] = [
    post_order,
    post_cancel,
    post_amend,
    post_kill,
    post_outage,
]
