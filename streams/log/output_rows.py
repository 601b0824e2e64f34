"""Columns of many output records at once, so that no Python loop runs over records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from schemas import decisions
from schemas.codes import OutputType
from schemas.envelope import OUT_HEADER
from streams.log import _journal
from streams.log.segment import named_seq
from streams.log.segments import Frame

BATCH_BYTES = 4 << 20
WORD = 8

LAYOUTS = {
    OutputType.DECISION: decisions.DECISION,
    OutputType.CHILD: decisions.CHILD,
    OutputType.CANCEL_CHILD: decisions.CANCEL_CHILD,
    OutputType.ORDER_STATE: decisions.ORDER_STATE,
    OutputType.CHILD_STATE: decisions.CHILD_STATE,
    OutputType.REFUSAL: decisions.REFUSAL,
    OutputType.ALARM: decisions.ALARM,
}
"""Records that belong to an order."""
IDENTITY_BYTES = 48


def field_offset(kind: OutputType, field: str) -> int | None:
    """Offset of a field in a record type, None when it has none."""
    place = LAYOUTS[kind].offsets().get(field)
    return None if place is None else place[0]


ORDER_ID_OFFSETS = {kind: field_offset(kind, "order_id") for kind in LAYOUTS}
IDENTITY_OFFSETS = {
    kind: offset for kind in LAYOUTS if (offset := field_offset(kind, "cl_ord_id")) is not None
}
"""`cl_ord_id` and `account` lie side by side, 48 bytes."""


def batches(frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    """Frames gathered until they are worth a pass of array operations."""
    batch: list[Frame] = []
    size = 0
    for frame in frames:
        batch.append(frame)
        size += len(frame.payload)
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class OutputRows:
    """Columns over the records of `frames`, each of shape (records,)."""

    def __init__(self, frames: list[Frame]) -> None:
        payload = b"".join(frame.payload for frame in frames)
        starts = np.frombuffer(_journal.record_offsets("outputs", payload), dtype="<u8")
        self.bytes = np.frombuffer(payload, dtype=np.uint8)
        self.words = np.frombuffer(payload, dtype="<u8")
        self.start = starts.astype(np.int64)
        self.type = self.bytes[self.start + OUT_HEADER.offsets()["type"][0]]
        self.out_seq = self.word(self.start, OUT_HEADER.offsets()["out_seq"][0])
        self._place(frames)

    def word(self, starts: np.ndarray, offset: int) -> np.ndarray:
        """The 8-byte field at `offset` of the records at `starts`."""
        found: np.ndarray = self.words[(starts + offset) // WORD]
        return found

    def of_type(self, kind: OutputType) -> np.ndarray:
        """Row numbers of one record type."""
        return np.flatnonzero(self.type == kind)

    def order_ids(self, kind: OutputType, rows: np.ndarray) -> np.ndarray:
        """Order ids of rows of one type."""
        offset = ORDER_ID_OFFSETS[kind]
        assert offset is not None
        return self.word(self.start[rows], offset)

    def identities(self, kind: OutputType, rows: np.ndarray) -> np.ndarray:
        """ClOrdID and account of rows of one type, shape (rows, 48)."""
        at = self.start[rows] + IDENTITY_OFFSETS[kind]
        found: np.ndarray = self.bytes[at[:, None] + np.arange(IDENTITY_BYTES)]
        return found

    def _place(self, frames: list[Frame]) -> None:
        counts = [frame.count for frame in frames]
        sizes = np.array([len(frame.payload) for frame in frames], dtype=np.int64)
        payload_starts = np.cumsum(sizes) - sizes
        into_frame = np.array([frame.payload_offset for frame in frames]) - payload_starts
        self.segment_seq = np.repeat([named_seq(frame.path) for frame in frames], counts)
        self.frame_offset = np.repeat([frame.offset for frame in frames], counts)
        self.record_offset = self.start + np.repeat(into_frame, counts)
