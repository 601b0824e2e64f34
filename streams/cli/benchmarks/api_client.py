"""A plain HTTP client for measuring: few instructions of its own, requests on a schedule."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from schemas.errors import VenuefoldError
from streams.cli.benchmarks.timing import Result, from_samples

RATE = 200
CONNECTIONS = 16
MS = 1e3
LENGTH = b"content-length:"


class Connection:
    """One kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def get(self, path: str) -> bytes:
        """The body of a GET; VenuefoldError for anything but 200."""
        head = f"GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n\r\n"
        return await self.ask(head.encode())

    async def post(self, path: str, body: bytes) -> bytes:
        """The body of the answer to a POST of JSON."""
        head = (
            f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        return await self.ask(head.encode() + body)

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer to a whole request."""
        self.writer.write(request)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        at = head.find(LENGTH)
        size = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        body = await self.reader.readexactly(size)
        if not head.startswith((b"http/1.1 200", b"http/1.1 202")):
            raise VenuefoldError(f"{request[:80]!r}: {head[:40]!r} {body[:200]!r}")
        return body


class Pool:
    """Connections to one port; whoever wants one while all are busy waits."""

    def __init__(self, port: int, connections: int = CONNECTIONS) -> None:
        self.port, self.connections = port, connections
        self._free: asyncio.Queue[Connection] = asyncio.Queue()

    async def open(self) -> None:
        """Connects."""
        for _ in range(self.connections):
            self._free.put_nowait(await self._connected())

    async def _connected(self) -> Connection:
        return Connection(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24))

    async def get(self, path: str) -> bytes:
        """A GET on a free connection."""
        connection = await self._free.get()
        try:
            return await connection.get(path)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            connection = await self._connected()  # one that was idle for long is closed over there
            return await connection.get(path)
        finally:
            self._free.put_nowait(connection)

    async def post(self, path: str, body: bytes) -> bytes:
        """A POST on a free connection."""
        connection = await self._free.get()
        try:
            return await connection.post(path, body)
        finally:
            self._free.put_nowait(connection)

    async def close(self) -> None:
        """Disconnects."""
        while not self._free.empty():
            self._free.get_nowait().writer.close()


async def at_rate(name: str, pool: Pool, seconds: float, path: Callable[[int], str]) -> Result:
    """Response times in ms of GETs that start every 1/RATE s, from their scheduled start."""
    started = time.perf_counter()
    samples: list[float] = []

    async def one(number: int) -> None:
        due = started + number / RATE
        await asyncio.sleep(due - time.perf_counter())
        await pool.get(path(number))
        samples.append((time.perf_counter() - due) * MS)

    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * RATE)):
            group.create_task(one(number))
    return from_samples(name, "ms", samples)
