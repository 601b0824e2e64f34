"""A reader that starts in the middle leaps over what lies before, and never over damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.log import SegmentReader, recover
from streams.log.errors import DamagedLogError
from streams.log.segment import HEADER_BYTES

MakeLog = Callable[..., Path]
STREAMS = ("inputs", "outputs")


def read(directory: Path, stream: str, start_seq: int) -> bytes:
    """Everything from a position."""
    return b"".join(bytes(frame.payload) for frame in SegmentReader(directory, stream, start_seq))


@pytest.mark.parametrize("stream", STREAMS)
def test_every_start_gives_the_same_records(stream: str, make_log: MakeLog, samples: Any) -> None:
    folder, records = make_log(stream, groups=6), samples.of(stream, 18)
    for start in range(1, 19):
        assert read(folder, stream, start) == b"".join(records[start - 1 :])
    assert read(folder, stream, 19) == b""


@pytest.mark.parametrize("stream", STREAMS)
def test_damage_right_before_the_start_is_named(stream: str, make_log: MakeLog) -> None:
    folder = make_log(stream, groups=6)
    frames = list(SegmentReader(folder, stream))
    path, data = frames[0].path, bytearray(frames[0].path.read_bytes())
    data[frames[3].offset + 70] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedLogError):
        read(folder, stream, frames[4].first_seq)


@pytest.mark.parametrize("at", [0, 4, 12, 16])
def test_headers_that_do_not_hold_together_are_named(make_log: MakeLog, at: int) -> None:
    folder = make_log("inputs", groups=6)
    path = next(folder.glob("*.seg"))
    data = bytearray(path.read_bytes())
    data[HEADER_BYTES + at] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedLogError):
        read(folder, "inputs", 13)


@pytest.mark.parametrize("stream", STREAMS)
def test_recovery_reads_only_what_follows_a_snapshot(stream: str, make_log: MakeLog) -> None:
    folder = make_log(stream, groups=6)
    whole = recover(folder, stream)
    for known in (3, 6, 18):
        report = recover(folder, stream, known_seq=known)
        assert (report.last_seq, report.chain_head) == (whole.last_seq, whole.chain_head)
        assert report.records == 18 - known
    assert recover(folder, stream, known_seq=40).records == 18, "the snapshot is ahead of the log"
