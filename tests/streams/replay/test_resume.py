"""A run that was killed, however often, goes on to exactly what an undisturbed run is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import CorruptLogError, InputError
from streams.cli.main import main
from streams.log.run import RunDirectory
from streams.replay.interrupt import Interrupt, InterruptError
from streams.replay.replay import SLICE_RECORDS
from streams.replay.verify import verify
from tests.streams.replay.dataset import make_run, write_dataset
from tests.streams.replay.reading import manifest_of

KEYS = ("inputs", "outputs", "decisions", "children", "state_hash", "decision_hash")


def stream(run: Path, name: str, shard: int = 0) -> bytes:
    """All records of a stream."""
    with RunDirectory.open(run) as opened:
        return b"".join(bytes(frame.payload) for frame in opened.shard(shard).reader(name))


def same(one: Path, other: Path, shards: int = 1) -> bool:
    """Whether two runs hold the same records and came to the same."""
    is_same = [
        stream(one, name, shard) == stream(other, name, shard)
        for name in ("inputs", "outputs")
        for shard in range(shards)
    ]
    facts = [{key: manifest_of(run)[key] for key in KEYS} for run in (one, other)]
    return all(is_same) and facts[0] == facts[1]


class Stopped(Interrupt):
    """An interrupt that comes by itself after a number of looks."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.left = looks

    def check(self) -> None:
        """Raises when its time has come."""
        self.left -= 1
        if self.left == 0:
            raise InterruptError("interrupted")


@pytest.mark.parametrize("shards", [1, 3])
def test_an_interrupted_run_goes_on(
    small_dataset: tuple[Path, Path], tmp_path: Path, shards: int
) -> None:
    settings = (f"run.shards={shards}", "run.snapshot_inputs=300")
    arguments: dict[str, Any] = {"settings": settings, "resume": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SLICE_RECORDS, "native", 100)
        patient = Stopped(1 << 40)
        patch.setattr("tests.streams.replay.dataset.Interrupt", lambda: patient)
        make_run(small_dataset, tmp_path / "whole", settings=settings)
        whole = (1 << 40) - patient.left
        for looks in (whole // 3, whole // 2, whole * 3 // 4):
            patch.setattr("tests.streams.replay.dataset.Interrupt", lambda n=looks: Stopped(n))
            with pytest.raises(InterruptError):
                make_run(small_dataset, tmp_path / "run", **arguments)
    before = manifest_of(tmp_path / "run")["inputs"]
    result = make_run(small_dataset, tmp_path / "run", **arguments)
    assert 0 < before < result["inputs"]
    assert same(tmp_path / "whole", tmp_path / "run", shards)
    assert manifest_of(tmp_path / "run")["interrupted"] is False
    verdict, _ = verify(tmp_path / "run", "native", Interrupt())
    assert verdict.passed, verdict.first_divergence
    again = make_run(small_dataset, tmp_path / "run", **arguments)
    assert again["state_hash"] == result["state_hash"], "a complete run is left as it is"


def test_a_run_killed_before_its_manifest_is_begun_again(
    small_dataset: tuple[Path, Path], small_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "lock").write_bytes(b"12")
    make_run(small_dataset, out, resume=True)
    assert same(small_run, out)


@pytest.mark.parametrize("cut", ["inputs", "outputs"])
def test_a_run_without_its_end_goes_on(
    small_dataset: tuple[Path, Path], small_run: Path, tmp_path: Path, cut: str
) -> None:
    out = stopped_run(small_dataset, tmp_path)
    path = next((out / "shard-000").glob(f"{cut}-*.seg"))
    path.write_bytes(path.read_bytes()[:-3])
    (out / "shard-000" / "anchor.json").unlink()
    make_run(small_dataset, out, resume=True)
    assert same(small_run, out)


def stopped_run(dataset: tuple[Path, Path], tmp_path: Path) -> Path:
    """A run that was interrupted in its middle."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SLICE_RECORDS, "native", 100)
        patch.setattr("tests.streams.replay.dataset.Interrupt", lambda: Stopped(80))
        with pytest.raises(InterruptError):
            make_run(dataset, tmp_path / "run")
    return tmp_path / "run"


def test_other_arguments_are_refused(small_dataset: tuple[Path, Path], tmp_path: Path) -> None:
    out = stopped_run(small_dataset, tmp_path)
    with pytest.raises(InputError, match="begun with another seed"):
        make_run(small_dataset, out, resume=True, seed=8)
    with pytest.raises(InputError, match="begun with another config"):
        make_run(small_dataset, out, resume=True, settings=("quality.publish_s=7",))
    with pytest.raises(InputError, match="or --resume to go on"):
        make_run(small_dataset, out)


def test_a_log_of_something_else_is_refused(
    small_dataset: tuple[Path, Path], tmp_path: Path
) -> None:
    out = stopped_run(small_dataset, tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streams.replay.replay.RUN_STATE", ("complete", "interrupted", "seed"))
        with pytest.raises(CorruptLogError, match="does not come out as it was begun"):
            make_run(small_dataset, out, resume=True, seed=8)


def test_an_index_that_a_kill_left_half_made_is_made_again(
    small_dataset: tuple[Path, Path], small_run: Path, tmp_path: Path
) -> None:
    out = stopped_run(small_dataset, tmp_path)
    index = out / "shard-000" / "index"
    for path in index.glob("*"):
        if path.name.startswith(("CURRENT", "MANIFEST")):
            path.unlink()
    make_run(small_dataset, out, resume=True)
    assert same(small_run, out)


def test_the_command_goes_on(
    small_dataset: tuple[Path, Path], small_run: Path, tmp_path: Path
) -> None:
    out = stopped_run(small_dataset, tmp_path)
    dataset, data = map(str, small_dataset)
    arguments = ["replay", dataset, "--data", data, "--out", str(out), "--orders", "60"]
    assert main([*arguments, "--seed", "7", "--resume", "--force"]) == 2
    assert main([*arguments, "--seed", "7", "--resume", "--json"]) == 0
    assert same(small_run, out)


@pytest.mark.promise(p=1)
def test_sigkill_anywhere_changes_nothing(
    tmp_path: Path, write_path_shim: Path, root: Path, full_size: bool, seed: int
) -> None:
    dataset, data = write_dataset(tmp_path / "data", 6_000)
    config = ("run.snapshot_inputs=1000",)
    make_run((dataset, data), tmp_path / "whole", settings=config, orders=150)
    kills = 200 if full_size else 20
    terms = {
        "dataset": str(dataset),
        "data": str(data),
        "out": str(tmp_path / "run"),
        "orders": 150,
        "config": config,
        "kills": kills,
        "seed": 11 + seed,
        "slice": 300,
    }
    environment = {
        **os.environ,
        "LD_PRELOAD": str(write_path_shim),
        "SHIM_DIR": str(tmp_path),
        "PYTHONPATH": str(root),
    }
    ran = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("kill_driver.py")), json.dumps(terms)],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert sum(told["kills"].values()) == kills
    assert told["kills"]["inside a write"] >= kills // 5
    assert told["lost"] == 0
    assert told["furthest"] > 0
    for run in map(Path, told["runs"]):
        assert same(tmp_path / "whole", run)
    verdict, _ = verify(Path(told["runs"][-1]), "native", Interrupt())
    assert verdict.passed, verdict.first_divergence
    print(f"kills={told['kills']} runs={len(told['runs'])} lost=0 duplicated=0 differing=0")
