"""Read a stream's segments frame by frame, proving each byte on the way.

A write that never finished can only be the last frame of the last segment (one group is one
frame, synced before the next). So an unfinished frame with anything after it is damage.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from schemas.errors import InputError, NotFoundError
from streams.log import _journal
from streams.log.segment import (
    FRAME_MAGIC,
    HEADER_BYTES,
    STREAMS,
    Segment,
    list_segments,
    named_seq,
)

CHAIN_BYTES = 32
FRAME_HEADER_BYTES = 64
FRAME_START = struct.Struct("<3sBIIIQ")
"""Magic, codec, stored bytes, checksum, records, first seq."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Consecutive records of one group.

    `payload` looks into the mapped file, or holds the records decoded where they are stored in
    another form (`stored_bytes` long, `is_stored_plain` False).
    """

    stream: str
    first_seq: int
    count: int
    last_log_ns: int
    payload: memoryview
    chain_head: bytes
    record_chains: memoryview | None
    path: Path
    offset: int
    payload_offset: int
    """Where `payload` starts, from the start of the frame; 0 when it is stored in another form."""
    stored_bytes: int
    is_stored_plain: bool = True

    @property
    def last_seq(self) -> int:
        """Seq of the last record."""
        return self.first_seq + self.count - 1

    def record_offsets(self) -> np.ndarray:
        """Start of every record in `payload`, shape (count,), u64."""
        return np.frombuffer(_journal.record_offsets(self.stream, self.payload), dtype="<u8")

    def starting_at(self, seq: int) -> Frame:
        """The same frame without the records before `seq`."""
        skipped = seq - self.first_seq
        if skipped <= 0:
            return self
        start = int(self.record_offsets()[skipped])
        chains = self.record_chains
        return replace(
            self,
            first_seq=seq,
            count=self.count - skipped,
            payload=self.payload[start:],
            record_chains=None if chains is None else chains[skipped * CHAIN_BYTES :],
            payload_offset=self.payload_offset + start,
        )


@dataclass(frozen=True, slots=True)
class TornTail:
    """An unfinished write at the end of a log: `size` bytes from `offset` of `path`."""

    path: Path
    offset: int
    size: int
    reason: str


class SegmentReader:
    """A cursor over one stream of one shard.

    Iterating yields the frames up to the present end; iterating again goes on from there, so the
    same reader follows a log that is being written. `torn` is set when the end is unfinished.
    Frames of the first segment before the one that holds `start_seq` are leapt over, not proven.
    Raises DamagedLogError for damage, NotFoundError when `start_seq` is not in the log.
    """

    def __init__(
        self,
        directory: Path | str,
        stream: str,
        start_seq: int | None = None,
        verify_chain: bool = True,
        shard: int | None = None,
    ) -> None:
        if stream not in STREAMS:
            raise InputError(f"stream: must be one of {', '.join(STREAMS)}, not {stream!r}")
        self.directory = Path(directory)
        self.stream = stream
        self.start_seq = start_seq
        self.verify_chain = verify_chain
        self.shard = shard
        self.next_seq = 1
        self.chain_head: bytes | None = None
        self.torn: TornTail | None = None
        self.segments = 0
        self.file_bytes = 0
        self._segment: Segment | None = None
        self._offset = 0

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self._next_frame()) is not None:
            yield frame
        if self.start_seq is not None and self.next_seq < self.start_seq:
            raise NotFoundError(
                f"{self.directory}: {self.stream} end at seq {self.next_seq - 1}, before "
                f"seq {self.start_seq}; the log is older than what refers to it"
            )

    def _next_frame(self) -> Frame | None:
        """The next frame at or after `start_seq`, None at the present end."""
        if self.torn is not None and self._segment is not None:
            self._segment.refresh()
        self.torn = None
        while self._is_at_frame():
            frame = self._read_frame()
            if frame is None:
                return None
            if self.start_seq is None or frame.last_seq >= self.start_seq:
                return frame.starting_at(self.start_seq or 0)
        return None

    def _is_at_frame(self) -> bool:
        """Whether there are bytes to read, in this segment or the next one."""
        while True:
            if self._segment is not None and self._offset < self._segment.size:
                return True
            if self._segment is not None and self._segment.refresh():
                continue
            following = self._following_path()
            if following is None:
                return False
            if self._segment is not None and self._segment.refresh():
                continue
            if not self._enter(Segment(following, self.stream)):
                return False

    def _following_path(self) -> Path | None:
        paths = list_segments(self.directory, self.stream)
        if self._segment is not None:
            return next((path for path in paths if path > self._segment.path), None)
        if self.start_seq is None or not paths:
            return paths[0] if paths else None
        reached = [path for path in paths if named_seq(path) <= self.start_seq]
        if not reached:
            raise NotFoundError(
                f"{self.directory}: {self.stream} start at seq {named_seq(paths[0])}, "
                f"seq {self.start_seq} is no longer kept"
            )
        return reached[-1]

    def _enter(self, segment: Segment) -> bool:
        """Make `segment` the current one; False when it is an unfinished, empty last one."""
        if segment.fault is not None:
            is_last = list_segments(self.directory, self.stream)[-1] == segment.path
            if is_last and segment.size <= HEADER_BYTES:
                self.torn = TornTail(segment.path, 0, segment.size, segment.fault)
                return False
            raise segment.damaged(0, self.next_seq, segment.fault)
        if self.shard not in (None, segment.shard):
            reason = f"the segment is of shard {segment.shard}, not {self.shard}"
            raise segment.damaged(0, self.next_seq, reason)
        if self._segment is None:
            self._start_at(segment)
        elif segment.first_seq != self.next_seq:
            reason = f"the segment starts at seq {segment.first_seq}, a segment is missing"
            raise segment.damaged(0, self.next_seq, reason)
        if segment.chain_head != self.chain_head:
            raise segment.damaged(0, self.next_seq, "the chain does not continue the one before")
        self._segment, self._offset = segment, HEADER_BYTES
        self.segments += 1
        self.file_bytes += HEADER_BYTES
        if self.start_seq is not None and self.segments == 1:
            self._leap(segment, self.start_seq)
        return True

    def _leap(self, segment: Segment, start_seq: int) -> None:
        """Moves to the frame that holds `start_seq`, or behind the last one, by headers alone.

        Only the frame before it is proven: its chain head is what the next one continues. Where
        the headers do not hold together nothing is leapt over, and reading names the damage.
        """
        offset, before, seq, seq_before = HEADER_BYTES, 0, self.next_seq, 0
        while offset + FRAME_HEADER_BYTES <= segment.size:
            magic, _, stored, _, count, first_seq = FRAME_START.unpack_from(segment.data, offset)
            if magic != FRAME_MAGIC or first_seq != seq or not count:
                return
            if seq + count > start_seq:
                break
            before, seq_before = offset, seq
            table = CHAIN_BYTES * count if self.stream == "outputs" else 0
            offset, seq = offset + FRAME_HEADER_BYTES + stored + table, seq + count
        if not before or offset > segment.size:
            return
        check = segment.check(before, seq_before, None)
        if check.fault != "none":
            return
        self.file_bytes += offset - self._offset
        self._offset, self.next_seq, self.chain_head = offset, seq, check.chain_head

    def _start_at(self, segment: Segment) -> None:
        self.next_seq = segment.first_seq
        self.chain_head = segment.chain_head
        if segment.first_seq == 1:
            self.chain_head = _journal.chain_origin(self.stream, segment.shard)

    def _read_frame(self) -> Frame | None:
        """The frame at the cursor, or None after setting `torn`."""
        assert self._segment is not None
        segment, offset = self._segment, self._offset
        check = self._check()
        damage = self._damage(check) if check.fault != "none" else None
        if damage:  # seen after the frame: by now a writer has finished the frame
            segment.refresh()
            check = self._check()
        if check.fault != "none":
            if damage:
                raise segment.damaged(offset, self.next_seq, damage)
            self.torn = TornTail(segment.path, offset, segment.size - offset, check.fault)
            return None
        self._offset += check.frame_bytes
        self.file_bytes += check.frame_bytes
        self.next_seq += check.count
        self.chain_head = check.chain_head
        return make_frame(segment, offset, check)

    def _check(self) -> _journal.FrameCheck:
        assert self._segment is not None
        head = self.chain_head if self.verify_chain else None
        return self._segment.check(self._offset, self.next_seq, head)

    def _damage(self, check: _journal.FrameCheck) -> str | None:
        """Why a bad frame cannot be an unfinished write, None when it can."""
        assert self._segment is not None
        segment, offset = self._segment, self._offset
        if check.is_intact:
            return f"an intact frame does not belong here ({check.fault})"
        if self._following_path() is not None:
            return f"bad frame ({check.fault}), and a later segment exists"
        if check.fault == "crc" and segment.starts_frame(
            offset + check.frame_bytes, check.first_seq + check.count
        ):
            return "bad frame (crc), and another one was begun after it"
        found = segment.find_frame(offset + 1)
        if found is not None:
            return f"bad frame ({check.fault}), and an intact one follows at byte {found}"
        return None


def make_frame(segment: Segment, offset: int, check: _journal.FrameCheck) -> Frame:
    """The frame that a passed check describes."""
    start = offset + FRAME_HEADER_BYTES
    chains = None
    if check.table_offset:
        table = offset + check.table_offset
        chains = segment.data[table : table + check.count * CHAIN_BYTES]
    payload = segment.data[start : start + check.payload_bytes]
    decoded = check.decoded
    return Frame(
        stream=segment.stream,
        first_seq=check.first_seq,
        count=check.count,
        last_log_ns=check.last_log_ns,
        payload=payload if decoded is None else memoryview(decoded),
        chain_head=check.chain_head,
        record_chains=chains,
        path=segment.path,
        offset=offset,
        payload_offset=FRAME_HEADER_BYTES if decoded is None else 0,
        stored_bytes=check.payload_bytes,
        is_stored_plain=decoded is None,
    )
