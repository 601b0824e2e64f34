"""Check a log whole, and cut an unfinished write from its end."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import CorruptLogError, NotFoundError
from streams.log.errors import DamagedLogError
from streams.log.files import sync_directory, write_durably
from streams.log.segment import HEADER_BYTES, Segment, list_segments, named_seq
from streams.log.segments import Frame, SegmentReader, TornTail


@dataclass(frozen=True, slots=True)
class LogReport:
    """What a check found; `last_seq` is `first_seq` - 1 when there are no records."""

    stream: str
    segments: int
    frames: int
    records: int
    file_bytes: int
    first_seq: int
    last_seq: int
    last_log_ns: int | None
    chain_head: bytes | None
    """None in an empty log; the chain then starts at its origin."""
    torn: TornTail | None


@dataclass(frozen=True, slots=True)
class Anchor:
    """A position that was durable once: the log must reach it with this chain head."""

    seq: int
    chain_head: bytes


def ignore(frame: Frame) -> None:
    """Watches nothing."""


def check(
    directory: Path | str,
    stream: str,
    verify_chain: bool = True,
    start_seq: int | None = None,
    anchor: Anchor | None = None,
    shard: int | None = None,
    watch: Callable[[Frame], None] = ignore,
) -> LogReport:
    """Read a stream whole and report it; `watch` sees each frame.

    What lies before `start_seq` is not read. Raises DamagedLogError for damage before the end and
    CorruptLogError when the log does not reach the anchor or reaches it with another chain.
    """
    reader = SegmentReader(directory, stream, start_seq, verify_chain, shard)
    frames = records = 0
    last_log_ns = None
    for frame in reader:
        frames += 1
        records += frame.count
        last_log_ns = frame.last_log_ns
        watch(frame)
        if anchor is not None and frame.last_seq == anchor.seq:
            require_same_chain(frame.path, anchor, frame.chain_head)
    require_reached(reader, anchor)
    return LogReport(
        stream=stream,
        segments=reader.segments,
        frames=frames,
        records=records,
        file_bytes=reader.file_bytes,
        first_seq=reader.next_seq - records,
        last_seq=reader.next_seq - 1,
        last_log_ns=last_log_ns,
        chain_head=reader.chain_head,
        torn=reader.torn,
    )


def require_same_chain(path: Path, anchor: Anchor, chain_head: bytes) -> None:
    """Refuse a log that was rewritten before the anchor."""
    if chain_head != anchor.chain_head:
        raise CorruptLogError(
            f"{path}: at seq {anchor.seq} the chain is {chain_head.hex()[:16]}.., it was "
            f"{anchor.chain_head.hex()[:16]}.. when anchored; records up to it were replaced"
        )


def require_reached(reader: SegmentReader, anchor: Anchor | None) -> None:
    """Refuse a log that lost records which were durable."""
    if anchor is None or reader.next_seq > anchor.seq:
        return
    if reader.torn is not None:
        reason = (
            f"bad frame ({reader.torn.reason}): {reader.stream} end at seq {reader.next_seq - 1}, "
            f"but seq {anchor.seq} was durable"
        )
        raise DamagedLogError(reader.torn.path, reader.torn.offset, reader.next_seq, reason)
    raise CorruptLogError(
        f"{reader.directory}: {reader.stream} end at seq {reader.next_seq - 1}, but seq "
        f"{anchor.seq} was durable; restore the missing records from a copy"
    )


def recover(
    directory: Path | str,
    stream: str,
    full: bool = False,
    anchor: Anchor | None = None,
    rederivable: bool = False,
    shard: int | None = None,
    known_seq: int = 0,
) -> LogReport:
    """Cut an unfinished write and report what is left; the bytes cut stay beside as `*.torn`.

    Reads the last two segments, only what follows `known_seq` (the position of a snapshot) where
    that is less, or everything when `full`. `rederivable` cuts at damage too, with all that
    follows: only for a stream that can be computed again.
    """
    where = Path(directory)
    start_seq = None if full else tail_start(where, stream, known_seq)
    try:
        report = check(where, stream, start_seq=start_seq, anchor=anchor, shard=shard)
    except DamagedLogError as damage:
        if not rederivable:
            raise
        cut(where, stream, damage.path, damage.offset)
        return recover(where, stream, full, anchor, rederivable, shard)
    except NotFoundError:  # the log is shorter than the snapshot
        return recover(where, stream, full, anchor, rederivable, shard)
    if report.torn is not None:
        cut(where, stream, report.torn.path, report.torn.offset)
    drop_empty_segment(where, stream)
    return report


def tail_start(directory: Path, stream: str, known_seq: int) -> int | None:
    """Where to begin to read the end of a log, None for its beginning."""
    paths = list_segments(directory, stream)
    start_seq = named_seq(paths[-2]) if len(paths) > 2 else None
    if known_seq and paths and named_seq(paths[0]) <= known_seq + 1:
        return max(known_seq + 1, start_seq or 1)
    return start_seq


def cut(directory: Path, stream: str, path: Path, offset: int) -> None:
    """End a stream at byte `offset` of the segment `path`; what is cut is kept as `*.torn`."""
    for later in reversed([p for p in list_segments(directory, stream) if p > path]):
        later.rename(later.with_suffix(".torn"))
    if offset <= HEADER_BYTES:
        path.rename(path.with_suffix(".torn"))
    else:
        with path.open("r+b") as file:
            file.seek(offset)
            write_durably(path.with_suffix(".torn"), file.read())
            file.truncate(offset)
            os.fsync(file.fileno())
    sync_directory(directory)


def drop_empty_segment(directory: Path, stream: str) -> None:
    """Remove a last segment without frames, so that the writer can create it again."""
    paths = list_segments(directory, stream)
    if paths and Segment(paths[-1], stream).size <= HEADER_BYTES:
        paths[-1].unlink()
        sync_directory(directory)
