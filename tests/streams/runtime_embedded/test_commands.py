"""The command socket: hostile clients, refusals, bounds."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from schemas.commands import HEAD, MAX_BODY_BYTES, ReplyKind
from schemas.errors import InputError
from schemas.orders import KILL, NEW_ORDER
from streams.runtime_embedded.command_server import CommandServer, Reply
from streams.runtime_embedded.engine_shard import command_fault
from streams.runtime_embedded.identities import KEPT, Identities
from streams.runtime_embedded.sent_log import OUTPUT, Sent, SentLog
from streams.runtime_embedded.sidecar import Sidecar


def echo(kind: int, body: bytes, reply: Reply) -> None:
    """Answer with what was asked."""
    reply(ReplyKind.JSON, bytes([kind]) + body)


@pytest.fixture
def server(tmp_path: Path) -> CommandServer:
    """Return a server that echoes."""
    return CommandServer(tmp_path / "s", echo)


def connect(server: CommandServer) -> socket.socket:
    """A client that has been taken."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(server.path))
    client.settimeout(2)
    server.poll(0.5)
    return client


def test_requests_in_pieces_and_together_are_answered(server: CommandServer) -> None:
    client = connect(server)
    message = HEAD.pack(3, 3, 7) + b"abc"
    for piece in (message[:5], message[5:] + message, message):
        client.sendall(piece)
        server.poll(0.5)
    server.write()
    reply = HEAD.pack(4, ReplyKind.JSON, 7) + b"\x03abc"
    assert client.recv(1024) == reply * 3
    client.close()
    server.poll(0.5)
    assert not server.clients
    server.close()


def test_what_is_no_message_ends_the_connection(server: CommandServer) -> None:
    good, bad = connect(server), connect(server)
    bad.sendall(HEAD.pack(MAX_BODY_BYTES + 1, 1, 1))
    server.poll(0.5)
    assert bad.recv(10) == b""
    good.sendall(HEAD.pack(0, 3, 1))
    server.poll(0.5)
    server.write()
    assert good.recv(100)[-1:] == b"\x03"
    good.close()
    bad.close()
    server.close()


def test_the_socket_is_this_users_only(server: CommandServer) -> None:
    assert server.path.stat().st_mode & 0o777 == 0o600
    server.close()
    assert not server.path.exists()
    with pytest.raises(InputError, match="too long"):
        CommandServer(Path("/tmp") / ("x" * 120), echo)


def test_only_whole_commands_are_taken() -> None:
    assert command_fault(KILL.pack(type=20)) is None
    for raw, reason in ((b"", "unknown_type"), (b"\x01" * 64, "unknown_type"), (b"\x14", "trunc")):
        fault = command_fault(raw)
        assert fault is not None
        assert fault.reason.startswith(reason)


def test_identities_are_bounded_and_kept() -> None:
    known = Identities()
    first = NEW_ORDER.unpack(NEW_ORDER.pack(type=16, cl_ord_id=b"A", order_units=1))
    known.remember(first, 5, 50)
    found = known.first(first)
    assert found is not None
    assert found[:2] == (5, 50)
    again = Identities()
    again.load(known.rows())
    assert again.first(first) == found
    for number in range(KEPT):
        other = first._replace(cl_ord_id=b"%d" % number)
        known.remember(other, number, 0)
    assert known.first(first) is None


def test_an_unfinished_entry_of_the_sent_log_is_cut(tmp_path: Path) -> None:
    log = SentLog(tmp_path / "sent.log")
    for number in range(3):
        log.append(Sent(OUTPUT, number, number, number, b"x" * 10))
    log.close()
    whole = (tmp_path / "sent.log").read_bytes()
    (tmp_path / "sent.log").write_bytes(whole[:-4])
    log = SentLog(tmp_path / "sent.log")
    assert [entry.subject for entry in log.read()] == [0, 1]
    assert log.path.stat().st_size == len(whole) // 3 * 2
    log.close()


def test_a_missing_or_damaged_sidecar_is_passed_over(tmp_path: Path) -> None:
    sidecar = Sidecar(tmp_path, "known")
    for number in range(1, 7):
        sidecar.put(number, b"of %d" % number, is_durable=number % 2 == 0)
    assert sidecar.numbers() == [3, 4, 5, 6]
    assert sidecar.get(6) == b"of 6"
    assert sidecar.get(1) is None
    path = tmp_path / f"known-{6:020d}.bin"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    assert sidecar.get(6) is None
