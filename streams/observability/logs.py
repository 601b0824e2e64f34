"""Structured logs: one JSON object a line on stderr, without secrets.

Values of keys that name a secret are replaced, and so is anything that looks like a bearer token or
an API key, wherever it stands.
"""

from __future__ import annotations

import re
import sys
from collections.abc import MutableMapping
from typing import Any, Protocol

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
HIDDEN = "[hidden]"
SECRET_KEY = re.compile(r"authorization|token|secret|password|api[-_]?key|cookie", re.IGNORECASE)
SECRET_TEXT = re.compile(
    r"(?i:bearer\s+\S+)|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|sor_[A-Za-z0-9_-]{16,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*-----END [A-Z ]*PRIVATE KEY-----"
)


class Logger(Protocol):
    """What the service calls."""

    def debug(self, event: str, **values: Any) -> Any: ...

    def info(self, event: str, **values: Any) -> Any: ...

    def warning(self, event: str, **values: Any) -> Any: ...

    def error(self, event: str, **values: Any) -> Any: ...


def logger(process: str, level: str = "info", file: Any = None) -> Logger:
    """A logger that names its process in every line."""
    import structlog

    bound: Logger = structlog.wrap_logger(
        structlog.WriteLogger(file or sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            hide,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        process=process,
    )
    return bound


def hide(
    logger: Any,  # noqa: ARG001
    method: str,  # noqa: ARG001
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    """Replaces what must not be written down."""
    return {key: hidden(key, value) for key, value in event.items()}


def hidden(key: str, value: Any) -> Any:
    """A value that may be written down."""
    if SECRET_KEY.search(key):
        return HIDDEN
    if isinstance(value, str):
        return SECRET_TEXT.sub(HIDDEN, value)
    if isinstance(value, dict):
        return {inner: hidden(str(inner), held) for inner, held in value.items()}
    if isinstance(value, list | tuple):
        return [hidden("", held) for held in value]
    return value
