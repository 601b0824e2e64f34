"""Verification side by side, from a snapshot, stopped and continued, and down to one input."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aggregates import kernel
from aggregates.kernel import Engine
from schemas.errors import InputError, NotFoundError
from streams.cli.main import main
from streams.log.run import RunDirectory
from streams.replay import bisect, verify_shard
from streams.replay.interrupt import Interrupt, InterruptError
from streams.replay.replay import SLICE_RECORDS
from streams.replay.verdict import ShardVerdict
from streams.replay.verify import verify
from tests.streams.replay.dataset import make_run
from tests.streams.replay.reading import inputs_of, manifest_of
from tests.streams.replay.tamper import change_and_chain_again, change_manifest, copy_run

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def make(
    small_dataset: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Make]:
    """Yield a maker of runs that are stepped in small slices, so that snapshots are many."""

    def run(*settings: str) -> Path:
        out = tmp_path_factory.mktemp("kept") / "run"
        make_run(small_dataset, out, settings=settings)
        return out

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SLICE_RECORDS, "native", 200)
        yield run


@pytest.fixture(scope="module")
def kept(make: Make) -> Path:
    """Return a run of one shard with snapshots."""
    return make("run.snapshot_inputs=500")


@pytest.fixture(scope="module")
def wide(make: Make) -> Path:
    """Return a run of several shards with snapshots."""
    return make("run.shards=3", "run.snapshot_inputs=200")


def snapshot_seqs(run: Path) -> list[int]:
    """Positions of the snapshots of shard 0."""
    with RunDirectory.open(run) as opened:
        return [info.seq for info in opened.shard(0).snapshots().entries()]


def test_every_state_written_down_is_compared(kept: Path) -> None:
    verdict, found = verify(kept, "native", Interrupt())
    assert verdict.passed
    assert found["states"] == len(snapshot_seqs(kept)) + 1 > 3
    assert found["executed"] == found["inputs"] == manifest_of(kept)["inputs"]


def test_side_by_side_is_the_same(wide: Path) -> None:
    one, alone = verify(wide, "native", Interrupt(), jobs=1)
    other, beside = verify(wide, "native", Interrupt(), jobs=2)
    assert one.passed
    assert other.passed
    del alone["inputs_per_s"], beside["inputs_per_s"]
    assert alone == beside
    assert len(beside["shards"]) == 3
    assert beside["decision_hash"] == manifest_of(wide)["decision_hash"]


def test_damage_in_a_worker_comes_back_as_it_is(wide: Path, tmp_path: Path) -> None:
    run = copy_run(wide, tmp_path / "copy")
    path = next((run / "shard-001").glob("inputs-*.seg"))
    data = bytearray(path.read_bytes())
    data[80] ^= 1
    path.write_bytes(data)
    assert main(["verify", str(run), "--jobs", "2"]) == 1


@pytest.mark.parametrize("core", ["native", "reference"])
def test_from_a_snapshot(kept: Path, core: str) -> None:
    middle = snapshot_seqs(kept)[1]
    verdict, found = verify(kept, core, Interrupt(), from_seq=middle + 10)
    assert verdict.passed
    assert not verdict.is_whole
    assert found["executed"] == found["inputs"] - middle
    assert found["state_hash"] == manifest_of(kept)["state_hash"]
    with pytest.raises(NotFoundError, match="no snapshot at or before input 3"):
        verify(kept, core, Interrupt(), from_seq=3)


def test_a_wrong_snapshot_is_found(kept: Path, tmp_path: Path) -> None:
    """Whoever puts another state in a snapshot, properly sealed, does not get past the engine."""
    run = copy_run(kept, tmp_path / "copy")
    with RunDirectory.open(run, writable=True) as opened:
        store = opened.shard(0).snapshots()
        one, other = store.entries()[:2]
        state = bytearray(store.load(other.seq).state)
        state[-1] ^= 1
        store.put(*(other.seq, other.out_seq, other.log_ns), bytes(32), bytes(32), bytes(state))
    (run / "anchors.jsonl").unlink()
    verdict, found = verify(run, "native", Interrupt())
    assert not verdict.passed
    first = found["first_divergence"]
    assert first["what"] == f"state at input {other.seq} of shard 0 (snapshot)"
    assert first["state_agrees_until"] == one.seq
    assert first["cores"] == {"agree": True}


def test_a_changed_input_is_narrowed(kept: Path, tmp_path: Path) -> None:
    run = copy_run(kept, tmp_path / "copy")
    before, after = snapshot_seqs(kept)[1:3]
    quotes = [s for s, (kind, _) in enumerate(inputs_of(run), 1) if kind == 1 and s > before]

    def more(record: bytearray) -> None:
        struct.pack_into("<q", record, 48, struct.unpack_from("<q", record, 48)[0] + 1)

    change_and_chain_again(run, "inputs", quotes[5], more)
    verdict, found = verify(run, "native", Interrupt())
    assert not verdict.passed
    first = found["first_divergence"]
    assert first["state_agrees_until"] == before
    assert before < first["seq"] <= after
    assert first["cores"] == {"agree": True}
    assert first["input"]["log_ns"] > 0


class Bent:
    """A core with a planted bug: from one input on it believes another time."""

    def __init__(self, core: Any, seq: int) -> None:
        self.core, self.bent_seq = core, seq

    def __getattr__(self, name: str) -> Any:
        return getattr(self.core, name)

    def step(self, batch: Any, *limits: Any) -> tuple[int, bytes]:
        """Folds, and forgets every output of the bent input."""
        consumed, outputs = self.core.step(batch, *limits)
        return consumed, outputs

    def state_bytes(self) -> bytes:
        """The state, wrong from the bent input on."""
        state = bytearray(self.core.state_bytes())
        if self.core.seq >= self.bent_seq:
            state[-1] ^= 1
        return bytes(state)


@pytest.mark.parametrize("offset", [1, 57, 499])
def test_bisection_names_the_first_input_that_the_cores_fold_differently(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], offset: int
) -> None:
    seq = snapshot_seqs(kept)[1] + offset
    real = kernel.load

    def bent(core: str, shard: int = 0) -> Any:
        return Bent(real(core, shard), seq) if core == "reference" else real(core, shard)

    monkeypatch.setattr(kernel, "load", bent)
    verdict, found = verify(kept, "reference", Interrupt())
    assert not verdict.passed
    cores = found["first_divergence"]["cores"]
    assert cores["agree"] is False
    assert cores["seq"] == seq
    assert main(["verify", str(kept), "--core", "reference"]) == 1
    assert f"the cores part at input {seq:,}" in capsys.readouterr().out


def test_too_far_from_a_proven_state(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bisect, "LONGEST_SEARCH", 3)
    with RunDirectory.open(kept) as run:
        assert bisect.narrowed(run.shard(0), "native", 0, 9, None)["cores"] is None


class Stopped:
    """An interrupt that comes after a number of looks."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def check(self) -> None:
        """Raises when its time has come."""
        self.left -= 1
        if self.left == 0:
            raise InterruptError("interrupted")


