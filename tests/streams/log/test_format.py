"""What lies in a segment file, read back with nothing but struct and hashlib."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.envelope import SLOTS
from schemas.errors import InputError
from streams.log import SegmentReader, _journal, chain_origin

SEGMENT_HEADER = struct.Struct("<IHBBIIQQ32s")
FRAME_HEADER = struct.Struct("<3sBIIIQq32s")


def test_slots_are_those_of_the_schema() -> None:
    expected = {int(kind): count for kind, count in SLOTS.items()}
    assert list(_journal.slots()) == [expected.get(kind, 1) for kind in range(256)]


@pytest.mark.parametrize("stream", ["inputs", "outputs"])
def test_bytes_of_a_segment(stream: str, samples: Any, tmp_path: Path) -> None:
    records = samples.of(stream, 5)
    samples.write(tmp_path, stream, [records])
    data = (tmp_path / f"{stream}-{1:020d}.seg").read_bytes()
    chain = samples.chain(stream, 3, records)

    magic, version, kind, _, shard, crc, first_seq, _, head = SEGMENT_HEADER.unpack_from(data)
    assert (magic, version, shard, first_seq) == (0x46564C53, 1, 3, 1)
    assert (kind, head) == (1 if stream == "inputs" else 2, chain[0])
    assert crc == _journal.crc32c(data[:12] + bytes(4) + data[16:64])

    frame = data[64:]
    mark, codec, size, frame_crc, count, seq, log_ns, after = FRAME_HEADER.unpack_from(frame)
    payload = b"".join(records)
    assert (mark, codec, size, count) == (b"\xf5VF", 0, len(payload), 5)
    assert (seq, log_ns, after) == (1, 0, chain[-1])
    assert frame_crc == _journal.crc32c(frame[:8] + frame[12:], crc)
    table = b"".join(chain[1:]) if stream == "outputs" else b""
    assert frame[64:] == payload + table


@pytest.mark.parametrize("stream", ["inputs", "outputs"])
def test_chain_is_hashlibs(stream: str, make_log: Callable[..., Path], samples: Any) -> None:
    directory = make_log(stream, groups=7, size=11)
    chain = samples.chain(stream, 3, samples.of(stream, 77))
    assert chain_origin(stream, 3) == chain[0]
    for frame in SegmentReader(directory, stream):
        assert frame.chain_head == chain[frame.last_seq]
        if frame.record_chains is not None:
            expected = b"".join(chain[frame.first_seq : frame.last_seq + 1])
            assert bytes(frame.record_chains) == expected


def test_origins_differ() -> None:
    origins = {chain_origin(stream, shard) for stream in ("inputs", "outputs") for shard in (0, 1)}
    assert len(origins) == 4


@pytest.mark.parametrize("stream", ["inputs", "outputs"])
def test_record_offsets(stream: str, samples: Any) -> None:
    records = samples.of(stream, 40)
    payload = b"".join(records)
    offsets = struct.unpack("<40Q", _journal.record_offsets(stream, payload))
    assert offsets == tuple(sum(map(len, records[:n])) for n in range(40))
    assert _journal.record_offsets(stream, payload[:-1]) == b""


@pytest.mark.parametrize("size", [0, 39, 44, 48])
def test_bad_record_sizes_end_the_scan(size: int) -> None:
    assert _journal.record_offsets("outputs", struct.pack("<I", size) + bytes(36)) == b""


def test_unknown_stream() -> None:
    with pytest.raises(InputError, match="'inputs' or 'outputs'"):
        chain_origin("sideways", 0)
