"""The group-committing writer: what it takes, what it refuses, what it bounds."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import InputError
from streams.log import LogWriteError, SegmentReader, SegmentWriter, check, recover

TICK = bytes([1]) + bytes(63)


def payloads(directory: Path, stream: str = "inputs") -> bytes:
    """All record bytes of a stream."""
    return b"".join(bytes(frame.payload) for frame in SegmentReader(directory, stream))


@pytest.mark.parametrize("durability", ["group", "none"])
@pytest.mark.parametrize("stream", ["inputs", "outputs"])
def test_what_goes_in_comes_out(stream: str, durability: str, samples: Any, tmp_path: Path) -> None:
    records = samples.of(stream, 500)
    writer = SegmentWriter(str(tmp_path), stream, 3, durability=durability, segment_bytes=9000)
    seqs = [writer.append(record, 1, n) for n, record in enumerate(records)]
    assert seqs == list(range(1, 501))
    assert writer.wait_durable(500)
    assert writer.position() == (500, samples.chain(stream, 3, records)[-1])
    writer.close()
    assert payloads(tmp_path, stream) == b"".join(records)
    assert check(tmp_path, stream).last_log_ns == 499


def test_a_burst_shares_its_syncs(tmp_path: Path) -> None:
    writer = SegmentWriter(str(tmp_path), "inputs", 0, group_us=20_000)
    for n in range(1000):
        writer.append(TICK, 1, n)
    assert writer.wait_durable(1000)
    stats = writer.stats()
    assert stats["records"] == 1000
    assert stats["groups"] < 100
    assert 0 < stats["sync_ns_max"] <= stats["sync_ns"]


def test_a_group_closes_by_size_by_age_and_when_somebody_waits(tmp_path: Path) -> None:
    day_us = 86_400_000_000
    writer = SegmentWriter(str(tmp_path), "inputs", 0, group_us=day_us, group_bytes=640)
    writer.append(TICK, 1, 1)
    time.sleep(0.05)
    assert writer.durable_seq == 0
    assert writer.wait_durable(1, 5)
    writer.append(TICK * 10, 10, 2)
    assert durable_within(writer, 11, 5)
    writer.close()
    aged = SegmentWriter(str(tmp_path), "inputs", 0, 12, writer.chain_head, group_us=100)
    aged.append(TICK, 1, 3)
    assert durable_within(aged, 12, 5)


def durable_within(writer: SegmentWriter, seq: int, seconds: float) -> bool:
    """Whether `seq` becomes durable although nobody waits for it."""
    deadline = time.monotonic() + seconds
    while writer.durable_seq < seq and time.monotonic() < deadline:
        time.sleep(0.001)
    return writer.durable_seq >= seq


def test_segments_roll_and_continue(tmp_path: Path, samples: Any) -> None:
    records = samples.inputs(300)
    samples.write(tmp_path, "inputs", samples.split(records, 3), segment_bytes=4096)
    report = check(tmp_path, "inputs")
    assert report.segments > 5
    assert (report.frames, report.records, report.last_seq) == (100, 300, 300)
    assert report.chain_head == samples.chain("inputs", 3, records)[-1]
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert report.file_bytes == sum(sizes)


def test_a_full_queue_slows_the_producer_and_drops_nothing(tmp_path: Path) -> None:
    writer = SegmentWriter(str(tmp_path), "inputs", 0, queue_bytes=64_000)
    for n in range(400):
        writer.append(TICK * 500, 500, n)
    assert writer.wait_durable(200_000)
    stats = writer.stats()
    assert stats["queue_bytes_max"] <= 64_000
    assert stats["blocked_ns"] > 0
    assert stats["records"] == 200_000
    writer.append(TICK * 2000, 2000, 400)  # longer than the queue: enters alone
    assert writer.wait_durable(202_000)


def test_waiting_lets_other_threads_run(tmp_path: Path) -> None:
    writer = SegmentWriter(str(tmp_path), "inputs", 0)
    writer.append(TICK, 1, 1)
    ticks: list[float] = []
    done = threading.Event()

    def count() -> None:
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    for n in range(50):
        writer.wait_durable(writer.append(TICK, 1, n))
    done.set()
    thread.join()
    assert len(ticks) > 2


BAD_APPENDS = [
    (TICK + b"x", 1, "does not end with a whole record"),
    (TICK * 2, 1, "holds 2 records, count says 1"),
    (b"", 0, "holds 0 records"),
    (bytes([16]) + bytes(63), 1, "does not end with a whole record"),
]


@pytest.mark.parametrize(("payload", "count", "message"), BAD_APPENDS)
def test_bad_payloads_are_refused(payload: bytes, count: int, message: str, tmp_path: Path) -> None:
    writer = SegmentWriter(str(tmp_path), "inputs", 0)
    with pytest.raises(InputError, match=message):
        writer.append(payload, count, 0)
    assert writer.append(TICK, 1, 0) == 1


def test_outputs_must_be_appended_in_order(tmp_path: Path, samples: Any) -> None:
    first, second, third = samples.outputs(3)
    writer = SegmentWriter(str(tmp_path), "outputs", 0)
    writer.append(first, 1, 0)
    for wrong in (first, third):
        with pytest.raises(InputError, match="the log is at 2"):
            writer.append(wrong, 1, 0)
    assert writer.append(second, 1, 0) == 2


def test_outputs_are_written_only_after_their_inputs(tmp_path: Path, samples: Any) -> None:
    inputs = SegmentWriter(str(tmp_path / "absent"), "inputs", 0, group_us=200_000)
    outputs = SegmentWriter(str(tmp_path), "outputs", 0, group_us=0, inputs=inputs)
    with pytest.raises(InputError, match="append inputs before their outputs"):
        outputs.append(samples.outputs(1)[0], 1, 0)
    inputs.append(TICK, 1, 0)
    outputs.append(samples.outputs(1)[0], 1, 0)
    for _ in range(2):  # the inputs fail, so their outputs never become visible
        with pytest.raises(LogWriteError, match="absent"):
            outputs.close()
    assert list(tmp_path.iterdir()) == []


def test_outputs_follow_their_inputs(tmp_path: Path, samples: Any) -> None:
    day_us = 86_400_000_000
    inputs = SegmentWriter(str(tmp_path), "inputs", 0, group_us=day_us)
    outputs = SegmentWriter(str(tmp_path), "outputs", 0, durability="none", inputs=inputs)
    for n, record in enumerate(samples.outputs(50)):
        inputs.append(TICK, 1, n)
        outputs.append(record, 1, n)
    assert outputs.wait_durable(50, 5)
    assert inputs.durable_seq >= 1
    outputs.close()
    inputs.close()


BAD_OPTIONS = [
    ({"stream": "sideways"}, "'inputs' or 'outputs'"),
    ({"durability": "maybe"}, "'group' or 'none'"),
    ({"chain_head": b"short"}, "32 bytes"),
    ({"next_seq": 0}, "numbered from 1"),
    ({"queue_bytes": 0}, "queue_bytes"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_bad_options(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"stream": "inputs", "shard": 0, **options}
    with pytest.raises(InputError, match=message):
        SegmentWriter(str(tmp_path), **arguments)


def test_waiting_for_what_was_never_appended(tmp_path: Path) -> None:
    writer = SegmentWriter(str(tmp_path), "inputs", 0)
    with pytest.raises(InputError, match="never appended"):
        writer.wait_durable(1)


def test_a_closed_writer_says_so(tmp_path: Path) -> None:
    writer = SegmentWriter(str(tmp_path), "inputs", 0)
    writer.append(TICK, 1, 0)
    writer.close()
    writer.close()
    assert writer.durable_seq == 1
    with pytest.raises(InputError, match="closed"):
        writer.append(TICK, 1, 0)


def test_a_second_writer_cannot_take_a_segment(tmp_path: Path) -> None:
    first = SegmentWriter(str(tmp_path), "inputs", 0)
    first.wait_durable(first.append(TICK, 1, 0))
    second = SegmentWriter(str(tmp_path), "inputs", 0)
    with pytest.raises(LogWriteError) as raised:
        second.wait_durable(second.append(TICK, 1, 0))
    assert (raised.value.operation, raised.value.errno) == ("open", errno.EEXIST)
    assert check(tmp_path, "inputs").last_seq == 1


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    writer = SegmentWriter(str(tmp_path / "absent"), "inputs", 0)
    writer.append(TICK, 1, 0)
    for _ in range(2):  # the failure stays
        with pytest.raises(LogWriteError, match=r"absent.*No such file"):
            writer.close()


FULL_DISK = f"""
import resource, sys
from streams.log import LogWriteError, SegmentWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
writer = SegmentWriter(sys.argv[1], "inputs", 0, codec="none")
try:
    for n in range(1000):
        writer.wait_durable(writer.append({TICK!r} * 10, 10, n) + 9)
except LogWriteError as error:
    print(error.errno, error.offset, error.durable_seq, writer.durable_seq, sep=",")
try:
    writer.append({TICK!r}, 1, 0)
except LogWriteError as error:
    print("still", error.operation)
# What measures this process writes a file of its own when it ends.
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


def test_a_full_disk_fails_closed_and_leaves_a_readable_log(tmp_path: Path) -> None:
    assert resource.RLIMIT_FSIZE  # the limit stands in for a full disk
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True
    )
    facts, still = ran.stdout.split("\n")[:2]
    number, offset, durable, published = map(int, facts.split(","))
    assert (number, offset, still) == (errno.EFBIG, 100_000, "still write")
    assert durable == published == (100_000 - 64) // 704 * 10
    report = recover(tmp_path, "inputs")
    assert report.last_seq == durable
    assert report.torn is not None
    assert check(tmp_path, "inputs").torn is None
