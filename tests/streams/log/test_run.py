"""A run's folder: made once, written by one process, replaced only when it is a run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import CorruptLogError, InputError, NotFoundError
from streams.log import RunDirectory


def test_a_run_remembers_its_manifest(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path / "run", {"seed": 7}) as run:
        run.update_manifest(state_hash="abc", seed=8)
    with RunDirectory.open(tmp_path / "run") as again:
        expected = {"format": "venuefold-run", "format_version": 1, "seed": 8, "state_hash": "abc"}
        assert again.manifest == expected
        assert again.shards() == []
        with pytest.raises(InputError, match="writable=True"):
            again.update_manifest(seed=9)


def test_an_existing_run_is_replaced_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with RunDirectory.create(path, {"n": 1}) as run:
        run.shard(2).open_writers()
        run.shard(2).inputs.append(bytes(64), 1, 0)
    with pytest.raises(InputError, match="--force"):
        RunDirectory.create(path, {"n": 2})
    with RunDirectory.open(path) as kept:
        assert (kept.manifest["n"], kept.shards()) == (1, [2])
    with RunDirectory.create(path, {"n": 2}, force=True) as fresh:
        assert (fresh.manifest["n"], fresh.shards()) == (2, [])


@pytest.mark.parametrize("force", [False, True])
def test_what_is_not_a_run_is_left_alone(force: bool, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    for path in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(InputError, match="left alone"):
            RunDirectory.create(path, {}, force=force)
    (tmp_path / "manifest.json").write_text('{"format": "something else"}')
    with pytest.raises(InputError, match="not the manifest of a run"):
        RunDirectory.create(tmp_path, {}, force=force)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("left", [("lock",), ("lock", "manifest.json.new")])
def test_a_run_killed_before_its_manifest_is_begun_again(
    left: tuple[str, ...], tmp_path: Path
) -> None:
    where = tmp_path / "run"
    where.mkdir()
    for name in left:
        (where / name).write_bytes(b"12")
    with RunDirectory.create(where, {"seed": 1}) as run:
        assert run.manifest["seed"] == 1


def test_opening_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no run here"):
        RunDirectory.open(tmp_path / "absent")
    with RunDirectory.create(tmp_path / "run", {}):
        pass
    with RunDirectory.open(tmp_path / "run") as run, pytest.raises(NotFoundError, match="shard 5"):
        run.shard(5)


def test_a_damaged_or_newer_manifest_is_named(tmp_path: Path) -> None:
    RunDirectory.create(tmp_path, {}).close()
    manifest = tmp_path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(InputError, match="format version 2"):
        RunDirectory.open(tmp_path)
    manifest.write_text("{")
    with pytest.raises(CorruptLogError, match="not a manifest"):
        RunDirectory.open(tmp_path)


OPEN = "import sys; from streams.log import RunDirectory; RunDirectory.open(sys.argv[1], {})"


def open_elsewhere(path: Path, writable: bool) -> str:
    """What another process says when it opens the run, empty when all is well."""
    command = [sys.executable, "-c", OPEN.format(f"writable={writable}"), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_one_writer_at_a_time_and_any_readers(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path, {}) as run:
        assert run.writable
        with pytest.raises(InputError, match="is writing to this run"):
            RunDirectory.open(tmp_path, writable=True)
        assert "is writing to this run" in open_elsewhere(tmp_path, writable=True)
        assert open_elsewhere(tmp_path, writable=False) == ""
        with pytest.raises(InputError, match="is writing to this run"):
            RunDirectory.create(tmp_path, {}, force=True)
    assert open_elsewhere(tmp_path, writable=True) == ""


def test_a_crash_while_replacing_leaves_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunDirectory.create(tmp_path, {"n": 1}) as run:
        run.shard().open_writers()

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", crash)
        with pytest.raises(KeyboardInterrupt):
            RunDirectory.create(tmp_path, {"n": 2}, force=True)
    with RunDirectory.create(tmp_path, {"n": 3}, force=True) as run:
        assert run.manifest["n"] == 3
