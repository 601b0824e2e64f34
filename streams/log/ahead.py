"""A reader that proves the next frames on other cores while the caller works on this one.

A frame's header states the chain head after it, so the frame behind it can be checked before it has
been. Frames are still given in order, each only when its own check passed: what a header claims
counts for nothing until the frame it belongs to is proven. A check made with what turns out to be
another head, place or number is thrown away and made again.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from streams.log import _journal
from streams.log.segment import FRAME_MAGIC, Segment
from streams.log.segments import CHAIN_BYTES, FRAME_HEADER_BYTES, Frame, SegmentReader

HEADER = struct.Struct("<3sBIIIQq32s")
"""Magic, codec, stored bytes, checksum, records, first seq, time, chain head behind."""
DEPTH = 6
THREADS = 2
Place = tuple[Path, int, int, bytes | None]
"""Segment, offset, seq and chain head that a check was made with."""


class AheadReader(SegmentReader):
    """Reads a log that is at rest from its start or `start_seq`, proving the chain."""

    def __init__(self, directory: Path | str, stream: str, start_seq: int | None, shard: int):
        super().__init__(directory, stream, start_seq, True, shard)
        self._checks: deque[tuple[Place, Future[Any]]] = deque()
        self._pool: ThreadPoolExecutor | None = None

    def __iter__(self) -> Iterator[Frame]:
        self._pool = ThreadPoolExecutor(THREADS, "prove")
        try:
            yield from super().__iter__()
        finally:
            self._checks.clear()
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _check(self) -> _journal.FrameCheck:
        assert self._segment is not None
        place = (self._segment.path, self._offset, self.next_seq, self.chain_head)
        if self._checks and self._checks[0][0] != place:
            self._checks.clear()
        if not self._checks:
            self._submit(self._segment, place)
        _, check = self._checks.popleft()
        self._fill(self._segment, place)
        found: _journal.FrameCheck = check.result()
        return found

    def _submit(self, segment: Segment, place: Place) -> None:
        assert self._pool is not None
        self._checks.append((place, self._pool.submit(segment.check, *place[1:])))

    def _fill(self, segment: Segment, place: Place) -> None:
        """Begins the checks behind the last one that was begun, as far as headers lead."""
        last = self._checks[-1][0] if self._checks else place
        while len(self._checks) < DEPTH:
            behind = self._behind(segment, last)
            if behind is None:
                return
            self._submit(segment, behind)
            last = behind

    def _behind(self, segment: Segment, place: Place) -> Place | None:
        """The place behind a frame by what its header says, None where there is no frame."""
        path, offset, seq, _ = place
        if offset + FRAME_HEADER_BYTES > segment.size:
            return None
        magic, _, stored, _, count, _, _, head = HEADER.unpack_from(segment.data, offset)
        table = CHAIN_BYTES * count if self.stream == "outputs" else 0
        end = offset + FRAME_HEADER_BYTES + stored + table
        if magic != FRAME_MAGIC or not count or end >= segment.size:
            return None
        return path, end, seq + count, head
