"""Promises 2 and 4: power cuts and failing calls, at every step of the write path."""

from __future__ import annotations

import errno
import json
import os
import random
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from streams.log import SegmentReader, check, recover

ENTRY = struct.Struct("<cIQQ")
SECTOR = 512

WRITE = """
import os, sys
from streams.log import SegmentWriter
directory, trace, stream = sys.argv[1:4]
writer = SegmentWriter(directory, stream, 3, segment_bytes=int(sys.argv[4]), group_us=0)
acks = os.open(trace, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for log_ns, line in enumerate(sys.stdin):
    count, payload = line.split()
    seq = writer.append(bytes.fromhex(payload), int(count), log_ns) + int(count) - 1
    writer.wait_durable(seq)
    os.write(acks, b"a" + (0).to_bytes(4, "little") + seq.to_bytes(8, "little") + bytes(8))
"""

FAIL = """
import ctypes, json, os, sys
from streams.log import LogWriteError, SegmentWriter
shim = ctypes.CDLL(os.environ["LD_PRELOAD"])
def attempt(directory, nth, number):
    shim.shim_arm(nth, number)
    acknowledged, failed = 0, []
    writer = SegmentWriter(directory, "inputs", 3, segment_bytes=300, group_us=0)
    try:
        for n in range(12):
            last = writer.append((bytes([1, n]) + bytes(62)) * 2, 2, n) + 1
            if writer.wait_durable(last):
                acknowledged = last
        writer.close()
    except LogWriteError as error:
        failed.append([error.operation, error.errno, error.durable_seq, writer.durable_seq])
        calls = shim.shim_calls()
        for again in (lambda: writer.append(bytes(64), 1, 0), writer.close):
            try:
                again()
                failed.append("accepted")
            except LogWriteError as later:
                failed.append(later.operation)
        if shim.shim_calls() != calls:
            failed.append("tried again")
    return {"nth": nth, "errno": number, "acknowledged": acknowledged, "failed": failed}
results = []
for number in map(int, sys.argv[2:]):
    for nth in range(1, 1000):
        directory = f"{sys.argv[1]}/{number}-{nth}"
        os.mkdir(directory)
        results.append(attempt(directory, nth, number))
        if not results[-1]["failed"]:
            break
print(json.dumps(results))
"""


@pytest.fixture
def shim(write_path_shim: Path) -> Path:
    """Return the preloaded library that watches and fails calls."""
    return write_path_shim


def run_child(
    shim: Path, code: str, *arguments: str, directory: Path, trace: str = "", stdin: str = ""
) -> str:
    """Run Python code with the shim watching `directory`; its output."""
    environment = {**os.environ, "LD_PRELOAD": str(shim), "SHIM_DIR": str(directory)}
    if trace:
        environment["SHIM_TRACE"] = trace
    command = [sys.executable, "-c", code, *arguments]
    ran = subprocess.run(
        command, env=environment, input=stdin, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.promise(p=4)
def test_every_call_failed_once(shim: Path, tmp_path: Path) -> None:
    numbers = (errno.ENOSPC, errno.EIO)
    told = run_child(shim, FAIL, str(tmp_path), *map(str, numbers), directory=tmp_path)
    results = json.loads(told)
    operations = set()
    for result in results:
        report = recover(tmp_path / f"{result['errno']}-{result['nth']}", "inputs")
        assert report.last_seq >= result["acknowledged"]
        if not result["failed"]:
            assert result["acknowledged"] == report.last_seq == 24
            continue
        (operation, number, durable, published), *later = result["failed"]
        assert number == result["errno"]
        assert durable == published == result["acknowledged"]
        assert later == [operation, operation], "the writer must stay failed and try nothing"
        operations.add(operation)
    assert operations == {"open", "write", "fdatasync", "fsync"}
    failures = sum(bool(result["failed"]) for result in results)
    assert failures > 40
    print(f"calls failed={failures} acknowledged after failure=0 lost=0")


@dataclass
class File:
    """A file as a disk may hold it: what is synced for sure, what was only written."""

    content: bytearray = field(default_factory=bytearray)
    synced: int = 0
    named: bool = False

    def after_power_cut(self, dice: random.Random) -> bytes | None:
        """One of the contents that a power cut may leave, None when the name is lost."""
        if not self.named and dice.random() < 0.5:
            return None
        unsynced = len(self.content) - self.synced
        size = self.synced + dice.choice([0, unsynced, dice.randint(0, unsynced)])
        kept = bytearray(self.content[:size])
        lost = dice.choice([0.0, 0.3, 1.0])
        for start in range(self.synced // SECTOR * SECTOR, size, SECTOR):
            if dice.random() < lost:
                hole = slice(max(start, self.synced), min(start + SECTOR, size))
                kept[hole] = bytes(hole.stop - hole.start)
        return bytes(kept)


class Disk:
    """Replays a trace of the write path up to any call."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.acknowledged = 0

    def apply(self, kind: bytes, name: str, offset: int, data: bytes) -> None:
        """One entry of the trace."""
        if kind == b"a":
            self.acknowledged = offset
        elif kind == b"o":
            self.files[name] = File()
        elif kind == b"w":
            self.files[name].content[offset:] = data
        elif kind == b"s":
            self.files[name].synced = len(self.files[name].content)
        elif kind == b"d":
            for file in self.files.values():
                file.named = True

    def cut_power(self, directory: Path, dice: random.Random) -> None:
        """Leave in `directory` what a power cut now may leave."""
        for old in directory.iterdir():
            old.unlink()
        for name, file in self.files.items():
            left = file.after_power_cut(dice)
            if left is not None:
                (directory / Path(name).name).write_bytes(left)


def read_trace(trace: bytes) -> list[tuple[bytes, str, int, bytes]]:
    """Entries of a trace."""
    entries = []
    at = 0
    while at < len(trace):
        kind, name_size, offset, size = ENTRY.unpack_from(trace, at)
        start = at + ENTRY.size
        name = trace[start : start + name_size].decode()
        at = start + name_size + size
        entries.append((kind, name, offset, trace[start + name_size : at]))
    return entries


@pytest.mark.promise(p=2)
@pytest.mark.parametrize("stream", ["inputs", "outputs"])
def test_power_cut_at_every_call(
    stream: str, shim: Path, samples: Any, tmp_path: Path, full_size: bool, seed: int
) -> None:
    directory, trace, image = (tmp_path / name for name in ("log", "trace", "image"))
    directory.mkdir()
    image.mkdir()
    records = samples.of(stream, 90)
    groups = samples.split(records, 6)
    lines = "".join(f"{len(group)} {b''.join(group).hex()}\n" for group in groups)
    arguments = (str(directory), str(trace), stream, "6000")
    run_child(shim, WRITE, *arguments, directory=directory, trace=str(trace), stdin=lines)

    entries = read_trace(trace.read_bytes())
    assert {kind for kind, *_ in entries} == {b"a", b"o", b"w", b"s", b"d"}
    disk, dice, cuts, torn = Disk(), random.Random(7 + seed), 0, 0
    for entry in entries:
        disk.apply(*entry)
        for _ in range(200 if full_size else 4):
            disk.cut_power(image, dice)
            report = recover(image, stream)
            assert report.last_seq >= disk.acknowledged
            payload = b"".join(bytes(frame.payload) for frame in SegmentReader(image, stream))
            assert payload == b"".join(records[: report.last_seq])
            assert check(image, stream).torn is None
            cuts += 1
            torn += report.torn is not None
    assert disk.acknowledged == 90
    assert torn > cuts // 20
    print(f"power cuts={cuts} torn tails={torn} acknowledged lost=0")
