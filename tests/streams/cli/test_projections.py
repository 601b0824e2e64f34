"""`sor projections` and `sor reference` as people type them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streams.bulk import QUALITY_OUTPUTS, ROWS
from streams.cli.main import main

VENUES = '[[venue]]\nkey = "XNAS"\nname = "Nasdaq"\nmic = "XNAS"\n'


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_fill_rebuild_run_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(tmp_path / "run")
    filled = told(capsys, "projections", "fill", run, "--decisions", "200")
    assert filled["rows"] == 200 * ROWS
    rebuilt = told(capsys, "projections", "rebuild", run)
    assert rebuilt["outputs"] == QUALITY_OUTPUTS + 200 * 8
    followed = told(capsys, "projections", "run", run, "--once")
    assert followed["outputs"] == 0
    status = told(capsys, "projections", "status", run)
    last = QUALITY_OUTPUTS + 1600
    assert status["shards"] == [{"shard": 0, "projected": last, "written": last, "lag": 0}]
    assert main(["projections", "status", run]) == 0
    assert "generation: 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["projections", "fill", "x", "--decisions", "0"],
        ["projections", "run", "x", "--history-s", "0"],
        ["projections", "run", "x", "--store", "mysql://x"],
        ["reference", "show", "venue"],
        ["reference", "suspend", "--all", "--reason", "x"],
        ["reference", "propose", "venue", "X", "--reason", "x"],
        ["reference", "load", "nowhere.toml"],
    ],
)
def test_bad_use_is_one_line(
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) in {2, 3}
    assert capsys.readouterr().err.startswith("sor: ")


def test_reference_data_from_file_to_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "venues.toml"
    file.write_text(VENUES)
    store = ["--store", f"sqlite:///{tmp_path / 'reference.db'}"]
    ann = [*store, "--actor", "ann", "--reason", "new"]
    bob = [*store, "--actor", "bob", "--reason", "seen"]
    load = ["reference", "load", str(file), *ann]
    assert main(load) == 2  # off a terminal, --yes is needed
    assert "add --yes" in capsys.readouterr().err
    assert told(capsys, *load, "--yes")["proposed"] == ["XNAS"]
    assert told(capsys, *load, "--yes") == {
        "new": 0,
        "changed": 0,
        "same": 1,
        "retired": 0,
        "proposed": [],
    }
    assert main(["reference", "approve", "venue", "XNAS", *ann]) == 2
    assert "a second person approves" in capsys.readouterr().err
    assert main(["reference", "approve", "--all", *bob]) == 0
    assert "activation, approved by bob" in capsys.readouterr().out
    (item,) = told(capsys, "reference", "activate", "--all", *bob)["items"]
    assert (item["state"], item["live"]["mic"]) == ("active", "XNAS")
    file.write_text(VENUES.replace('"Nasdaq"', '"Nasdaq Stock Market"'))
    assert main([*load, "--yes"]) == 0
    assert "Nasdaq Stock Market" in capsys.readouterr().out
    stale = ["reference", "suspend", "venue", "XNAS", "--version", "3", *bob]
    assert main(stale) == 2
    assert "look again" in capsys.readouterr().err
    assert main(["reference", "show", "venue", "XNAS", *store]) == 0
    shown = capsys.readouterr().out
    assert "amended" in shown
    (listed,) = told(capsys, "reference", "list", *store)["items"]
    assert listed["pending"]["name"] == "Nasdaq Stock Market"
    proposed = ["reference", "propose", "venue", "XNAS", "--file", str(file), *ann]
    assert told(capsys, *proposed)["items"] == []
    history = told(capsys, "reference", "show", "venue", "XNAS", *store)["history"]
    assert [event["actor"] for event in history] == ["ann", "bob", "bob", "ann"]
