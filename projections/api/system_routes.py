"""Health, metrics, audit, jobs, and the pages that come with the program."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.serialization import encode_json

from projections.api.access import ANYBODY, AUDITORS, OPERATORS, require
from projections.api.operations import problems, told
from projections.api.problems import ProblemError
from projections.api.read_routes import Ask, json, services_of
from projections.api.services import Services
from schemas.units import NS_PER_S

BEHIND_NS = 5 * NS_PER_S
"""Further behind the log than this the read models are not ready."""
ASSETS = {
    "page.js": "text/javascript",
    "page.css": "text/css",
    "docs.js": "text/javascript",
}
JobId = Annotated[str, PathParameter(pattern=r"^[0-9]{1,9}$")]
Name = Annotated[str, PathParameter(max_length=64)]
Count = Annotated[int, QueryParameter(ge=1, le=1000)]


class JobRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Work to do over the service's own log; `policy` is the TOML of a what-if."""

    kind: Literal["verify", "whatif"]
    policy: Annotated[str, msgspec.Meta(max_length=16_384)] = ""


@get(
    "/healthz",
    tags=["system"],
    summary="The API answers.",
    responses=told(200, dict[str, Any], "Yes."),
)
async def get_health(request: Ask) -> Response[bytes]:
    """Nothing but that this process is alive."""
    return json({"status": "ok", "version": services_of(request).version})


@get(
    "/readyz",
    tags=["system"],
    summary="The service can take orders, or why not.",
    responses=told(200, dict[str, Any], "Ready.") | told(503, dict[str, Any], "Reasons."),
)
async def get_ready(request: Ask) -> Response[bytes]:
    """Looks at the engine process, the tail and the read models."""
    reasons, facts = await readiness(services_of(request))
    status = "ready" if not reasons else "not_ready"
    return json({"status": status, "reasons": reasons, **facts}, 503 if reasons else 200)


async def readiness(services: Services) -> tuple[list[str], dict[str, Any]]:
    """(why the service is not ready, how far each part is)."""
    reasons: list[str] = []
    engine = await services.port.status()
    if not engine:
        reasons.append("the engine process does not answer; it may be recovering, see its log")
    if services.reference.fault:
        reasons.append(services.reference.fault)
    if services.audit_fault:
        reasons.append(services.audit_fault)
    facts: dict[str, Any] = {"engine_out_seq": engine.get("out_seq"), "tail_out_seq": 0}
    facts["tail_out_seq"] = services.hub.out_seq
    try:
        with services.reads.connect() as connection:
            look = services.reads.look(connection)
    except ProblemError as error:
        return [*reasons, error.detail], facts
    facts["projected"] = look.position
    behind_ns = max(0, services.hub.last_ns - look.newest_ns)
    facts["projection_lag_ns"] = behind_ns
    if behind_ns > BEHIND_NS or not look.position:
        reasons.append(f"the read models are {behind_ns / NS_PER_S:.1f} s behind the log")
    return reasons, facts


@get(
    "/metrics",
    tags=["system"],
    summary="Prometheus metrics.",
    media_type="text/plain; version=0.0.4",
    responses=problems(),
)
async def get_metrics(request: Ask) -> Response[bytes]:
    """Counters of the engine process, the tail, the read models and this API."""
    require(request.state.caller, ANYBODY)
    services = services_of(request)
    engine = await services.port.status()
    _, facts = await readiness(services)
    hub, reads = services.hub, services.reads
    body = services.metrics(
        {
            "engine": engine,
            "projection_lag_ns": facts.get("projection_lag_ns"),
            "stream_clients": len(hub.clients),
            "stream_events": hub.events,
            "stream_lost": hub.lost,
            "cache_hits": reads.hits,
            "cache_misses": reads.misses,
            "is_up": bool(engine),
        }
    )
    return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")


@get(
    "/v1/audit",
    tags=["system"],
    summary="Who wrote what, newest first.",
    responses=told(200, list[dict[str, Any]], "Lines of audit.") | problems(),
)
async def get_audit(request: Ask, limit: Count = 100) -> Response[bytes]:
    """Every write with its caller and its position in the log."""
    require(request.state.caller, AUDITORS)
    return json(services_of(request).audited(limit))


@post(
    "/v1/jobs",
    status_code=202,
    tags=["jobs"],
    summary="Start a verification or a what-if of the service's log.",
    responses=told(202, dict[str, Any], "Started.") | problems(415, 422),
)
async def post_job(request: Ask, data: JSONBody[JobRequest]) -> Response[bytes]:
    """It runs in a process of its own; ask for it by its id."""
    require(request.state.caller, OPERATORS | AUDITORS)
    services = services_of(request)
    job = services.jobs.start(data.kind, {"policy": data.policy}, request.state.caller.name)
    services.audit(request.state.caller.name, f"job {data.kind}", {"job": job["id"]})
    return json(job, 202, {"location": f"/v1/jobs/{job['id']}"})


@get(
    "/v1/jobs/{job_id:str}",
    tags=["jobs"],
    summary="State, progress and result of a job.",
    responses=told(200, dict[str, Any], "The job.") | problems(404),
)
async def get_job(request: Ask, job_id: JobId) -> Response[bytes]:
    """`state` is running, done or failed."""
    require(request.state.caller, ANYBODY)
    found = services_of(request).jobs.get(job_id)
    if found is None:
        raise ProblemError(404, "unknown_job", f"no job {job_id[:32]!r}", "job_id")
    return json(found)


@get(
    "/v1/jobs",
    tags=["jobs"],
    summary="Jobs that are remembered, newest first.",
    responses=told(200, list[dict[str, Any]], "Jobs.") | problems(),
)
async def get_jobs(request: Ask) -> Response[bytes]:
    """At most a hundred."""
    require(request.state.caller, ANYBODY)
    return json(services_of(request).jobs.all())


@get("/", include_in_schema=False)
async def get_page(request: Ask) -> Response[bytes]:
    """The live page."""
    require(request.state.caller, ANYBODY)
    return Response(asset("page.html"), media_type="text/html; charset=utf-8")


@get("/openapi.json", include_in_schema=False)
async def get_openapi(request: Ask) -> Response[bytes]:
    """The OpenAPI document."""
    require(request.state.caller, ANYBODY)
    body = encode_json(request.app.openapi_schema.to_schema())
    return Response(body, media_type="application/json")


@get("/docs", include_in_schema=False)
async def get_docs(request: Ask) -> Response[bytes]:
    """The documents, made from the OpenAPI document in the browser."""
    require(request.state.caller, ANYBODY)
    return Response(asset("docs.html"), media_type="text/html; charset=utf-8")


@get("/static/{name:str}", include_in_schema=False)
async def get_asset(request: Ask, name: Name) -> Response[bytes]:
    """A file that the pages need; there are no others."""
    require(request.state.caller, ANYBODY)
    if name not in ASSETS:
        raise ProblemError(404, "not_found", "no such file", "name")
    return Response(asset(name), media_type=f"{ASSETS[name]}; charset=utf-8")


def asset(name: str) -> bytes:
    """A file of the program's own pages."""
    return (files("projections.api") / "static" / name).read_bytes()


SYSTEM_ROUTES: list[HTTPRouteHandler] = [
    get_health,
    get_ready,
    get_metrics,
    get_audit,
    post_job,
    get_job,
    get_jobs,
    get_page,
    get_docs,
    get_openapi,
    get_asset,
]
