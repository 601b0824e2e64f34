"""`sor log prune`: the log gets shorter, and still proves itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.log import RunDirectory, SegmentReader, SegmentWriter, chain_origin
from tests.streams.cli.conftest import Sor
from tests.streams.replay.dataset import make_run, write_dataset

SorJson = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run with several snapshots whose frames are segments of their own."""
    folder = tmp_path_factory.mktemp("long")
    dataset = write_dataset(folder, 9_000)
    make_run(dataset, folder / "run", core="reference", settings=("run.snapshot_inputs=1500",))
    for stream in ("inputs", "outputs"):
        split_segments(folder / "run" / "shard-000", stream)
    return folder / "run"


def split_segments(directory: Path, stream: str) -> None:
    """Stores each frame of a stream in a segment of its own."""
    frames = [(bytes(f.payload), f.count, f.last_log_ns) for f in SegmentReader(directory, stream)]
    for path in directory.glob(f"{stream}-*.seg"):
        path.unlink()
    writer = SegmentWriter(str(directory), stream, 0, segment_bytes=1)
    for payload, count, log_ns in frames:
        writer.wait_durable(writer.append(payload, count, log_ns) + count - 1)
    writer.close()


@pytest.fixture
def copy(long_run: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may prune."""
    return Path(shutil.copytree(long_run, tmp_path / "copy"))


def files(run: Path) -> dict[str, bytes]:
    """Segments by name."""
    return {path.name: path.read_bytes() for path in (run / "shard-000").glob("*.seg")}


def test_nothing_is_removed_without_yes(sor: Sor, copy: Path) -> None:
    before = files(copy)
    code, out, error = sor("log", "prune", copy, "--json")
    assert code == 2
    assert "--yes" in error
    planned = json.loads(out)
    assert planned["removed"] is False
    assert planned["shards"][0]["segments"]
    assert files(copy) == before


def test_a_pruned_run_checks_and_verifies(sor: Sor, sor_json: SorJson, copy: Path) -> None:
    before, whole = files(copy), sor_json("verify", copy)
    found = sor_json("log", "prune", copy, "--yes")["shards"][0]
    after = files(copy)
    assert found["snapshots_kept"] == 2
    assert found["snapshots_removed"] >= 1
    assert set(before) - set(after) == {Path(name).name for name in found["segments"]}
    assert all(after[name] == before[name] for name in after)
    with RunDirectory.open(copy) as run:
        snapshots = run.shard().snapshots().entries()
        start = run.shard().start()
    assert len(snapshots) == 2
    assert start is not None
    assert start.info == snapshots[0]
    checked = sor_json("log", "check", copy)
    assert checked["passed"]
    for core in ("native", "reference"):
        verified = sor_json("verify", copy, "--core", core)
        assert verified["mismatches"] == 0
        assert verified["state_hash"] == whole["state_hash"]
    assert sor("log", "prune", copy, "--yes")[0] == 0
    assert files(copy) == after
    assert sor_json("log", "index", copy)["outputs"] < whole["inputs"]


def test_a_cut_without_its_anchor_is_damage(sor: Sor, copy: Path) -> None:
    """Somebody deletes old segments by hand, or puts a forged chain before what is left."""
    first = min((copy / "shard-000").glob("inputs-*.seg"))
    first.unlink()
    code, _, error = sor("log", "check", copy)
    assert code == 1
    assert "no anchor says so" in error


def test_a_later_forgery_of_the_cut_is_seen(sor: Sor, copy: Path) -> None:
    assert sor("log", "prune", copy, "--yes")[0] == 0
    segment = min((copy / "shard-000").glob("inputs-*.seg"))
    seq = int(segment.stem.rpartition("-")[2])
    frames = list(SegmentReader(copy / "shard-000", "inputs"))
    for path in (copy / "shard-000").glob("inputs-*.seg"):
        path.unlink()
    forged = chain_origin("inputs", 7)
    writer = SegmentWriter(str(copy / "shard-000"), "inputs", 0, seq, forged, segment_bytes=1)
    for frame in frames:
        last = writer.append(frame.payload, frame.count, frame.last_log_ns) + frame.count - 1
        writer.wait_durable(last)
    writer.close()
    code, _, error = sor("log", "check", copy)
    assert code == 1
    assert "does not continue what was pruned" in error


def test_export_before_prune_keeps_everything(
    sor_json: SorJson, copy: Path, tmp_path: Path
) -> None:
    before = files(copy)
    sor_json("log", "prune", copy, "--yes", "--export", tmp_path / "kept")
    after, kept = files(copy), tmp_path / "kept" / "shard-000"
    moved = {path.name: path.read_bytes() for path in kept.glob("*.seg")}
    assert {**after, **moved} == before
    lines = (kept / f"inputs-{1:020d}.jsonl").read_text().splitlines()
    removed = [json.loads(line)["seq"] for line in lines]
    assert removed == list(range(1, len(removed) + 1))
    assert (
        min(int(name.rpartition("-")[2][:20]) for name in after if "inputs" in name)
        == len(removed) + 1
    )


@pytest.mark.parametrize(
    ("terms", "goes"),
    [
        (("--keep-snapshots", "2"), True),
        (("--keep-snapshots", "99"), False),
        (("--keep-days", "1"), False),
        (("--keep-days", "0"), True),
        (("--keep-bytes", "1"), True),
        (("--keep-bytes", "1000000000"), False),
    ],
)
def test_policies(sor: Sor, long_run: Path, terms: tuple[str, ...], goes: bool) -> None:
    code, out, error = sor("log", "prune", long_run, *terms, "--json")
    assert code == (2 if goes else 0), error
    assert bool(json.loads(out)["shards"][0]["segments"]) == goes


def test_the_newest_two_snapshots_always_stay(sor: Sor, long_run: Path) -> None:
    code, _, error = sor("log", "prune", long_run, "--keep-snapshots", "1", "--yes")
    assert code == 2
    assert "at least 2" in error


def test_a_damaged_log_is_not_pruned(sor: Sor, copy: Path) -> None:
    path = min((copy / "shard-000").glob("inputs-*.seg"))
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.write_bytes(data)
    left = set(files(copy))
    code, _, error = sor("log", "prune", copy, "--yes")
    assert code == 1
    assert path.name in error
    assert set(files(copy)) == left


@pytest.mark.parametrize("done", [0, 1, 2, 3])
def test_a_crash_while_pruning_leaves_a_longer_log(
    sor: Sor, sor_json: SorJson, copy: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    """After `done` segments the process dies; the log proves itself, and pruning goes on later."""
    removed: list[Path] = []
    unlink = Path.unlink

    def dying(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".seg":
            if len(removed) == done:
                raise OSError(5, "died", str(path))
            removed.append(path)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", dying)
    assert sor("log", "prune", copy, "--yes")[0] == 1
    monkeypatch.undo()
    assert len(removed) == done
    assert sor_json("log", "check", copy)["passed"]
    assert sor_json("verify", copy)["mismatches"] == 0
    assert sor("log", "prune", copy, "--yes")[0] == 0
    assert sor_json("log", "check", copy)["passed"]
    assert sor_json("verify", copy)["mismatches"] == 0


def test_names_survive_two_prunes(sor: Sor, sor_json: SorJson, copy: Path) -> None:
    last = sor_json("decisions", copy, "--limit", 1)["decisions"][0]["out_seq"]
    before = sor_json("explain", copy, last)
    for _ in range(2):
        assert sor("log", "prune", copy, "--yes")[0] in (0, 2)
    after = sor_json("explain", copy, last)
    for name in ("instrument", "venues", "policy", "engine"):
        assert after[name] == before[name], name
    assert "IBM" in sor("quality", copy)[1] or "BAC" in sor("quality", copy)[1]


@pytest.mark.promise(p=3)
def test_one_byte_of_the_kept_reference_is_named(sor: Sor, copy: Path) -> None:
    assert sor("log", "prune", copy, "--yes")[0] == 0
    path = copy / "shard-000" / "reference.bin"
    data = path.read_bytes()
    for at in range(0, len(data), max(1, len(data) // 40)):
        spoiled = bytearray(data)
        spoiled[at] ^= 0x10
        path.write_bytes(spoiled)
        code, _, error = sor("log", "check", copy)
        assert code == 1
        assert "reference.bin" in error
