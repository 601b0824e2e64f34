"""One snapshot as one file, each byte of which is covered by a checksum.

A header, then pages: number, CRC32C, PAGE_BYTES of state. The checksum of a page starts from that
of the header, so that a page of another snapshot does not fit. The header keeps the state hash,
which a difference laid over the wrong base cannot meet. A file is written beside its name, synced
and renamed, so it exists whole or not at all.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.errors import CorruptLogError
from streams.log._journal import crc32c
from streams.log.errors import DamagedFileError
from streams.log.files import replace_durably
from streams.log.pages import PAGE_BYTES, paged

MAGIC = b"SORSNAP\0"
FORMAT_VERSION = 1
FACTS = struct.Struct("<QQq32s32sQ32s")
START = struct.Struct("<8sII")
"""Magic, format, bytes a page."""
FORM = struct.Struct("<QQ")
"""Seq of the full snapshot that this is a difference to (or its own), pages."""
CHECK = struct.Struct("<I")
HEADER_BYTES = START.size + FACTS.size + FORM.size + CHECK.size
PAGE = np.dtype([("number", "<u4"), ("check", "<u4"), ("bytes", "u1", (PAGE_BYTES,))])
SUFFIX = ".snap"


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """The position that a snapshot reflects, with the chain heads of both streams there."""

    seq: int
    out_seq: int
    log_ns: int
    input_chain: bytes
    output_chain: bytes
    state_bytes: int
    state_hash: bytes

    def packed(self) -> bytes:
        """Its bytes in the header."""
        return FACTS.pack(
            self.seq,
            self.out_seq,
            self.log_ns,
            self.input_chain,
            self.output_chain,
            self.state_bytes,
            self.state_hash,
        )


@dataclass(frozen=True, slots=True)
class Header:
    """What a snapshot file says about itself, proven by its checksum."""

    info: SnapshotInfo
    base_seq: int
    pages: int
    check: int


def file_name(seq: int) -> str:
    """Name of the snapshot at `seq`."""
    return f"{seq:020d}{SUFFIX}"


def named_seq(path: Path) -> int:
    """Seq that a file's name states."""
    return int(path.name.removesuffix(SUFFIX))


def write_snapshot(
    path: Path, info: SnapshotInfo, base_seq: int, state: bytes, numbers: NDArray[np.int64]
) -> None:
    """Write the pages of `state` with these numbers, durable on return."""
    start = START.pack(MAGIC, FORMAT_VERSION, PAGE_BYTES)
    form = FORM.pack(base_seq, len(numbers))
    header = start + info.packed() + form
    check = crc32c(header, 0)
    rows = np.zeros(len(numbers), dtype=PAGE)
    rows["number"] = numbers
    rows["bytes"] = paged(state)[numbers]
    rows["check"] = [page_check(row.tobytes(), check) for row in rows]
    replace_durably(path, header + CHECK.pack(check) + rows.tobytes())


def page_check(row: bytes, header_check: int) -> int:
    """CRC32C of a page and its number."""
    return crc32c(row[:4] + row[8:], header_check)


def read_header(path: Path) -> Header:
    """The header; CorruptLogError when it is damaged, of another format, or absent."""
    try:
        with path.open("rb") as file:
            content = file.read(HEADER_BYTES)
    except FileNotFoundError:
        raise CorruptLogError(f"{path.parent}: no snapshot at seq {named_seq(path)}") from None
    return parsed_header(path, content)


def parsed_header(path: Path, content: bytes) -> Header:
    """The header in the first bytes of a file."""
    if len(content) < HEADER_BYTES:
        raise damaged(path, len(content), "it ends inside its header")
    magic, version, page_bytes = START.unpack_from(content)
    if magic != MAGIC:
        raise damaged(path, 0, "it is no snapshot")
    (check,) = CHECK.unpack_from(content, HEADER_BYTES - CHECK.size)
    if crc32c(content[: HEADER_BYTES - CHECK.size], 0) != check:
        raise damaged(path, 0, "the checksum of its header does not hold")
    if version > FORMAT_VERSION or page_bytes != PAGE_BYTES:
        raise CorruptLogError(
            f"{path}: has format {version} with pages of {page_bytes} bytes, this program reads "
            f"{FORMAT_VERSION} with {PAGE_BYTES}; use the version of the program that wrote it"
        )
    info = SnapshotInfo(*FACTS.unpack_from(content, START.size))
    base_seq, pages = FORM.unpack_from(content, START.size + FACTS.size)
    if info.seq != named_seq(path):
        raise damaged(path, 0, f"it holds the snapshot at seq {info.seq}, its name says otherwise")
    return Header(info, base_seq, pages, check)


def read_pages(path: Path) -> tuple[Header, NDArray[np.void]]:
    """(header, rows of PAGE) of a file, every byte proven."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CorruptLogError(f"{path.parent}: no snapshot at seq {named_seq(path)}") from None
    header = parsed_header(path, content)
    whole = HEADER_BYTES + header.pages * PAGE.itemsize
    if len(content) != whole:
        raise damaged(path, min(len(content), whole), f"{len(content)} bytes instead of {whole}")
    rows = np.frombuffer(content, dtype=PAGE, offset=HEADER_BYTES)
    last = -(-header.info.state_bytes // PAGE_BYTES)
    for place, row in enumerate(rows):
        good = page_check(row.tobytes(), header.check) == row["check"] and row["number"] < last
        if not good:
            offset = HEADER_BYTES + place * PAGE.itemsize
            raise damaged(path, offset, f"the checksum of page {place} does not hold")
    return header, rows


def damaged(path: Path, offset: int, reason: str) -> DamagedFileError:
    """The error that names the place."""
    return DamagedFileError(path, offset, f"the snapshot is damaged: {reason}")
