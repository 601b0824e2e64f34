"""Snapshots by a second engine are those that the first one would have taken."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aggregates import kernel
from schemas.errors import CorruptLogError
from streams.cli.main import main
from streams.log.run import RunDirectory
from streams.log.shard_log import ShardLog
from streams.replay.follower import Follower, each
from streams.replay.interrupt import Interrupt
from streams.replay.restore import restore
from streams.replay.verify import verify
from tests.streams.replay.tamper import change_and_chain_again


def batches(run: Path, size: int) -> list[tuple[bytes, bytes, int, int]]:
    """(inputs, outputs, seq, out_seq) of a run, stepped again in batches of `size` records."""
    engine, found = kernel.load("native"), []
    with RunDirectory.open(run) as opened:
        payload = b"".join(bytes(f.payload) for f in opened.shard().reader("inputs"))
    while payload:
        consumed, outputs = engine.step(payload[: size * 64])
        found.append((payload[:consumed], outputs, engine.seq, engine.out_seq))
        payload = payload[consumed:]
    return found


def append(log: ShardLog, batch: tuple[bytes, bytes, int, int], is_late: bool) -> None:
    """Logs a batch as a frame, its outputs at once or not at all."""
    inputs, outputs, seq, out_seq = batch
    log.inputs.append(inputs, seq - log.inputs.next_seq + 1, seq)
    log.inputs.wait_durable(seq)
    if outputs and not is_late:
        log.outputs.append(outputs, out_seq - log.outputs.next_seq + 1, seq)
        log.outputs.wait_durable(out_seq)


def test_it_follows_a_growing_log(small_run: Path, tmp_path: Path) -> None:
    made = batches(small_run, 100)
    versions = RunDirectory.open(small_run).manifest["versions"]
    with RunDirectory.create(tmp_path / "run", {"versions": versions}) as writing:
        writing.shard().open_writers()
        with RunDirectory.open(tmp_path / "run") as reading:
            follower = Follower(reading, 0, each(500))
            for n, batch in enumerate(made, 1):
                append(writing.shard(), batch, is_late=False)
                follower.advance()
                assert follower.engine.seq == (made[n - 2][2] if n > 1 else 0), "one frame behind"
            assert follower.snapshots >= 3
            taken = follower.store.entries()
    states = {seq for *_, seq, _ in made}
    for info in taken:
        assert info.seq in states
    with RunDirectory.open(tmp_path / "run", writable=True) as run:
        restored = restore(run.shard())
        assert restored.engine.seq == made[-1][2]
        assert 0 < restored.tail < made[-1][2] // 2
    verdict, found = verify(tmp_path / "run", "native", Interrupt())
    assert verdict.passed, verdict.first_divergence
    assert found["states"] == follower.snapshots
    assert main(["log", "check", str(tmp_path / "run")]) == 0


def test_it_waits_for_outputs(small_run: Path, tmp_path: Path) -> None:
    made = batches(small_run, 400)
    versions = RunDirectory.open(small_run).manifest["versions"]
    with RunDirectory.create(tmp_path / "run", {"versions": versions}) as writing:
        writing.shard().open_writers()
        with RunDirectory.open(tmp_path / "run") as reading:
            follower = Follower(reading, 0, each(1))
            for batch in made[:3]:
                append(writing.shard(), batch, is_late=True)
            follower.advance()
            assert follower.snapshots == 0
            late = b"".join(outputs for _, outputs, *_ in made[:3])
            log = writing.shard()
            log.outputs.append(late, made[2][3], 1)
            log.outputs.wait_durable(made[2][3])
            for batch in made[3:5]:
                append(log, batch, is_late=False)
            follower.advance()
            assert follower.snapshots >= 1


def test_once_goes_to_the_end(small_copy: Path) -> None:
    assert main(["log", "follow", str(small_copy), "--once", "--every", "100000"]) == 0
    with RunDirectory.open(small_copy) as run:
        (info,) = run.shard().snapshots().entries()
        assert info.seq == run.manifest["inputs"]
        assert info.state_hash.hex() == run.manifest["state_hash"]
    assert main(["log", "check", str(small_copy)]) == 0
    assert main(["log", "follow", str(small_copy), "--once"]) == 0, "and again from there"
    assert main(["log", "follow", str(small_copy), "--every", "0"]) == 2


def test_another_output_stops_it(small_copy: Path) -> None:
    change_and_chain_again(small_copy, "outputs", 40, lambda r: r.__setitem__(-1, r[-1] ^ 1))
    with RunDirectory.open(small_copy) as run, pytest.raises(CorruptLogError, match="sor verify"):
        Follower(run, 0, each(10)).advance(to_end=True)


def test_ctrl_c_ends_it(small_copy: Path, root: Path) -> None:
    command = [sys.executable, "-m", "streams.cli.main", "log", "follow", str(small_copy)]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=180)
    assert process.returncode in (0, 130, -2)
    assert "Followed" in out or process.returncode != 0
