"""The command socket of the engine process: many clients, no thread, everything bounded.

A client that sends what is no message, or does not read its replies, is cut off; the others do not
notice. Replies leave in the order in which they become true.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Callable
from pathlib import Path

from schemas.commands import HEAD, MAX_BODY_BYTES, ReplyKind
from schemas.errors import InputError

MAX_CLIENTS = 64
MAX_REPLY_BYTES = 8 << 20
READ_BYTES = 256 * 1024
MAX_PATH_BYTES = 100

Reply = Callable[[ReplyKind, bytes], None]
Handler = Callable[[int, bytes, Reply], None]
"""Told of each request: kind, body, and how to reply."""


class Client:
    """One connection with what was read and what is still to be written."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.unread = bytearray()
        self.unsent = bytearray()
        self.is_open = True

    def reply(self, kind: ReplyKind, request: int, body: bytes) -> None:
        """Queues one reply; a client that has gone is told nothing."""
        if self.is_open:
            self.unsent += HEAD.pack(len(body), kind, request) + body


class CommandServer:
    """A Unix-domain socket that only this user may open."""

    def __init__(self, path: Path, handler: Handler) -> None:
        if len(bytes(path)) > MAX_PATH_BYTES:
            raise InputError(f"{path}: too long for a socket's name; choose a shorter run folder")
        path.unlink(missing_ok=True)
        self.path, self.handler = path, handler
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen(16)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self.clients: set[Client] = set()

    def poll(self, wait_s: float) -> None:
        """Reads and handles what has arrived; waits up to `wait_s` for the first of it."""
        for key, _ in self._selector.select(wait_s):
            if key.data is None:
                self._accept()
            else:
                self._read(key.data)

    def write(self) -> None:
        """Writes what clients will take now."""
        for client in [c for c in self.clients if c.unsent]:
            try:
                sent = client.connection.send(client.unsent)
                del client.unsent[:sent]
            except BlockingIOError:
                pass
            except OSError:
                self._drop(client)
                continue
            if len(client.unsent) > MAX_REPLY_BYTES:
                self._drop(client)

    def close(self) -> None:
        """Drops everybody and removes the socket."""
        for client in list(self.clients):
            self._drop(client)
        self._selector.close()
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            connection, _ = self._listener.accept()
            if len(self.clients) >= MAX_CLIENTS:
                connection.close()
                return
            connection.setblocking(False)
            client = Client(connection)
            self.clients.add(client)
            self._selector.register(connection, selectors.EVENT_READ, client)

    def _read(self, client: Client) -> None:
        try:
            data = client.connection.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        client.unread += data
        self._handle(client)

    def _handle(self, client: Client) -> None:
        while len(client.unread) >= HEAD.size:
            size, kind, request = HEAD.unpack_from(client.unread)
            if size > MAX_BODY_BYTES:
                self._drop(client)
                return
            end = HEAD.size + size
            if len(client.unread) < end:
                return
            body = bytes(client.unread[HEAD.size : end])
            del client.unread[:end]
            self.handler(kind, body, replier(client, request))

    def _drop(self, client: Client) -> None:
        client.is_open = False
        self.clients.discard(client)
        with contextlib.suppress(KeyError):
            self._selector.unregister(client.connection)
        client.connection.close()


def replier(client: Client, request: int) -> Reply:
    """How to answer one request."""
    return lambda kind, body: client.reply(kind, request, body)
