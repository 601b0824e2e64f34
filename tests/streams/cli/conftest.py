"""The command in-process, over a small dataset and a run of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.cli.main import main
from tests.streams.replay.dataset import make_run, write_dataset

Sor = Callable[..., tuple[int, str, str]]
"""Arguments -> (exit code, stdout, stderr)."""


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return (dataset TOML, data folder)."""
    return write_dataset(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def run(dataset: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run that nobody writes to."""
    out = tmp_path_factory.mktemp("runs") / "run"
    make_run(dataset, out)
    return out


@pytest.fixture
def sor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Sor:
    """Return a function that runs the command and gives (exit code, stdout, stderr)."""
    monkeypatch.setenv("COLUMNS", "160")

    def execute(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return execute


@pytest.fixture
def sor_json(sor: Sor) -> Callable[..., dict[str, Any]]:
    """Return a function that runs the command with --json and gives the object."""

    def execute(*arguments: object) -> dict[str, Any]:
        code, out, err = sor(*arguments, "--json")
        assert code == 0, err
        found: dict[str, Any] = json.loads(out)
        return found

    return execute
