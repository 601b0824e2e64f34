"""One segment file, mapped for reading."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import BinaryIO

from schemas.errors import NotFoundError
from streams.log import _journal
from streams.log.errors import DamagedLogError

HEADER_BYTES = 64
FRAME_MAGIC = b"\xf5VF"
STREAMS = ("inputs", "outputs")


def list_segments(directory: Path, stream: str) -> list[Path]:
    """Paths of a stream's segments in seq order."""
    return sorted(directory.glob(f"{stream}-{'[0-9]' * 20}.seg"))


def named_seq(path: Path) -> int:
    """First seq that a segment's file name states."""
    return int(path.stem.rpartition("-")[2])


def first_seq(directory: Path, stream: str) -> int:
    """First seq that a stream still holds, 1 when it holds nothing."""
    paths = list_segments(directory, stream)
    return named_seq(paths[0]) if paths else 1


class Segment:
    """A mapped segment; `fault` says why its header is none, else the header's facts are set."""

    def __init__(self, path: Path, stream: str) -> None:
        self.path = path
        self.stream = stream
        self.size = 0
        self.data = memoryview(b"")
        self.refresh()
        self.fault, self.shard, self.first_seq, self.crc, self.chain_head = self._header()

    def refresh(self) -> bool:
        """Map what a writer has added since; whether there was anything."""
        with self._opened() as file:
            size = os.fstat(file.fileno()).st_size
            if size == self.size:
                return False
            self.data = memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))
        self.size = size
        return True

    def check(self, offset: int, next_seq: int, head: bytes | None) -> _journal.FrameCheck:
        """What lies at `offset`, checked against the next seq and, unless None, the chain."""
        return _journal.check_frame(self.stream, self.crc, self.data, offset, next_seq, head)

    def find_frame(self, start: int) -> int | None:
        """Offset of the first intact frame at or after `start`."""
        found = _journal.find_frame(self.stream, self.crc, self.data, start)
        return found if found >= 0 else None

    def starts_frame(self, offset: int, seq: int) -> bool:
        """Whether the start of a frame with this first seq lies at `offset`, whole or not."""
        header = self.data[offset : offset + 24]
        return header[:3] == FRAME_MAGIC and int.from_bytes(header[16:], "little") == seq

    def damaged(self, offset: int, seq: int, reason: str) -> DamagedLogError:
        """The error that names this file."""
        return DamagedLogError(self.path, offset, seq, reason)

    def _opened(self) -> BinaryIO:
        try:
            return self.path.open("rb")
        except FileNotFoundError:
            raise NotFoundError(f"{self.path}: was removed while it was being read") from None

    def _header(self) -> tuple[str | None, int, int, int, bytes]:
        parsed = _journal.parse_segment_header(self.data[:HEADER_BYTES])
        if isinstance(parsed, str):
            return parsed, 0, 0, 0, b""
        stream, shard, first_seq, crc, head = parsed
        fault = None
        if stream != self.stream or first_seq != named_seq(self.path):
            fault = f"the file holds {stream} from seq {first_seq}, its name says otherwise"
        return fault, shard, first_seq, crc, head
