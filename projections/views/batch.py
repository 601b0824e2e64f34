"""A run of output records as arrays: the fixed part of every record of a type at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.codes import OutputType
from schemas.envelope import OUT_HEADER
from schemas.errors import InvariantError
from schemas.wire import OUTPUTS, SUPPORTED_VERSION

TYPE_AT = OUT_HEADER.offsets()["type"][0]
VERSION_AT = OUT_HEADER.offsets()["version"][0]
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Places:
    """Where each record lies in the output log, each of shape (records,)."""

    segment_seq: Array
    frame_offset: Array
    record_offset: Array


@dataclass(frozen=True)
class Records:
    """Records of one type: `rows` are their numbers in the batch, `fields` the fixed parts."""

    rows: Array
    fields: Array

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Array:
        return self.fields[name]


class OutputBatch:
    """Consecutive output records of one shard.

    `payload` holds whole records, `start` the offset of each, shape (records,).
    """

    def __init__(self, shard: int, payload: Any, start: Array, places: Places) -> None:
        self.shard, self.places = shard, places
        self.bytes: Array = np.frombuffer(payload, dtype=np.uint8)
        self.start: Array = start.astype(np.int64)
        self.type: Array = self.bytes[self.start + TYPE_AT]
        self._records: dict[OutputType, Records] = {}
        self.head = gather(self.bytes, self.start, OUT_HEADER.dtype)
        if len(start) and self.bytes[self.start + VERSION_AT].max() > SUPPORTED_VERSION:
            raise InvariantError("outputs of a newer format; project with the program that wrote")

    def __len__(self) -> int:
        return len(self.start)

    @property
    def first_out_seq(self) -> int:
        """Sequence number of the first record."""
        return int(self.head["out_seq"][0])

    @property
    def last_out_seq(self) -> int:
        """Sequence number of the last record."""
        return int(self.head["out_seq"][-1])

    @property
    def last_seq(self) -> int:
        """Position of the input that the last record came from."""
        return int(self.head["seq"][-1])

    @property
    def last_ns(self) -> int:
        """Time of the last record."""
        return int(self.head["log_ns"][-1])

    def records(self, kind: OutputType) -> Records:
        """The records of a type, in order."""
        if kind not in self._records:
            rows = np.flatnonzero(self.type == kind)
            fields = gather(self.bytes, self.start[rows], OUTPUTS[kind][0].dtype)
            self._records[kind] = Records(rows, fields)
        return self._records[kind]

    def raw(self, row: int) -> bytes:
        """The whole bytes of one record."""
        start = int(self.start[row])
        return self.bytes[start : start + int(self.head["size"][row])].tobytes()

    def after(self, out_seq: int) -> OutputBatch:
        """The same batch without the records up to `out_seq`."""
        first = max(0, out_seq + 1 - self.first_out_seq) if len(self) else 0
        if not first:
            return self
        kept = Places(
            self.places.segment_seq[first:],
            self.places.frame_offset[first:],
            self.places.record_offset[first:],
        )
        return OutputBatch(self.shard, self.bytes, self.start[first:], kept)


def gather(source: Array, start: Array, dtype: np.dtype[Any]) -> Array:
    """Structures of `dtype` at the offsets `start` of bytes, shape (start,)."""
    if not len(start):
        return np.zeros(0, dtype=dtype)
    # A view of a structure at every byte, from which rows are copied whole.
    everywhere: Array = np.ndarray(
        (len(source) - dtype.itemsize + 1,), dtype=dtype, buffer=source.data, strides=(1,)
    )
    found: Array = everywhere[start]
    return found
