"""The command port: how a caller hands input records to the engine, and what it is told.

A record is accepted once it is durable in the input log, at a position of its shard; the engine
may still refuse it there, as an output like any other. `Refused` means that it is not in the log.

On a socket each message is a 16-byte head and a body. A request carries its kind and an id that
its reply repeats; replies may come in another order than the requests.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Any, Protocol

import msgspec

HEAD = struct.Struct("<IB3xQ")
"""Bytes of the body, kind of the request or the reply, request id."""

POSITION = struct.Struct("<HxxxxxxQq")
"""Body of an ACCEPTED reply: shard, seq, log_ns."""

MAX_RECORD_BYTES = 512
MAX_BODY_BYTES = 64 * 1024


class RequestKind(IntEnum):
    """What a message to the engine process asks for."""

    RECORD = 1
    """Append the input record in the body; the engine process numbers and stamps it."""
    MARKET = 2
    """JSON for the gateway: a fault of a simulated venue."""
    STATUS = 3
    """Answer with the engine process's counters as JSON."""


class ReplyKind(IntEnum):
    """What a reply holds."""

    ACCEPTED = 1
    REFUSED = 2
    JSON = 3


class Accepted(msgspec.Struct, frozen=True, tag="accepted"):
    """The record is durable at (shard, position); a new order's id is its position.

    `is_repeat` marks a command that was given before: position and time are the first one's.
    """

    shard: int
    position: int
    log_ns: int
    is_repeat: bool = False


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The record is not in the log; `reason` is a short code, `detail` says what to do."""

    reason: str
    detail: str = ""


class VenueFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault of a simulated venue, switched on or off. `fault` is `outage`: quotes stop and
    orders stay unanswered until it is over.
    """

    venue: int
    is_on: bool
    fault: str = "outage"


class CommandPort(Protocol):
    """Where commands go. Every method waits for the engine process, never for a database."""

    async def submit(self, record: bytes) -> Accepted | Refused:
        """Append one input record; returns once it is durable or refused."""

    async def disturb(self, fault: VenueFault) -> Refused | None:
        """Switch a fault of the simulated market; Refused where the market is real."""

    async def status(self) -> dict[str, Any]:
        """Counters of the engine process; empty when it does not answer."""

    async def close(self) -> None:
        """Give the connection back."""
