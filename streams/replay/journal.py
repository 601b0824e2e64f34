"""Hands what a shard consumed and said to its log, inputs before outputs, in large pieces.

A log that is continued holds the beginning already: what is made again is compared with it, byte
for byte, and only what lies beyond is appended.
"""

from __future__ import annotations

from typing import Any

from aggregates.kernel import Engine
from schemas.errors import CorruptLogError
from streams.log.shard_log import ShardLog
from streams.replay.logged import LoggedOutputs

PIECE_BYTES = 1 << 20


class Past:
    """One stream's records that the log held when it was opened, `start_seq` to `last_seq`."""

    def __init__(self, log: ShardLog, stream: str, last_seq: int, start_seq: int = 1) -> None:
        self.directory, self.stream = log.directory, stream
        self.last_seq = last_seq if last_seq >= start_seq else 0
        first = start_seq if start_seq > 1 else None
        self._bytes = LoggedOutputs(iter(log.reader(stream, first) if self.last_seq else ()))

    def beyond(self, payload: bytes, last_seq: int) -> bytes:
        """The part of `payload`, whose last record is `last_seq`, that the log does not hold."""
        if not self.last_seq:
            return payload
        logged = self._bytes.take(len(payload))
        if not payload.startswith(logged):
            raise CorruptLogError(
                f"{self.directory}: up to {self.stream} {last_seq} the run does not come out as it "
                "was begun; the data, the program or the log is another one, begin a new run"
            )
        if last_seq >= self.last_seq:
            self.last_seq = 0
        return payload[len(logged) :]


class Journal:
    """Gathers records of one shard until a piece is worth appending.

    `note` is told of consumed inputs and their outputs after each step; counts are taken from the
    engine, so nothing can be logged that was not folded. A watched journal keeps outputs until
    `visible_outputs` takes them.
    """

    def __init__(
        self,
        log: ShardLog,
        engine: Engine,
        is_watched: bool = False,
        past: tuple[Past, Past] | None = None,
    ) -> None:
        self.log, self.engine, self.is_watched = log, engine, is_watched
        self.noted_seq, self.noted_out_seq = engine.seq, engine.out_seq
        self.logged_seq = engine.seq if past is None else past[0].last_seq
        self.logged_out_seq = engine.out_seq if past is None else past[1].last_seq
        self._past = past
        self._inputs: list[Any] = []
        self._outputs: list[bytes] = []
        self._unseen: list[bytes] = []
        self._bytes = 0

    @property
    def is_catching_up(self) -> bool:
        """Whether the log still holds more than was made again."""
        return self._past is not None and any(past.last_seq for past in self._past)

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
        engine, log_ns = self.engine, self.engine.log_ns
        if engine.seq > self.noted_seq:
            payload = self._new(0, b"".join(self._inputs), engine.seq)
            self._inputs, self.noted_seq = [], engine.seq
            if engine.seq > self.logged_seq:
                self.log.inputs.append(payload, engine.seq - self.logged_seq, log_ns)
                self.logged_seq = engine.seq
        if engine.out_seq > self.noted_out_seq:
            payload = self._new(1, b"".join(self._outputs), engine.out_seq)
            self._outputs, self.noted_out_seq = [], engine.out_seq
            if engine.out_seq > self.logged_out_seq:
                self.log.outputs.append(payload, engine.out_seq - self.logged_out_seq, log_ns)
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

    def _new(self, stream: int, payload: bytes, last_seq: int) -> bytes:
        return payload if self._past is None else self._past[stream].beyond(payload, last_seq)
