"""Changes a run on disk as somebody who knows the format would."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

from schemas.wire import iter_inputs, iter_raw_outputs
from streams.log import _journal
from streams.log.run import RunDirectory
from streams.log.segments import Frame

Edit = Callable[[bytearray], None]
"""Changes the bytes of one record."""


def copy_run(run: Path, to: Path) -> Path:
    """A run of one's own to spoil."""
    shutil.copytree(run, to)
    return to


def change_in_place(run: Path, stream: str, seq: int, edit: Edit) -> None:
    """Changes record `seq` in its file and makes the frame's checksum right again."""
    store_plain(run, stream)
    frame = frame_with(run, stream, seq)
    start, end = span(frame, stream, seq)
    data = bytearray(frame.path.read_bytes())
    at = frame.offset + frame.payload_offset
    record = data[at + start : at + end]
    edit(record)
    data[at + start : at + end] = record
    refresh_checksum(data, frame.offset, whole_size(data, frame, stream))
    frame.path.write_bytes(data)


def store_plain(run: Path, stream: str) -> None:
    """Stores the frames of a stream without a codec, so that records have a place in the file."""
    with RunDirectory.open(run) as directory:
        frames = [(bytes(f.payload), f) for f in directory.shard(0).reader(stream)]
    folder = run / "shard-000"
    for path in folder.glob(f"{stream}-*.seg"):
        path.unlink()
    writer = _journal.SegmentWriter(str(folder), stream, 0, codec="none")
    for payload, frame in frames:
        seq = writer.append(payload, frame.count, frame.last_log_ns)
        assert writer.wait_durable(seq + frame.count - 1)
    writer.close()


def change_and_chain_again(run: Path, stream: str, seq: int, edit: Edit) -> None:
    """Writes the whole stream anew with record `seq` changed: checksums and chain are right."""
    with RunDirectory.open(run) as directory:
        frames = [(bytes(f.payload), f) for f in directory.shard(0).reader(stream)]
    folder = run / "shard-000"
    for path in folder.glob(f"{stream}-*.seg"):
        path.unlink()
    (folder / "anchor.json").unlink()
    writer = _journal.SegmentWriter(str(folder), stream, 0)
    for payload, frame in frames:
        data = bytearray(payload)
        if frame.first_seq <= seq <= frame.last_seq:
            start, end = span(frame, stream, seq)
            record = data[start:end]
            edit(record)
            data[start:end] = record
        writer.append(bytes(data), frame.count, frame.last_log_ns)
    writer.close()


def cut_tail(run: Path, stream: str) -> None:
    """Removes the last frame, as if it had never been written."""
    with RunDirectory.open(run) as directory:
        *_, last = directory.shard(0).reader(stream)
        path, offset = last.path, last.offset
    path.write_bytes(path.read_bytes()[:offset])


def change_manifest(run: Path, **values: object) -> None:
    """Says something else in the manifest."""
    with RunDirectory.open(run, writable=True) as directory:
        directory.update_manifest(**values)


def frame_with(run: Path, stream: str, seq: int) -> Frame:
    """The frame that holds a record."""
    with RunDirectory.open(run) as directory:
        for frame in directory.shard(0).reader(stream):
            if frame.first_seq <= seq <= frame.last_seq:
                return frame
    raise AssertionError(f"no record {seq} in {stream}")


def span(frame: Frame, stream: str, seq: int) -> tuple[int, int]:
    """Start and end of a record in its frame's payload."""
    walk = iter_inputs if stream == "inputs" else iter_raw_outputs
    start = 0
    for place, (_, raw) in enumerate(walk(frame.payload), start=frame.first_seq):
        if place == seq:
            return start, start + len(raw)
        start += len(raw)
    raise AssertionError(f"no record {seq}")


def whole_size(data: bytearray, frame: Frame, stream: str) -> int:
    """Bytes of a frame with its header and, for outputs, its table of chain values."""
    (payload,) = struct.unpack_from("<I", data, frame.offset + 4)
    table = 32 * frame.count if stream == "outputs" else 0
    return int(64 + payload + table)


def refresh_checksum(data: bytearray, offset: int, size: int) -> None:
    """Computes a frame's checksum anew; it starts from its segment's."""
    (segment_crc,) = struct.unpack_from("<I", data, 12)
    covered = bytes(data[offset : offset + 8] + data[offset + 12 : offset + size])
    struct.pack_into("<I", data, offset + 8, _journal.crc32c(covered, segment_crc))
