"""Imports point one way; the check itself is seen to bite."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOMS = ("streams", "aggregates", "projections", "schemas")
INNER = ("config", "evaluation", "log", "replay", "simulator", "sources", "whatif")


def lint_imports(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the layer contracts of pyproject.toml over the rooms in a folder.

    Without `site` (-S) no path file is read, so the installed rooms cannot stand in front.
    """
    lint = "from importlinter.cli import lint_imports_command as lint; lint()"
    config = str(root / "pyproject.toml")
    command = [sys.executable, "-S", "-c", lint, "--config", config, "--no-cache"]
    paths = [str(folder), sysconfig.get_path("purelib")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    """Return a folder with empty rooms, all that a contract names."""
    for room in (*ROOMS, *(f"streams/{inner}" for inner in INNER)):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    (tmp_path / "streams/evaluation/truth.py").touch()
    return tmp_path


def test_empty_rooms_keep_the_layers(root: Path, rooms: Path) -> None:
    result = lint_imports(root, rooms)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("aggregates", "import streams"),
        ("aggregates", "import projections"),
        ("projections", "import aggregates"),
        ("schemas", "import aggregates"),
        ("aggregates", "import rocksdict"),
        ("streams/simulator", "import streams.evaluation.truth"),
    ],
)
def test_a_wrong_import_is_refused(root: Path, rooms: Path, room: str, line: str) -> None:
    (rooms / room / "planted.py").write_text(f"{line}\n")
    result = lint_imports(root, rooms)
    assert result.returncode == 1
    assert "BROKEN" in result.stdout
