"""Both logs of a shard as a verification reads them, and how a record that differs is shown."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from schemas.errors import InputError
from schemas.wire import decode_output, to_dict
from streams.log.ahead import AheadReader
from streams.log.errors import DamagedLogError
from streams.log.segments import Frame, SegmentReader
from streams.log.shard_log import ShardLog
from streams.replay.verdict import ShardVerdict


class LoggedOutputs:
    """The output log as one stream of bytes that is read piece by piece."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self._piece = memoryview(b"")

    def take(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end."""
        parts: list[memoryview] = []
        while size and self._refill():
            part = self._piece[:size]
            self._piece = self._piece[len(part) :]
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def take_record(self) -> bytes:
        """The next whole record, b"" at the end."""
        start = self.take(4)
        return start + self.take(int.from_bytes(start, "little") - 4) if start else b""

    def give_back(self, taken: bytes) -> None:
        """Takes bytes as not read."""
        self._piece = memoryview(taken + bytes(self._piece))

    def _refill(self) -> bool:
        while not self._piece:
            frame = next(self._frames, None)
            if frame is None:
                return False
            self._piece = frame.payload
        return True


def proven_frames(
    log: ShardLog, stream: str, verdict: ShardVerdict, start_seq: int
) -> Iterator[Frame]:
    """Frames from `start_seq`; a break of the chain is noted and reading goes on, other damage
    raises.
    """
    anchor = log.anchors().get(stream)  # before the end: a log that is written gets further ones
    first = start_seq if start_seq > 1 else None
    reader: SegmentReader = AheadReader(log.directory, stream, first, log.shard)
    try:
        yield from reader
    except DamagedLogError as damage:
        verdict.break_chain(str(damage))
        reader = log.reader(stream, max(1, damage.seq), verify_chain=False)
        yield from reader
    if anchor is None:
        return
    last_seq = reader.next_seq - 1
    if last_seq < anchor.seq:
        verdict.break_chain(f"{stream} end at {last_seq}, but {anchor.seq} was durable")
    elif last_seq == anchor.seq and last_seq and reader.chain_head != anchor.chain_head:
        verdict.break_chain(f"{stream} at {last_seq} are not those that were anchored")


def divergence(logged: bytes, executed: bytes) -> dict[str, Any]:
    """Position and both records; None stands for a record that is not there."""
    one, other = decoded(logged), decoded(executed)
    known = one or other or {}
    names = {**(one or {}), **(other or {})}
    differing = [name for name in names if (one or {}).get(name) != (other or {}).get(name)]
    return {
        "shard": known.get("shard"),
        "seq": known.get("seq"),
        "out_seq": known.get("out_seq"),
        "fields": differing if one and other else [],
        "logged": one,
        "executed": other,
    }


def decoded(raw: bytes) -> dict[str, Any] | None:
    """A record as plain values, its bytes where it cannot be decoded, None for nothing."""
    if not raw:
        return None
    try:
        return to_dict(decode_output(raw))
    except (InputError, ValueError, IndexError, struct.error) as error:
        return {"undecodable": str(error), "bytes": raw[:64].hex()}