@pytest.mark.parametrize("core", ["native", "reference"])
def test_a_stopped_verification_goes_on(kept: Path, tmp_path: Path, core: str) -> None:
    run = copy_run(kept, tmp_path / "copy")
    stopped: Any = Stopped(3)
    with pytest.raises(InterruptError):
        verify(run, core, stopped)
    assert (run / "verify").is_dir()
    verdict, found = verify(run, core, Interrupt())
    assert verdict.passed
    assert 0 < verdict.shards[0].resumed_at < found["inputs"]
    assert found["executed"] == found["inputs"] - verdict.shards[0].resumed_at
    for name in ("inputs", "state_hash", "decision_hash"):
        assert found[name] == manifest_of(run)[name]
    assert not (run / "verify").exists()


def test_a_stopped_verification_of_other_files_begins_again(kept: Path, tmp_path: Path) -> None:
    run = copy_run(kept, tmp_path / "copy")
    for change in ("manifest", "fresh", "damaged"):
        stopped: Any = Stopped(3)
        with pytest.raises(InterruptError):
            verify(run, "native", stopped, resume=False)
        if change == "manifest":
            change_manifest(run, note="changed")
        if change == "damaged":
            next((run / "verify").glob("*/found.json")).write_text("{")
        verdict, _ = verify(run, "native", Interrupt(), resume=change != "fresh")
        assert verdict.passed
        assert verdict.shards[0].resumed_at == 0


def test_progress_is_kept_by_time(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copy_run(kept, tmp_path / "copy")
    monkeypatch.setattr(verify_shard, "KEEP_EVERY_NS", -1)
    stored: list[int] = []
    store = verify_shard.Kept.store

    def noted(kept: verify_shard.Kept, verdict: ShardVerdict, engine: Engine) -> None:
        stored.append(engine.seq)
        store(kept, verdict, engine)

    monkeypatch.setattr(verify_shard.Kept, "store", noted)
    assert verify(run, "native", Interrupt())[0].passed
    assert len(stored) > 3


def test_a_folder_that_cannot_be_written_is_no_hindrance(kept: Path, tmp_path: Path) -> None:
    run = copy_run(kept, tmp_path / "copy")
    (run / "verify").write_text("in the way")
    stopped: Any = Stopped(3)
    with pytest.raises(InterruptError):
        verify(run, "native", stopped)
    assert verify(run, "native", Interrupt())[0].passed


def test_ctrl_c_stops_all_workers_and_the_next_one_goes_on(
    wide: Path, tmp_path: Path, root: Path
) -> None:
    run = copy_run(wide, tmp_path / "copy")
    command = [sys.executable, "-m", "streams.cli.main", "verify", str(run), "--jobs", "2"]
    process = subprocess.Popen(
        [*command, "--core", "reference", "--json"], cwd=root, stderr=subprocess.PIPE, text=True
    )
    time.sleep(1.2)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=180)
    assert process.returncode in (0, 130, -signal.SIGINT), error
    found = subprocess.run(
        [*command, "--core", "reference", "--json"], cwd=root, capture_output=True, check=True
    )
    assert json.loads(found.stdout)["mismatches"] == 0


def test_bad_use(kept: Path) -> None:
    assert main(["verify", str(kept), "--jobs", "0"]) == 2
    with pytest.raises(InputError, match="unknown core"):
        verify(kept, "other", Interrupt())
