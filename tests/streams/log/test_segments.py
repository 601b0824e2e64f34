"""The cursor: where it starts, what it follows, what it will not read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import InputError, NotFoundError
from streams.log import DamagedLogError, SegmentReader, SegmentWriter, check

MakeLog = Callable[..., Path]


def test_an_empty_log(tmp_path: Path) -> None:
    assert list(SegmentReader(tmp_path, "inputs")) == []
    report = check(tmp_path, "inputs")
    assert (report.segments, report.records, report.first_seq, report.last_seq) == (0, 0, 1, 0)
    assert (report.chain_head, report.torn) == (None, None)


@pytest.mark.parametrize("stream", ["inputs", "outputs"])
@pytest.mark.parametrize("verify_chain", [True, False])
def test_any_start(stream: str, verify_chain: bool, make_log: MakeLog, samples: Any) -> None:
    directory = make_log(stream, groups=6, size=5, segment_bytes=2500)
    records = samples.of(stream, 30)
    chain = samples.chain(stream, 3, records)
    for start in range(1, 32):
        frames = list(SegmentReader(directory, stream, start, verify_chain))
        assert b"".join(bytes(f.payload) for f in frames) == b"".join(records[start - 1 :])
        if not frames:
            continue
        first = frames[0]
        assert first.first_seq == start
        assert len(first.record_offsets()) == first.count
        data = first.path.read_bytes()[first.offset + first.payload_offset :]
        assert data.startswith(bytes(first.payload))
        if first.record_chains is not None:
            assert bytes(first.record_chains[:32]) == chain[start]


def test_a_start_outside_the_log(make_log: MakeLog) -> None:
    directory = make_log("inputs", segment_bytes=1000)
    with pytest.raises(NotFoundError, match="end at seq 12, before seq 14"):
        list(SegmentReader(directory, "inputs", 14))
    min(directory.glob("*.seg")).unlink()
    with pytest.raises(NotFoundError, match="no longer kept"):
        list(SegmentReader(directory, "inputs", 1))
    assert check(directory, "inputs").last_seq == 12


def test_unknown_stream(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="inputs, outputs"):
        SegmentReader(tmp_path, "sideways")


def test_following_a_log_that_grows(tmp_path: Path, samples: Any) -> None:
    records = samples.inputs(60)
    reader = SegmentReader(tmp_path, "inputs")
    writer = SegmentWriter(str(tmp_path), "inputs", 3, segment_bytes=2000)
    read = b""
    for n, record in enumerate(records):
        writer.wait_durable(writer.append(record, 1, n))
        read += b"".join(bytes(frame.payload) for frame in reader)
        assert reader.next_seq == n + 2
        assert reader.torn is None
    assert read == b"".join(records)


def test_following_beside_a_busy_writer(tmp_path: Path, samples: Any) -> None:
    records = samples.inputs(3000)
    writer = SegmentWriter(
        str(tmp_path), "inputs", 3, durability="none", segment_bytes=20_000, group_us=0
    )
    reader = SegmentReader(tmp_path, "inputs")
    read = b""
    for n, record in enumerate(records):
        writer.append(record, 1, n)
        if n % 7 == 0:
            read += b"".join(bytes(frame.payload) for frame in reader)
    writer.close()
    assert read + b"".join(bytes(frame.payload) for frame in reader) == b"".join(records)


def test_half_a_frame_is_the_end_until_it_is_whole(make_log: MakeLog) -> None:
    directory = make_log("outputs")
    path = directory / f"outputs-{1:020d}.seg"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    reader = SegmentReader(directory, "outputs")
    assert sum(frame.count for frame in reader) == 9
    assert reader.torn is not None
    path.write_bytes(whole)
    assert sum(frame.count for frame in reader) == 3
    assert reader.torn is None


def test_a_log_removed_under_its_reader(make_log: MakeLog) -> None:
    directory = make_log("inputs")
    reader = SegmentReader(directory, "inputs")
    assert sum(frame.count for frame in reader) == 12
    next(directory.glob("*.seg")).unlink()
    with pytest.raises(NotFoundError, match="removed while it was being read"):
        list(reader)


def test_a_missing_segment(make_log: MakeLog) -> None:
    directory = make_log("inputs", groups=8, segment_bytes=600)
    paths = sorted(directory.glob("*.seg"))
    assert len(paths) > 3
    paths[1].unlink()
    with pytest.raises(DamagedLogError, match="a segment is missing") as raised:
        check(directory, "inputs")
    assert raised.value.path == paths[2]


def test_a_segment_of_another_shard_or_stream(make_log: MakeLog) -> None:
    directory = make_log("inputs")
    with pytest.raises(DamagedLogError, match="shard 3, not 4"):
        list(SegmentReader(directory, "inputs", shard=4))
    path = directory / f"inputs-{1:020d}.seg"
    shutil.copy(path, directory / f"outputs-{1:020d}.seg")
    with pytest.raises(DamagedLogError, match="its name says otherwise"):
        check(directory, "outputs")
    path.rename(directory / f"inputs-{7:020d}.seg")
    with pytest.raises(DamagedLogError, match="its name says otherwise"):
        check(directory, "inputs")


def test_a_segment_of_another_run_does_not_continue_the_chain(tmp_path: Path, samples: Any) -> None:
    for name, seed in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        ticks = [bytes([1, seed]) + bytes(62)] * 40
        samples.write(tmp_path / name, "inputs", samples.split(ticks, 4), segment_bytes=700)
    last = max((tmp_path / "one").glob("*.seg"))
    shutil.copy(last, tmp_path / "two" / last.name)
    with pytest.raises(DamagedLogError, match="the chain does not continue"):
        check(tmp_path / "two", "inputs")


def test_a_frame_from_elsewhere_never_passes(make_log: MakeLog, samples: Any) -> None:
    directory = make_log("inputs")
    twin = directory / "twin"
    twin.mkdir()
    samples.write(twin, "inputs", samples.split(samples.inputs(12), 3))
    ours, theirs = (d / f"inputs-{1:020d}.seg" for d in (directory, twin))
    data = ours.read_bytes()
    ours.write_bytes(data[:64] + theirs.read_bytes()[64:])
    with pytest.raises(DamagedLogError, match=r"bad frame \(crc\)"):
        check(directory, "inputs")
    ours.write_bytes(data)
    assert check(directory, "inputs").last_seq == 12


def test_a_repeated_frame_is_damage(make_log: MakeLog) -> None:
    directory = make_log("inputs")
    path = directory / f"inputs-{1:020d}.seg"
    last = list(SegmentReader(directory, "inputs"))[-1]
    data = path.read_bytes()
    path.write_bytes(data + data[last.offset :])
    with pytest.raises(DamagedLogError, match=r"does not belong here \(seq\)"):
        check(directory, "inputs")
