"""`sor log` on a run and on damaged copies of it."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.wire import to_dict
from tests.streams.cli.conftest import Sor
from tests.streams.replay.dataset import make_run, write_dataset
from tests.streams.replay.reading import inputs_of, manifest_of, outputs_of

SorJson = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def kept_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run with snapshots that nobody writes to; this core takes small steps."""
    folder = tmp_path_factory.mktemp("kept")
    dataset = write_dataset(folder, 7_000)
    make_run(dataset, folder / "run", core="reference", settings=("run.snapshot_inputs=1500",))
    return folder / "run"


@pytest.fixture
def copy(kept_run: Path, tmp_path: Path) -> Path:
    """Return a copy of the run that a test may spoil."""
    return Path(shutil.copytree(kept_run, tmp_path / "copy"))


def test_info_counts_what_is_there(sor: Sor, sor_json: SorJson, kept_run: Path) -> None:
    facts = sor_json("log", "info", kept_run)
    manifest = manifest_of(kept_run)
    streams = facts["shards"][0]["streams"]
    assert streams["inputs"]["records"] == streams["inputs"]["last_seq"] == manifest["inputs"]
    assert streams["outputs"]["records"] == manifest["outputs"]
    assert facts["ticks"] == manifest["ticks"]
    files = list((kept_run / "shard-000").glob("*.seg"))
    assert facts["file_bytes"] == sum(file.stat().st_size for file in files)
    assert facts["gb_per_day"] == pytest.approx(
        facts["file_bytes"] / 1e9 * 86_400 / facts["span_s"], rel=1e-3, abs=1e-3
    )
    shard = facts["shards"][0]
    assert len(shard["snapshots"]) >= 3
    assert shard["anchors"] == len(shard["snapshots"]) + 1
    assert shard["durability"] == {"inputs": "group", "outputs": "none"}
    code, out, _ = sor("log", "info", kept_run)
    assert code == 0
    assert "GB a day" in out


def test_check_passes_an_untouched_run(sor_json: SorJson, kept_run: Path) -> None:
    found = sor_json("log", "check", kept_run)
    manifest = manifest_of(kept_run)
    assert found["passed"]
    assert found["findings"] == []
    assert found["records"] == manifest["inputs"] + manifest["outputs"]
    assert found["snapshots"] + 1 == found["anchors"]


def spoiled(path: Path, at: int, generator: random.Random) -> None:
    """Changes one byte of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= generator.randrange(1, 256)
    path.write_bytes(data)


@pytest.mark.promise(p=3)
def test_one_byte_anywhere_is_named(
    sor: Sor, kept_run: Path, copy: Path, full_size: bool, seed: int
) -> None:
    generator = random.Random(11 + seed)
    names = ["manifest.json", "anchors.jsonl", "shard-000/anchor.json"]
    names += [str(p.relative_to(copy)) for p in sorted(copy.glob("shard-000/*.seg"))]
    names += [str(p.relative_to(copy)) for p in sorted(copy.glob("shard-000/snapshots/*"))[:3]]
    for name in names:
        path = copy / name
        data = path.read_bytes()
        for _ in range(300 if full_size else 8):
            at = generator.randrange(len(data))
            spoiled(path, at, generator)
            code, out, error = sor("log", "check", copy, "--json")
            assert code == 1, f"byte {at} of {name} changed and nobody noticed"
            assert "Traceback" not in error
            assert out, f"byte {at} of {name}: {error}"
            findings = json.loads(out)["findings"]
            places = [f["offset"] for f in findings if f["file"] == str(path)]
            assert places, f"byte {at} of {name}: {findings}"
            assert min(places) <= at
            path.write_bytes(data)
    assert sor("log", "check", copy)[0] == 0


def test_a_removed_anchor_is_noticed(sor: Sor, copy: Path) -> None:
    path = copy / "anchors.jsonl"
    first, second, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, *rest]))
    code, _, error = sor("log", "check", copy)
    assert code == 1
    assert "anchors.jsonl" in error
    for kept in ([first, second, *rest][:-1], []):
        path.write_bytes(b"".join(kept))
        assert "is missing at the end" in sor("log", "check", copy)[2]
    path.write_bytes(b"".join([first, second, *rest]))
    (copy / "shard-000" / "anchor.json").unlink()
    assert sor("log", "check", copy)[0] == 1


def test_index_is_built_again(sor: Sor, sor_json: SorJson, copy: Path) -> None:
    for file in (copy / "shard-000" / "index").glob("*"):
        file.write_bytes(b"\xff" * 64)
    found = sor_json("log", "index", copy)
    assert found["outputs"] == manifest_of(copy)["outputs"]
    assert sor("explain", copy, "1")[0] in (0, 3)
    decision = next(e.out_seq for e in outputs_of(copy) if hasattr(e, "candidates"))
    assert sor("explain", copy, str(decision))[0] == 0


def test_export_as_lines(sor: Sor, kept_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert sor("log", "export", kept_run, "--out", out)[0] == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert rows == [json.loads(json.dumps(to_dict(event))) for event in outputs_of(kept_run)]
    code, _, error = sor("log", "export", kept_run, "--out", out)
    assert code == 2
    assert "-f" in error
    assert sor("log", "export", kept_run, "--out", out, "--stream", "inputs", "-f")[0] == 0
    lines = out.read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert len(lines) == len(inputs_of(kept_run))


def test_export_as_parquet(sor_json: SorJson, kept_run: Path, tmp_path: Path) -> None:
    found = sor_json("log", "export", kept_run, "--out", tmp_path / "p", "--format", "parquet")
    decisions = [e for e in outputs_of(kept_run) if hasattr(e, "candidates")]
    table = pl.read_parquet(tmp_path / "p" / "decision-00000.parquet")
    assert table["out_seq"].to_list() == [event.out_seq for event in decisions]
    assert sum(len(pl.read_parquet(file)) for file in found["files"]) == len(outputs_of(kept_run))
    own = tmp_path / "p" / "mine-1.parquet"
    own.write_bytes(b"mine")
    (tmp_path / "p" / "child-00009.parquet").write_bytes(b"stale")
    asked = ("--format", "parquet", "--stream", "inputs", "-f")
    again = sor_json("log", "export", kept_run, "--out", tmp_path / "p", *asked)
    assert sum(len(pl.read_parquet(file)) for file in again["files"]) == len(inputs_of(kept_run))
    left = set(map(str, (tmp_path / "p").iterdir()))
    assert left == {*again["files"], str(own)}


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("info", "absent"), 3, "no run here"),
        (("check", "absent"), 3, "no run here"),
        (("export", "RUN", "--out", "x", "--format", "csv"), 2, "jsonl or parquet"),
        (("export", "RUN", "--out", "x", "--stream", "both"), 2, "inputs or outputs"),
        (("check", "RUN", "--key", "absent.pem"), 3, "no key file"),
    ],
)
def test_bad_use_is_one_line(
    sor: Sor, kept_run: Path, arguments: tuple[str, ...], code: int, word: str
) -> None:
    given = [str(kept_run) if argument == "RUN" else argument for argument in arguments]
    found, out, error = sor("log", *given)
    assert (found, out) == (code, "")
    assert word in error
    assert error.count("\n") == 1
