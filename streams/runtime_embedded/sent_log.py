"""What a simulated venue was sent, in order, so that a restart can send it again to its market.

It belongs to the venue's side of the wire. It is written before a child enters the market and is
not synced: a child that is lost here was never received, and the engine process hands it over anew.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ENTRY = struct.Struct("<IBxxxqqQ")
"""Bytes that follow, kind, market time, sending time, out_seq of the record or venue of a fault."""
OUTPUT, FAULT_ON, FAULT_OFF, INJECTED = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Sent:
    """One entry; `market_ns` is how far the market had come when it was taken."""

    kind: int
    market_ns: int
    sent_ns: int
    subject: int
    record: bytes


class SentLog:
    """An append-only file of entries."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)

    def append(self, entry: Sent) -> None:
        """Write one entry through to the system."""
        head = ENTRY.pack(
            len(entry.record), entry.kind, entry.market_ns, entry.sent_ns, entry.subject
        )
        self._file.write(head + entry.record)

    @property
    def size(self) -> int:
        """Bytes written so far: a place to read from later."""
        return self._file.tell()

    def read(self, start: int = 0) -> Iterator[Sent]:
        """Entries from byte `start`; an unfinished last one is cut off."""
        data = self.path.read_bytes()
        offset = start
        while offset + ENTRY.size <= len(data):
            length, kind, market_ns, sent_ns, subject = ENTRY.unpack_from(data, offset)
            end = offset + ENTRY.size + length
            if end > len(data):
                break
            yield Sent(kind, market_ns, sent_ns, subject, data[offset + ENTRY.size : end])
            offset = end
        if offset < len(data):
            self._file.truncate(offset)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
