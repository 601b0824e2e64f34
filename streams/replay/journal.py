"""Hands what a shard consumed and said to its log, inputs before outputs, in large pieces."""

from __future__ import annotations

from typing import Any

from aggregates.kernel import Engine
from streams.log.shard_log import ShardLog

PIECE_BYTES = 1 << 20


class Journal:
    """Gathers records of one shard until a piece is worth appending.

    `note` is told of consumed inputs and their outputs after each step; counts are taken from the
    engine, so nothing can be logged that was not folded. A watched journal keeps outputs until
    `visible_outputs` takes them.
    """

    def __init__(self, log: ShardLog, engine: Engine, is_watched: bool = False) -> None:
        self.log, self.engine, self.is_watched = log, engine, is_watched
        self.logged_seq, self.logged_out_seq = engine.seq, engine.out_seq
        self._inputs: list[Any] = []
        self._outputs: list[bytes] = []
        self._unseen: list[bytes] = []
        self._bytes = 0

    def note(self, inputs: Any, outputs: bytes) -> None:
        """Takes over the bytes of one step."""
        self._inputs.append(inputs)
        self._bytes += len(inputs) + len(outputs)
        if outputs:
            self._outputs.append(outputs)
        if outputs and self.is_watched:
            self._unseen.append(outputs)
        if self._bytes >= PIECE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Appends everything noted; durability follows in the writer's own time."""
        engine = self.engine
        if engine.seq > self.logged_seq:
            payload, count = b"".join(self._inputs), engine.seq - self.logged_seq
            self._inputs = []
            self.log.inputs.append(payload, count, engine.log_ns)
            self.logged_seq = engine.seq
        if engine.out_seq > self.logged_out_seq:
            payload, count = b"".join(self._outputs), engine.out_seq - self.logged_out_seq
            self._outputs = []
            self.log.outputs.append(payload, count, engine.log_ns)
            self.logged_out_seq = engine.out_seq
        self._bytes = 0

    def wait_durable(self) -> None:
        """Returns once every input so far is on disk; outputs may leave the process then."""
        self.flush()
        if self.logged_seq:
            self.log.inputs.wait_durable(self.logged_seq)

    def visible_outputs(self) -> bytes:
        """Outputs since the last call, once their inputs are on disk."""
        self.wait_durable()
        seen, self._unseen = b"".join(self._unseen), []
        return seen
