"""The command port of another process: requests over the engine process's socket, pipelined."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from pathlib import Path
from typing import Any

import msgspec
import orjson

from schemas.commands import (
    HEAD,
    POSITION,
    Accepted,
    Refused,
    ReplyKind,
    RequestKind,
    VenueFault,
)

MAX_IN_FLIGHT = 4_096
TIMEOUT_S = 10.0
NOT_RUNNING = Refused("engine_not_running", "the engine process does not answer; see its log")


class CommandClient:
    """One connection, made when it is needed and made again when it was lost.

    A command whose connection is lost before its reply has an unknown outcome: the answer says so,
    and giving it again with the same ClOrdID is safe.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[tuple[int, bytes]]] = {}
        self._ids = itertools.count(1)
        self._lock = asyncio.Lock()

    @property
    def in_flight(self) -> int:
        """Requests without a reply yet."""
        return len(self._waiting)

    async def submit(self, record: bytes) -> Accepted | Refused:
        """Append one input record; returns once it is durable or refused."""
        found = await self._ask(RequestKind.RECORD, record)
        if isinstance(found, Refused):
            return found
        kind, body = found
        if kind == ReplyKind.ACCEPTED:
            shard, position, log_ns = POSITION.unpack_from(body)
            return Accepted(shard, position, log_ns, body[POSITION.size :] == b"\x01")
        return msgspec.json.decode(body, type=Refused)

    async def disturb(self, fault: VenueFault) -> Refused | None:
        """Switch a fault of the simulated market; Refused where the market is real."""
        found = await self._ask(RequestKind.MARKET, msgspec.json.encode(fault))
        if isinstance(found, Refused):
            return found
        said = orjson.loads(found[1])
        return Refused(said["reason"], said.get("detail", "")) if said else None

    async def status(self) -> dict[str, Any]:
        """Counters of the engine process; empty when it does not answer."""
        found = await self._ask(RequestKind.STATUS, b"")
        return {} if isinstance(found, Refused) else orjson.loads(found[1])

    async def close(self) -> None:
        """Ends the connection."""
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        self._lost()

    async def _ask(self, kind: RequestKind, body: bytes) -> tuple[int, bytes] | Refused:
        if len(self._waiting) >= MAX_IN_FLIGHT:
            return Refused("overloaded", "too many commands wait for the engine; try again later")
        if not await self._connect():
            return NOT_RUNNING
        request = next(self._ids)
        future: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[request] = future
        assert self._writer is not None
        try:
            self._writer.write(HEAD.pack(len(body), kind, request) + body)
            return await asyncio.wait_for(future, TIMEOUT_S)
        except (TimeoutError, OSError):
            detail = "the engine's answer was lost; ask for the order by its ClOrdID, or repeat it"
            return Refused("outcome_unknown", detail)
        finally:
            self._waiting.pop(request, None)

    async def _connect(self) -> bool:
        async with self._lock:
            if self._writer is not None:
                return True
            try:
                reader, self._writer = await asyncio.open_unix_connection(str(self.path))
            except OSError:
                return False
            self._reading = asyncio.create_task(self._read(reader))
            return True

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                size, kind, request = HEAD.unpack(await reader.readexactly(HEAD.size))
                body = await reader.readexactly(size)
                future = self._waiting.pop(request, None)
                if future is not None and not future.done():
                    future.set_result((kind, body))
        except (asyncio.IncompleteReadError, OSError):
            self._lost()

    def _lost(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError("the engine process went away"))
        self._waiting.clear()
