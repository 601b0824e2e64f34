"""Promise 15: after a kill, the first decision comes soon, and is the right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregates import kernel
from schemas.errors import CorruptLogError
from streams.cli.benchmarks import restart
from streams.log.run import RunDirectory
from streams.log.snapshots import SnapshotStore
from streams.replay.decision_hash import DecisionHash
from streams.replay.interrupt import Interrupt
from streams.replay.restore import restore
from streams.replay.verify import verify

BOUND_S = 5.0


@pytest.mark.promise(p=15)
def test_first_decision_after_a_kill(tmp_path: Path, full_size: bool) -> None:
    inputs, tries = (10_000_000, 40) if full_size else (300_000, 3)
    folder = tmp_path / "run"
    restart.build(folder, inputs, inputs // 12)
    found = [restart.measured(folder) for _ in range(tries)]
    worst = sorted(f["whole_s"] for f in found)[-1 if tries < 100 else -2]
    assert found[0]["tail"] > 0, "the log goes on behind its last snapshot"
    assert worst <= BOUND_S
    assert found[-1]["inputs"] == found[0]["inputs"] + tries - 1 > inputs
    decisions = decision_hashes(folder)
    assert [f["decision"] for f in found] == decisions[-tries:]
    verdict, _ = verify(folder, "native", Interrupt())
    assert verdict.passed, verdict.first_divergence
    print(f"inputs={inputs} restarts={tries} wrong=0 worst={worst:.2f} s bound={BOUND_S} s")


def decision_hashes(folder: Path) -> list[str]:
    """Hash of each decision when everything is executed from the start."""
    engine, found = kernel.load("native"), []
    with RunDirectory.open(folder) as run:
        for frame in run.shard().reader("inputs", verify_chain=False):
            _, outputs = engine.step(frame.payload)
            hashed = DecisionHash()
            hashed.add(outputs)
            if hashed.decisions:
                found.append(hashed.hexdigest())
    return found


def test_lost_outputs_are_appended_again(small_copy: Path) -> None:
    with RunDirectory.open(small_copy) as run:
        whole = [bytes(frame.payload) for frame in run.shard().reader("outputs")]
    for path in (small_copy / "shard-000").glob("outputs-*.seg"):
        path.unlink()
    (small_copy / "shard-000" / "anchor.json").unlink()
    with RunDirectory.open(small_copy, writable=True) as run:
        restored = restore(run.shard())
    assert restored.reappended == restored.engine.out_seq > 0
    with RunDirectory.open(small_copy) as run:
        again = [bytes(frame.payload) for frame in run.shard().reader("outputs")]
    assert b"".join(again) == b"".join(whole)


def test_a_snapshot_of_another_position_is_refused(small_copy: Path) -> None:
    with RunDirectory.open(small_copy, writable=True) as run:
        log = run.shard()
        store = SnapshotStore(log.directory / "snapshots")
        other = kernel.load("native")
        frame = next(iter(log.reader("inputs")))
        other.step(frame.payload)
        state = other.state_bytes()
        store.put(frame.last_seq // 2, 0, 0, bytes(32), bytes(32), state)
        with pytest.raises(CorruptLogError, match="holds the state at seq"):
            restore(log)
