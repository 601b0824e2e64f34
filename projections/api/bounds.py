"""What every request must pass before a handler sees it: sizes, depth, rates, who asks.

Pure ASGI, first in line. It also writes the headers that every answer carries.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from projections.api.accepting import takes_gzip
from projections.api.access import Caller, Gate
from projections.api.problems import MEDIA_TYPE, ProblemError, body_of
from projections.api.services import Bounds
from schemas.units import NS_PER_S

MAX_HEADERS = 64
MAX_HEADER_BYTES = 16 * 1024
MAX_QUERY_BYTES = 4_096
MAX_DEPTH = 8
BODY_S = 10.0
"""No part of a body may take longer to come than this."""
MAX_CALLERS = 4_096
READING = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_PATHS = ("/healthz", "/readyz")
"""Answered without credentials: they tell nothing but health."""
ENDLESS = ("/v1/stream",)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SAFE_HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-cache"),
]


class Meter:
    """Token buckets, one a caller, for the newest callers; each holds one second's worth."""

    def __init__(self, elapsed_ns: Callable[[], int]) -> None:
        self.elapsed_ns = elapsed_ns
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, caller: str, per_s: int) -> bool:
        """Whether one more is within the rate."""
        now_ns = self.elapsed_ns()
        left, since_ns = self._buckets.get(caller, (float(per_s), now_ns))
        left = min(float(per_s), left + (now_ns - since_ns) * per_s / NS_PER_S)
        is_within = left >= 1.0
        self._buckets[caller] = (left - 1.0 if is_within else left, now_ns)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        return is_within


class Guarded:
    """The application behind its bounds."""

    def __init__(self, app: ASGIApp, gate: Gate, bounds: Bounds, meter: Meter) -> None:
        self.app, self.gate, self.bounds, self.meter = app, gate, bounds, meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        try:
            caller = self._admit(scope)
            scope["state"]["caller"] = caller
            body = await self._body(scope, receive)
        except ProblemError as error:
            await refuse(send, error)
            return
        if not takes_gzip(dict(scope["headers"]).get(b"accept-encoding", b"").decode("latin-1")):
            # The application looks for the word only, not at its weight.
            scope["headers"] = [h for h in scope["headers"] if h[0] != b"accept-encoding"]
        if scope["method"] == "HEAD" and scope["path"] not in ENDLESS:
            scope["method"], send = "GET", without_body(send)
        await self.app(scope, replay(body, receive), with_headers(send))

    def _admit(self, scope: Any) -> Caller:
        """Who asks, if the request's head is within bounds."""
        headers = scope["headers"]
        if (
            len(headers) > MAX_HEADERS
            or sum(len(k) + len(v) for k, v in headers) > MAX_HEADER_BYTES
        ):
            raise ProblemError(431, "headers_too_large", f"at most {MAX_HEADERS} headers of 16 KiB")
        if len(scope["query_string"]) > MAX_QUERY_BYTES:
            raise ProblemError(400, "query_too_long", f"at most {MAX_QUERY_BYTES} bytes of query")
        raw = scope.get("raw_path") or b""
        if b"%00" in raw or any(ord(letter) < 32 for letter in scope["path"]):
            raise ProblemError(400, "bad_path", "the path holds control characters")
        given = dict(headers)
        self._addressed(scope["method"], given)
        if scope["path"] in OPEN_PATHS:
            peer = (scope.get("client") or ("local", 0))[0]
            self._within(f"open:{peer}", self.bounds.requests_per_s)
            return Caller("anybody", frozenset())
        caller = self.gate.caller(given.get(b"authorization", b"").decode("latin-1") or None)
        self._within(caller.name, self.bounds.requests_per_s)
        return caller

    def _addressed(self, method: str, given: dict[bytes, bytes]) -> None:
        """Whether the caller meant this service: neither a rebound name nor a foreign page."""
        host = given.get(b"host", b"").decode("latin-1").lower()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if self.bounds.hosts and name not in self.bounds.hosts:
            detail = f"this service is asked as {', '.join(self.bounds.hosts)}; see api.hosts"
            raise ProblemError(421, "wrong_host", detail, "Host")
        origin = given.get(b"origin", b"").decode("latin-1").lower()
        if method in READING or not origin or origin in self.bounds.cors_origins:
            return
        if origin.partition("://")[2] != host:
            detail = "pages of other origins do not write here; see api.cors_origins"
            raise ProblemError(403, "foreign_origin", detail, "Origin")

    def _within(self, name: str, per_s: int) -> None:
        if not self.meter.take(name, per_s):
            detail = f"at most {per_s} requests a second"
            raise ProblemError(429, "too_many_requests", detail, headers={"retry-after": "1"})

    async def _body(self, scope: Any, receive: Receive) -> bytes:
        """The whole body, within its size and depth."""
        if scope["method"] in READING | {"DELETE"}:
            return b""
        most, parts, size = self.bounds.max_body_bytes, [], 0
        too_large = ProblemError(413, "too_large", f"at most {most} bytes")
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > most:
            raise too_large
        while True:
            try:
                message = await asyncio.wait_for(receive(), BODY_S)
            except TimeoutError:
                raise ProblemError(408, "too_slow", f"send the body within {BODY_S:g} s") from None
            if message["type"] != "http.request":
                raise ProblemError(400, "bad_request", "the body was cut off")
            part = message.get("body", b"")
            size += len(part)
            if size > most:
                raise too_large
            parts.append(part)
            if not message.get("more_body", False):
                break
        body = b"".join(parts)
        if depth_of(body) > MAX_DEPTH:
            raise ProblemError(400, "too_deep", f"JSON of at most {MAX_DEPTH} levels")
        return body


def depth_of(body: bytes) -> int:
    """How deep brackets nest outside of strings; stops counting a little above the bound."""
    depth = deepest = 0
    is_text = is_escaped = False
    for letter in body:
        if is_text:
            if is_escaped:
                is_escaped = False
            elif letter == 0x5C:
                is_escaped = True
            elif letter == 0x22:
                is_text = False
        elif letter == 0x22:
            is_text = True
        elif letter in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                return deepest
        elif letter in b"]}":
            depth -= 1
    return deepest


def replay(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read already, then what follows."""
    is_given = False

    async def again() -> Any:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def with_headers(send: Send) -> Send:
    """Adds the headers that every answer carries."""

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            present = {name for name, _ in message["headers"]}
            added = [pair for pair in SAFE_HEADERS if pair[0] not in present]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return sending


def without_body(send: Send) -> Send:
    """Sends an answer's head only, as HEAD asks for."""

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return sending


async def refuse(send: Send, error: ProblemError) -> None:
    """Answers with a problem without troubling the application."""
    body = body_of(error.status, error.code, error.detail, error.field)
    headers = [(b"content-type", MEDIA_TYPE.encode()), *SAFE_HEADERS]
    headers += [(name.encode(), value.encode()) for name, value in error.headers.items()]
    headers.append((b"content-length", str(len(body)).encode()))
    start: Any = {"type": "http.response.start", "status": error.status, "headers": headers}
    end: Any = {"type": "http.response.body", "body": body, "more_body": False}
    await send(start)
    await send(end)
