"""`/v1/stream`: server-sent events of what the engine says, as it becomes durable.

Each event carries its out_seq as id, so a client goes on with Last-Event-ID, and `latency_ns`: from
the input's log time to the moment of sending. A gap event tells how many events a client missed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from litestar import Request, get
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from projections.api.access import ANYBODY, Caller, require
from projections.api.hub import Client
from projections.api.live import ALL_TOPICS, Shown, Wants
from projections.api.operations import problems
from projections.api.problems import ProblemError
from projections.api.services import Services
from projections.views.names import Names
from schemas.units import INT64_MAX
from schemas.wire import to_dict

BEAT_S = 1.0
BURST = 256
Text = Annotated[str | None, QueryParameter(required=False, max_length=256, min_length=1)]
LastId = Annotated[
    str | None, HeaderParameter(name="Last-Event-ID", required=False, pattern=r"^[0-9]{1,18}$")
]


@get(
    "/v1/stream",
    tags=["stream"],
    summary="Live events: decisions, orders, children, refusals, alarms, quality, health.",
    media_type="text/event-stream",
    responses=problems(),
)
async def get_stream(
    request: Request[Any, Any, Any],
    topics: Text = None,
    instrument: Text = None,
    venue: Text = None,
    last_event_id: LastId = None,
) -> Stream:
    """`topics` are parted by commas; all by default."""
    caller: Caller = request.state.caller
    require(caller, ANYBODY)
    services: Services = request.app.state.services
    if len(services.hub.clients) >= services.bounds.stream_clients:
        detail = f"at most {services.bounds.stream_clients} streams at once"
        raise ProblemError(503, "too_many_streams", detail, headers={"retry-after": "5"})
    with services.reads.connect() as connection:
        names = services.reads.names(connection)
    wants = filter_of(topics, instrument, venue, names)
    after = int(last_event_id) if last_event_id else None
    client = services.hub.open(wants, min(after, INT64_MAX) if after is not None else None)
    return Stream(events(services, client, caller, names), media_type="text/event-stream")


def filter_of(topics: str | None, instrument: str | None, venue: str | None, names: Names) -> Wants:
    """What a client wants; ProblemError 400 for what there is not."""
    chosen = frozenset(topics.split(",")) if topics else ALL_TOPICS
    if not chosen <= ALL_TOPICS:
        detail = f"topics are {', '.join(sorted(ALL_TOPICS))}"
        raise ProblemError(400, "bad_value", detail, "topics")
    dense = names.instrument_id(instrument) if instrument else None
    place = names.venue_id(venue) if venue else None
    if instrument and dense is None:
        raise ProblemError(400, "unknown_instrument", f"no {instrument[:64]!r}", "instrument")
    if venue and place is None:
        raise ProblemError(400, "unknown_venue", f"no {venue[:64]!r}", "venue")
    return Wants(chosen, dense, place)


async def events(
    services: Services, client: Client, caller: Caller, names: Names
) -> AsyncIterator[bytes]:
    """The text of a stream, until the client or his token is gone."""
    try:
        yield b"retry: 1000\n\n"
        while True:
            if caller.expires_ns and services.now_ns() >= caller.expires_ns:
                yield b"event: expired\ndata: {}\n\n"
                return
            is_idle = not client.queue and not client.lost
            if is_idle and not await client.rest(BEAT_S):
                yield beat(services)
                continue
            yield burst(services, client, names)
    finally:
        services.hub.close(client)


def burst(services: Services, client: Client, names: Names) -> bytes:
    """What is queued, the gap marker behind what was lost after it."""
    count = min(BURST, len(client.queue))
    parts = [message(client.queue.popleft(), services.now_ns(), names) for _ in range(count)]
    if not client.queue and client.lost:
        lost = orjson.dumps({"missed": client.lost})
        parts.append(b"event: gap\ndata: " + lost + b"\n\n")
        services.hub.lost += client.lost
        client.lost = 0
    return b"".join(parts)


def beat(services: Services) -> bytes:
    """A sign of life with how far the log is, so that a page can say how old it is."""
    told = {"now_ns": services.now_ns(), "log_ns": services.hub.last_ns}
    return b"event: beat\ndata: " + orjson.dumps(told) + b"\n\n"


def message(shown: Shown, now_ns: int, names: Names) -> bytes:
    """One event; its body is made once for all clients, the latency is each one's own."""
    if len(shown.cache) < 2:
        event = shown.event
        body = {**to_dict(event), "symbol": names.instrument(shown.instrument).key}
        if hasattr(event, "venue"):
            body["venue_key"] = names.venue(event.venue)
        if shown.topic == "decision":
            body["policy_name"] = names.policy(event.policy)  # type: ignore[union-attr]
            body["venue_keys"] = {
                str(c.venue): names.venue(c.venue)
                for c in event.candidates  # type: ignore[union-attr]
            }
        shown.cache.append(orjson.dumps(body)[1:])
    head = (
        f'id: {shown.out_seq}\nevent: {shown.topic}\ndata: {{"latency_ns":{now_ns - shown.log_ns},'
    )
    found: bytes = head.encode() + shown.cache[1] + b"\n\n"
    return found
