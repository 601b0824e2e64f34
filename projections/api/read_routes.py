"""Reading: lists, single rows, venues, quality, limits."""

from __future__ import annotations

from asyncio import to_thread
from typing import Annotated, Any, Literal

import orjson
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter

from projections.api.accepting import FORMS, form_of
from projections.api.access import ANYBODY, require
from projections.api.lists import LISTINGS, Listing, answer, export
from projections.api.operations import list_operation, performance_operation, problems, told
from projections.api.performance import EXAMPLE, asked, report
from projections.api.problems import ProblemError
from projections.api.reads import Reads
from projections.api.rows import examples_of, page_struct, present, row_struct, shown_columns
from projections.api.services import Services
from projections.views import columns, reference_columns
from projections.views.names import Names
from projections.views.quality import named, without_missing
from projections.views.view import View
from schemas.codes import KillScope, OutputType
from schemas.units import INSTRUMENT_NONE, INT64_MAX
from schemas.wire import decode_output, to_dict

JSON = "application/json"
Ask = Request[Any, Any, Any]
Id = Annotated[int, PathParameter(ge=0, lt=2**53, description="global id")]
Key = Annotated[str, QueryParameter(min_length=1, max_length=64)]
PathKey = Annotated[str, PathParameter(min_length=1, max_length=64)]


def services_of(request: Ask) -> Services:
    """What the application was given."""
    found: Services = request.app.state.services
    return found


def json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response[bytes]:
    """A JSON answer."""
    body = orjson.dumps(value)
    return Response(body, status_code=status, media_type=JSON, headers=headers or {})


def list_handler(listing: Listing) -> HTTPRouteHandler:
    """The GET handler of one list."""
    row = row_struct(listing.view)
    page = page_struct(row)
    example = {"items": [dict(examples_of(listing.view))], "next_cursor": "kqwwZDczMzJmY2Yz"}

    async def handle(request: Ask) -> Response[bytes]:
        require(request.state.caller, ANYBODY)
        given = dict(request.query_params)
        if len(given) != len(list(request.query_params.multi_items())):
            raise ProblemError(400, "repeated_parameter", "give each parameter once")
        form = asked_form(request, given)
        known = request.headers.get("if-none-match", "")
        found = await to_thread(answer, services_of(request).reads, listing, given, form, known)
        headers = {"etag": found.tag, "vary": "accept, authorization"}
        if found.cursor is not None:
            headers["x-next-cursor"] = found.cursor
        if found.body is None:
            return Response(b"", status_code=304, headers=headers)
        return Response(found.body, media_type=FORMS[form], headers=headers)

    return get(
        f"/v1/{listing.path}",
        operation_id=f"list_{listing.view.name}",
        operation_class=list_operation(listing),
        summary=listing.about,
        tags=["lists"],
        responses=told(200, page, listing.about, {**example, "position": {"0": 1}}) | problems(406),
    )(handle)


def asked_form(request: Ask, given: dict[str, str]) -> str:
    """The form asked for by `format`, else by Accept; ProblemError 400, 406 for another one."""
    form = given.pop("format", "")
    if form in FORMS:
        return form
    if form:
        raise ProblemError(400, "bad_value", f"formats are {', '.join(FORMS)}", "format")
    accepted = form_of(request.headers.get("accept", ""))
    if accepted is None:
        detail = f"answers are {', '.join(FORMS.values())}; accept one of them"
        raise ProblemError(406, "not_acceptable", detail, "Accept")
    return accepted


def one_row(services: Services, view: View, identity: int, what: str) -> tuple[Any, Names]:
    """A stored row; ProblemError 404 where there is none."""
    found = services.reads.one(view, {"id": identity})
    if found is None:
        detail = f"no {what} {identity}; it may not be projected yet"
        raise ProblemError(404, f"unknown_{what}", detail, "id")
    return found


def shown(view: View, row: Any, names: Names) -> dict[str, Any]:
    """A stored row as it is shown."""
    wanted = tuple(name for name, _ in shown_columns(view))
    return present(view, wanted, [tuple(row[name] for name in wanted)], names)[0]


