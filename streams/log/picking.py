"""Takes records by type out of many, and numbers of sources, without an object for the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from streams.log import _journal
from streams.log.segments import Frame

TYPE_OFFSET = {"inputs": 0, "outputs": 4}
"""Place of the type in a record."""
SOURCE_OFFSET, SOURCE_SEQ_OFFSET = 3, 8
"""Places in an input record."""
PIECE_BYTES = 1 << 20


def picked(
    stream: str, payload: memoryview, first_seq: int, kinds: Collection[int]
) -> Iterator[tuple[int, int, memoryview]]:
    """(seq, type, record) of the records of these types, in order; the first one is `first_seq`."""
    offsets = starts(stream, payload)
    types = np.frombuffer(payload, dtype=np.uint8)[offsets + TYPE_OFFSET[stream]]
    ends = np.append(offsets[1:], len(payload))
    for row in np.flatnonzero(np.isin(types, [int(kind) for kind in kinds])).tolist():
        yield first_seq + row, int(types[row]), payload[offsets[row] : ends[row]]


def raise_numbers(payload: memoryview, last_seq: NDArray[np.uint64]) -> None:
    """Raises the last number of each source, shape (256,), to those of input records."""
    offsets = starts("inputs", payload)
    content = np.frombuffer(payload, dtype=np.uint8)
    places = offsets[:, None] + np.arange(SOURCE_SEQ_OFFSET, SOURCE_SEQ_OFFSET + 8)
    numbers = np.ascontiguousarray(content[places]).view("<u8")[:, 0]
    np.maximum.at(last_seq, content[offsets + SOURCE_OFFSET], numbers)


def starts(stream: str, payload: memoryview) -> NDArray[np.int64]:
    """Start of every record, shape (n,)."""
    raw = _journal.record_offsets(stream, payload)
    return np.frombuffer(raw, dtype="<u8").astype(np.int64)


def pieces(frames: Iterable[Frame], size: int = PIECE_BYTES) -> Iterator[tuple[int, memoryview]]:
    """(first seq, records) of consecutive frames, joined to `size` bytes or more but for the last.

    Frames of a busy live log hold a few records each; one call an engine and frame would cost more
    than the records do.
    """
    held: list[memoryview] = []
    first_seq = held_bytes = 0
    for frame in frames:
        first_seq = first_seq if held else frame.first_seq
        held.append(frame.payload)
        held_bytes += len(frame.payload)
        if held_bytes >= size:
            yield first_seq, joined(held)
            held, held_bytes = [], 0
    if held:
        yield first_seq, joined(held)


def joined(parts: list[memoryview]) -> memoryview:
    """One memory of many; a single one is not copied."""
    return parts[0] if len(parts) == 1 else memoryview(b"".join(parts))
