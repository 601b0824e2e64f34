"""Promise 1: what was acknowledged survives SIGKILL at any moment."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.log import SegmentReader, check, recover

pytestmark = pytest.mark.promise(p=1)

CHILD = """
import hashlib, os, sys
from streams.log import SegmentWriter, recover
directory, segment_bytes = sys.argv[1], int(sys.argv[2])
report = recover(directory, "inputs")
writer = SegmentWriter(
    directory, "inputs", 0, report.last_seq + 1, report.chain_head,
    segment_bytes=segment_bytes, group_us=100,
)
seq = report.last_seq
for _ in range(1_000_000):
    batch = b"".join(
        b"\\1" + hashlib.sha512(n.to_bytes(8, "big")).digest()[1:] for n in range(seq + 1, seq + 21)
    )
    seq = writer.append(batch, 20, seq) + 19
    if seq % 60 == 0 and writer.wait_durable(seq):
        os.write(1, seq.to_bytes(8, "little"))
"""


def kill_once(directory: Path, delay_s: float) -> int:
    """Run the child, kill it `delay_s` after its first acknowledgement; the last one it gave."""
    command = [sys.executable, "-c", CHILD, str(directory), "200000"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    first = os.read(child.stdout.fileno(), 8)
    time.sleep(delay_s)
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read()
    child.stdout.close()
    child.wait()
    acknowledged = first + rest
    return int.from_bytes(acknowledged[len(acknowledged) // 8 * 8 - 8 :][:8], "little")


def record(seq: int) -> bytes:
    """The record that the child writes at `seq`."""
    return b"\1" + hashlib.sha512(seq.to_bytes(8, "big")).digest()[1:]


def test_acknowledged_inputs_survive_sigkill(tmp_path: Path, full_size: bool, seed: int) -> None:
    dice = random.Random(1 + seed)
    kills = 200 if full_size else 20
    for _ in range(kills):
        acknowledged = kill_once(tmp_path, dice.uniform(0, 0.05))
        report = recover(tmp_path, "inputs")
        assert report.last_seq >= acknowledged > 0
    assert check(tmp_path, "inputs").last_seq == report.last_seq
    payload = b"".join(bytes(frame.payload) for frame in SegmentReader(tmp_path, "inputs"))
    assert payload == b"".join(map(record, range(1, report.last_seq + 1)))
    print(f"kills={kills} records={report.last_seq} lost=0 duplicated=0 differing=0")