@get(
    "/v1/decisions/{decision_id:int}",
    tags=["decisions"],
    summary="One decision as it was recorded: every candidate, cost, exclusion and child.",
    responses=told(200, dict[str, Any], "The whole record.") | problems(404),
)
async def get_decision(request: Ask, decision_id: Id) -> Response[bytes]:
    """The whole record from the log, with names beside dense ids."""
    require(request.state.caller, ANYBODY)
    services = services_of(request)
    row, names = one_row(services, columns.DECISIONS, decision_id, "decision")
    event = decode_output(services.records.read(row))
    return json({**to_dict(event), **naming(event, names)}, headers={"cache-control": "no-cache"})


def naming(event: Any, names: Names) -> dict[str, Any]:
    """Names behind the ids of a decision."""
    return {
        "symbol": names.instrument(event.instrument).key,
        "policy_name": names.policy(event.policy),
        "venue_keys": {str(c.venue): names.venue(c.venue) for c in event.candidates},
    }


@get(
    "/v1/decisions/{decision_id:int}/explanation",
    tags=["decisions"],
    summary="A decision as a person reads it.",
    sync_to_thread=True,
    responses=told(200, dict[str, Any], "Lines of text by section.") | problems(404),
)
def get_explanation(request: Ask, decision_id: Id) -> Response[bytes]:
    """Sections of text: order, market, venues, choice, cost, outcome."""
    require(request.state.caller, ANYBODY)
    services = services_of(request)
    row, names = one_row(services, columns.DECISIONS, decision_id, "decision")
    order = services.reads.one(columns.ORDERS, {"id": row["order_id"]})
    return json(services.records.explain(row, order[0] if order else {}, names))


@get(
    "/v1/orders/{order_id:int}",
    tags=["orders"],
    summary="One order: its state, and its decisions and children.",
    responses=told(200, dict[str, Any], "The order.") | problems(404),
)
async def get_order(request: Ask, order_id: Id) -> Response[bytes]:
    """The order's row with the ids of its decisions and its children's rows."""
    require(request.state.caller, ANYBODY)
    services = services_of(request)
    row, names = one_row(services, columns.ORDERS, order_id, "order")
    where = {"order_id": row["id"]}
    made = services.reads.rows(columns.DECISIONS, where, "id")
    sent = services.reads.rows(columns.CHILDREN, where, "id")
    children = [shown(columns.CHILDREN, child, names) for child in sent]
    decided = [decision["id"] for decision in made]
    found = shown(columns.ORDERS, row, names)
    return json({**found, "decision_ids": decided, "child_orders": children})


SWITCHES = {
    "is_killed": KillScope.VENUE,
    "is_suspended": KillScope.SUSPENDED_VENUE,
    "is_self_help": KillScope.SELF_HELP,
}
"""Fields of a venue -> the switch behind it: by hand, by reference data, by declaration."""


@get(
    "/v1/venues",
    tags=["venues"],
    summary="Every venue with its health and whether it is killed.",
    responses=told(200, list[dict[str, Any]], "Venues by key.") | problems(),
)
async def get_venues(request: Ask) -> Response[bytes]:
    """Reference data, the newest health row and the switches of each venue."""
    require(request.state.caller, ANYBODY)
    reads = services_of(request).reads
    engine = await services_of(request).port.status()
    out = engine.get("outages", [])
    with reads.connect() as connection:
        names = reads.names(connection)
    health = {row["venue"]: row for row in reads.rows(columns.VENUE_QUALITY, {}, "venue")}
    engaged = reads.rows(reference_columns.KILLS, {"engaged": 1}, "shard")
    stopped = {(row["scope"], row["venue"]) for row in engaged}
    found = []
    for row in reads.rows(reference_columns.VENUES, {}, "key"):
        venue = shown(reference_columns.VENUES, row, names)
        for field, scope in SWITCHES.items():
            venue[field] = (scope, row["venue"]) in stopped
        venue["is_out"] = row["venue"] in out
        quality = health.get(row["venue"])
        venue["quality"] = None if quality is None else shown(columns.VENUE_QUALITY, quality, names)
        venue["health"] = venue["quality"]["health"] if quality else None
        found.append(venue)
    return json(found)


HISTORIES = {
    "quality": OutputType.QUALITY,
    "execution_quality": OutputType.EXECUTION_QUALITY,
    "venue_quality": OutputType.VENUE_QUALITY,
}
HistoryKind = Annotated[
    Literal["quality", "execution_quality", "venue_quality"],
    QueryParameter(description="which table; venue_quality has no instrument"),
]
OptionalKey = Annotated[str | None, QueryParameter(required=False, min_length=1, max_length=64)]
Time = Annotated[int | None, QueryParameter(required=False, ge=0, le=INT64_MAX)]
Rows = Annotated[int, QueryParameter(ge=1, le=1000)]


