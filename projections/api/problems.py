"""Errors as RFC 9457 problems: what, where, and what to do, under a short code."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document; `field` names what was wrong in the request."""

    title: str
    status: int
    code: str
    detail: str = ""
    field: str = ""
    type: str = "about:blank"


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        field: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.field = status, code, detail, field
        self.headers = headers or {}


TITLES = {
    400: "Bad request",
    401: "Not identified",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Too slow",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    421: "Not this service",
    422: "Not acceptable to the router",
    429: "Too many requests",
    431: "Headers too large",
    500: "Our fault",
    503: "Not ready",
    504: "Timed out",
}
CHOICES: dict[str, tuple[str, ...]] = {}
"""Words that fields of requests take, told where another one was given."""

NAMED = re.compile(r"field `([^`]{1,64})`")
STATUS_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def body_of(status: int, code: str, detail: str, field: str = "") -> bytes:
    """A problem document as JSON."""
    title = TITLES.get(status, "Error")
    return msgspec.json.encode(Problem(title, status, code, detail, field))


def response_of(error: ProblemError) -> Response[bytes]:
    """The response that tells a problem."""
    body = body_of(error.status, error.code, error.detail, error.field)
    return Response(body, status_code=error.status, media_type=MEDIA_TYPE, headers=error.headers)


def on_problem(_: Request[Any, Any, Any], error: ProblemError) -> Response[bytes]:
    """Handles a ProblemError."""
    return response_of(error)


def on_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Handles what the framework found wrong."""
    status = 400 if error.status_code == 422 else error.status_code
    code = STATUS_CODES.get(status, "bad_request" if status < 500 else "internal")
    detail, field = error.detail if status < 500 else "see the service's log", ""
    extra = error.extra
    if isinstance(extra, list) and extra and isinstance(extra[0], dict):
        detail = str(extra[0].get("message", detail))
        field = str(extra[0].get("key", ""))
        named = NAMED.search(detail)
        if field == "data":
            field = named[1] if named else ""
        if "enum value" in detail and field in CHOICES:
            detail = f"{detail}; there are {', '.join(CHOICES[field])}"
    headers = {k: v for k, v in (error.headers or {}).items() if k.lower() == "allow"}
    return response_of(ProblemError(status, code, detail, field, headers))


def on_anything(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Handles our own bugs: told in the log, not to the caller."""
    request.app.state.services.log.error(
        "request failed", path=request.url.path, error=f"{type(error).__name__}: {error}"
    )
    return response_of(ProblemError(500, "internal", "see the service's log"))
