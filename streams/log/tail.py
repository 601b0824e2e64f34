"""Follows a log that is being written: outputs in batches, and the inputs that came before them.

An output reaches its file only when the inputs that it came from are on disk, so whatever a reader
finds among the outputs may be shown. Inputs without outputs yet are taken one look later: by then
the write that they were found in has been synced.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from projections.views.batch import OutputBatch, Places
from projections.views.inputs import WANTED, InputRecord
from streams.log.output_rows import OutputRows
from streams.log.picking import picked
from streams.log.segments import Frame, SegmentReader

BATCH_BYTES = 2 << 20


class OutputTail:
    """Batches of a shard's outputs after `out_seq`, as far as they are written now."""

    def __init__(
        self, directory: Path, shard: int, out_seq: int, max_bytes: int = BATCH_BYTES
    ) -> None:
        self.shard, self.max_bytes = shard, max_bytes
        self._reader = SegmentReader(
            directory, "outputs", out_seq + 1, verify_chain=False, shard=shard
        )

    def batches(self) -> Iterator[OutputBatch]:
        """What is new; iterating again goes on from there."""
        held: list[Frame] = []
        size = 0
        for frame in self._reader:
            held.append(frame)
            size += len(frame.payload)
            if size >= self.max_bytes:
                yield batch_of(held, self.shard)
                held, size = [], 0
        if held:
            yield batch_of(held, self.shard)


def batch_of(frames: list[Frame], shard: int) -> OutputBatch:
    """Frames as one batch of arrays."""
    rows = OutputRows(frames)
    places = Places(rows.segment_seq, rows.frame_offset, rows.record_offset)
    return OutputBatch(shard, rows.bytes, rows.start, places)


class InputTail:
    """The inputs that read models need behind position `seq`; the rest is skipped unread."""

    def __init__(
        self, directory: Path, shard: int, seq: int, types: tuple[int, ...] = WANTED
    ) -> None:
        self.directory, self.shard, self.types = directory, shard, types
        self._reader = SegmentReader(directory, "inputs", seq + 1, verify_chain=False, shard=shard)
        self._pending: list[InputRecord] = []
        self._after = self._seen = seq

    def upto(self, seq: int) -> list[InputRecord]:
        """Wanted inputs up to position `seq`, each given once."""
        while self._seen < seq and self._read_frame():
            pass
        return self._take(seq)

    def settled(self) -> list[InputRecord]:
        """Wanted inputs that an earlier call found, outputs or not; reads on for the next call."""
        found = self._take(self._seen)
        while self._read_frame():
            pass
        return found

    def _take(self, seq: int) -> list[InputRecord]:
        taken = [record for record in self._pending if record.seq <= seq]
        self._pending = self._pending[len(taken) :]
        return taken

    def _read_frame(self) -> bool:
        """Whether another frame was there."""
        if not any(self.directory.glob("inputs-*.seg")):
            return False
        frame = next(iter(self._reader), None)
        if frame is None:
            return False
        found = wanted(frame, self.types)
        self._pending += [record for record in found if record.seq > self._after]
        self._seen = frame.last_seq
        return True


def wanted(frame: Frame, kept: tuple[int, ...]) -> list[InputRecord]:
    """The records of a frame whose type is kept, with their positions."""
    records = picked("inputs", frame.payload, frame.first_seq, kept)
    return [InputRecord(seq, kind, bytes(raw)) for seq, kind, raw in records]