@get(
    "/v1/quality/history",
    tags=["quality"],
    summary="Quality of one place over time, newest first.",
    responses=told(200, list[dict[str, Any]], "Whole records at the cadence.") | problems(),
)
async def get_history(
    request: Ask,
    venue: Key,
    instrument: OptionalKey = None,
    kind: HistoryKind = "quality",
    since_ns: Time = None,
    until_ns: Time = None,
    limit: Rows = 500,
) -> Response[bytes]:
    """The last record of each bucket of the store's cadence."""
    require(request.state.caller, ANYBODY)
    reads = services_of(request).reads
    with reads.connect() as connection:
        names = reads.names(connection)
    place = INSTRUMENT_NONE
    if kind != "venue_quality":
        if instrument is None:
            detail = f"{kind} is kept by instrument; name one"
            raise ProblemError(400, "bad_value", detail, "instrument")
        place = known(names.instrument_id(instrument), "instrument", instrument)
    where: dict[str, Any] = {
        "kind": int(HISTORIES[kind]),
        "instrument": place,
        "venue": known(names.venue_id(venue), "venue", venue),
    }
    if since_ns is not None:
        where["log_ns:ge"] = since_ns
    if until_ns is not None:
        where["log_ns:lt"] = until_ns
    rows = reads.newest(columns.QUALITY_HISTORY, where, "log_ns", limit)
    return json([quality_row(decode_output(row["record"]), names) for row in rows])


def quality_row(event: Any, names: Names) -> dict[str, Any]:
    """A whole quality record with keys for ids and nothing for what was never seen."""
    row = named(event, names)
    return without_missing(row) if "observed_ns" in row else row


@get(
    "/v1/quality/compare",
    tags=["quality"],
    summary="The venues of one instrument beside each other, whole records.",
    responses=told(200, dict[str, Any], "By venue key.") | problems(),
)
async def compare(request: Ask, instrument: Key) -> Response[bytes]:
    """Ticks and fills of each venue."""
    require(request.state.caller, ANYBODY)
    reads = services_of(request).reads
    with reads.connect() as connection:
        names = reads.names(connection)
    where = {"instrument": known(names.instrument_id(instrument), "instrument", instrument)}
    found: dict[str, Any] = {}
    for view in (columns.QUALITY, columns.EXECUTION_QUALITY):
        for row in reads.rows(view, where, "venue"):
            told_of = found.setdefault(names.venue(row["venue"]), {})
            told_of[view.name] = to_dict(decode_output(row["record"]))
    return json(found)


def known(found: int | None, what: str, key: str) -> int:
    """A dense id; ProblemError 400 where there is none."""
    if found is None:
        raise ProblemError(400, f"unknown_{what}", f"no {what} {key[:64]!r}", what)
    return found


@get(
    "/v1/performance",
    operation_class=performance_operation,
    tags=["performance"],
    summary="Sums and ratios by hour, day or in all; grouped as asked.",
    responses=told(200, dict[str, Any], "Rows, the latest bucket first.", EXAMPLE) | problems(406),
)
async def get_performance(request: Ask) -> Response[bytes]:
    """Counts, fill ratio, costs, effective spread, improvement, shortfall, latencies, baselines."""
    require(request.state.caller, ANYBODY)
    given = dict(request.query_params)
    if len(given) != len(list(request.query_params.multi_items())):
        raise ProblemError(400, "repeated_parameter", "give each parameter once")
    form = asked_form(request, given)
    body = await to_thread(performance_body, services_of(request).reads, given, form)
    return Response(body, media_type=FORMS[form])


def performance_body(reads: Reads, given: dict[str, str], form: str) -> bytes:
    """A report in a form."""
    with reads.connect() as connection:
        look = reads.look(connection)
        rows = report(connection, look.names, asked(given, look.names))
    if form == "json":
        return orjson.dumps({"items": rows, "position": look.position})
    fields = tuple(dict.fromkeys(name for row in rows for name in row))
    return export([{name: row.get(name) for name in fields} for row in rows], fields, form)


READ_ROUTES: list[HTTPRouteHandler] = [
    *(list_handler(listing) for listing in LISTINGS),
    get_decision,
    get_explanation,
    get_order,
    get_venues,
    get_history,
    compare,
    get_performance,
]
