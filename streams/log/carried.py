"""Reference records that a prune took out of the log: the names of what is left.

One file a shard, `reference.bin`: magic, the position they reach to, the records as they were
logged, and the SHA-256 of all of that. It is durable before a segment is removed.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from schemas.envelope import REFERENCE_TYPES, SLOTS
from streams.log.errors import DamagedFileError
from streams.log.files import replace_durably
from streams.log.segments import Frame

FILE_NAME = "reference.bin"
HEAD = struct.Struct("<8sQ")
MAGIC = b"SORREF\0\1"
DIGEST_BYTES = 32
KINDS = np.array([int(kind) for kind in SLOTS if kind in REFERENCE_TYPES], dtype=np.uint8)


class Carried:
    """Gathers reference records out of frames that are about to be removed."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE_NAME
        self.seq, records = read_carried(directory)
        self._records = [records]

    def gathered(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The same frames, their reference records noted on the way."""
        for frame in frames:
            starts = frame.record_offsets().astype(np.int64)
            ends = np.append(starts[1:], len(frame.payload))
            types = np.frombuffer(frame.payload, dtype=np.uint8)[starts]
            for row in np.flatnonzero(np.isin(types, KINDS)):
                self._records.append(bytes(frame.payload[starts[row] : ends[row]]))
            self.seq = frame.last_seq
            yield frame

    def write(self) -> None:
        """Keeps them, durable on return."""
        content = HEAD.pack(MAGIC, self.seq) + b"".join(self._records)
        replace_durably(self.path, content + hashlib.sha256(content).digest())


def read_carried(directory: Path) -> tuple[int, bytes]:
    """(position they reach to, records); nothing where nothing was pruned."""
    path = directory / FILE_NAME
    if not path.exists():
        return 0, b""
    content = path.read_bytes()
    body, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
    if len(body) < HEAD.size or hashlib.sha256(body).digest() != digest:
        raise DamagedFileError(path, 0, "its bytes are not those of its SHA-256")
    magic, seq = HEAD.unpack_from(body)
    if magic != MAGIC:
        raise DamagedFileError(path, 0, "it holds no reference records")
    return seq, body[HEAD.size :]
