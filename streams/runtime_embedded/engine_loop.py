"""The engine process: one loop, one thread, one shard of the embedded log.

Each turn takes what the venues and the commands have brought, steps it, appends it, and sends and
answers what has become durable meanwhile. It never waits for a reader, a database or the API.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from schemas.commands import POSITION, Accepted, Refused, ReplyKind, RequestKind, VenueFault
from schemas.units import NS_PER_MS, NS_PER_S
from streams.clock import Clock
from streams.runtime_embedded.command_server import CommandServer, Reply
from streams.runtime_embedded.engine_shard import EngineShard
from streams.runtime_embedded.restart import Keeper

POLL_S = 0.002
SYNC_S = 0.000_5
IDLE_NS = 20 * NS_PER_MS
MAX_WAITING = 8_192
"""Commands and children that wait for the disk; at the bound commands are refused."""


class EngineLoop:
    """Drives a shard from its command socket and its gateway."""

    def __init__(
        self, shard: EngineShard, keeper: Keeper, clock: Clock, snapshot_s: int = 30
    ) -> None:
        self.shard, self.keeper, self.clock = shard, keeper, clock
        self.snapshot_ns = snapshot_s * NS_PER_S
        self.is_stopping = False
        self.server: CommandServer
        self.started_ns = clock.elapsed_ns()
        self.loops = self.busy_ns = self.longest_ns = 0
        self._kept_ns = self.started_ns

    def run(self, server: CommandServer, is_stopped: Callable[[], bool]) -> None:
        """Turns until `is_stopped`; then everything stepped is durable and answered."""
        self.server = server
        while not is_stopped():
            server.poll(0.0 if self.shard.waiting else POLL_S)
            self.turn()
        self.shard.settle_all()
        server.write()
        self.keeper.keep()

    def turn(self) -> None:
        """Takes what the venues brought, logs everything stepped, settles what is durable."""
        since_ns = self.clock.elapsed_ns()
        shard = self.shard
        shard.poll()
        shard.pass_time(IDLE_NS)
        shard.flush()
        shard.settle(SYNC_S)
        self.server.write()
        self._keep(since_ns)
        took_ns = self.clock.elapsed_ns() - since_ns
        self.loops += 1
        self.busy_ns += took_ns
        self.longest_ns = max(self.longest_ns, took_ns)

    def handle(self, kind: int, body: bytes, reply: Reply) -> None:
        """Handles one request of the command socket."""
        if kind == RequestKind.RECORD:
            if self.shard.waiting >= MAX_WAITING:
                refuse(reply, Refused("overloaded", "try again later"))
                return
            self.shard.give(body, self.clock.elapsed_ns(), lambda given: answer(reply, given))
        elif kind == RequestKind.MARKET:
            reply(ReplyKind.JSON, self._disturb(body))
        elif kind == RequestKind.STATUS:
            reply(ReplyKind.JSON, orjson.dumps(self.status(), option=orjson.OPT_NON_STR_KEYS))
        else:
            refuse(reply, Refused("unknown_request", f"request kind {kind} is not known"))

    def status(self) -> dict[str, Any]:
        """Counters for metrics and health."""
        shard, now_ns = self.shard, self.clock.now_ns()
        writer = shard.log.inputs.stats()
        return {
            "now_ns": now_ns,
            "uptime_s": (self.clock.elapsed_ns() - self.started_ns) / NS_PER_S,
            "seq": shard.engine.seq,
            "out_seq": shard.engine.out_seq,
            "log_ns": shard.engine.log_ns,
            "durable_seq": shard.log.inputs.durable_seq,
            "waiting": shard.waiting,
            "loops": self.loops,
            "busy_ns": self.busy_ns,
            "longest_turn_ns": self.longest_ns,
            "snapshots": self.keeper.snapshots,
            "outages": shard.gateway.outages(),
            "syncs": writer["groups"],
            "sync_ns": writer["sync_ns"],
            "sync_ns_max": writer["sync_ns_max"],
            "caches": shard.engine.counters(),
            "queue_bytes_max": writer["queue_bytes_max"],
            **shard.meters.as_dict(),
        }

    def _disturb(self, body: bytes) -> bytes:
        try:
            fault = msgspec.json.decode(body, type=VenueFault)
        except msgspec.DecodeError as error:
            return orjson.dumps({"reason": "bad_value", "detail": str(error)})
        refused = self.shard.gateway.disturb(fault)
        return orjson.dumps({} if refused is None else msgspec.to_builtins(refused))

    def _keep(self, now_ns: int) -> None:
        if self.snapshot_ns and now_ns - self._kept_ns >= self.snapshot_ns:
            self.keeper.keep()
            self._kept_ns = now_ns


def answer(reply: Reply, given: Accepted | Refused) -> None:
    """Replies to a command."""
    if isinstance(given, Refused):
        refuse(reply, given)
        return
    repeat = b"\x01" if given.is_repeat else b"\x00"
    reply(ReplyKind.ACCEPTED, POSITION.pack(given.shard, given.position, given.log_ns) + repeat)


def refuse(reply: Reply, refused: Refused) -> None:
    """Replies that a command is not in the log."""
    reply(ReplyKind.REFUSED, msgspec.json.encode(refused))
