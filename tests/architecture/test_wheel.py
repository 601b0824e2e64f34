"""The wheel holds the four rooms with their native modules and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOMS = {"streams", "aggregates", "projections", "schemas"}
DIST_INFO = "venuefold-0.1.0.dev0.dist-info"


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Build the wheel in the build folder of the editable install: nothing is compiled again."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(root)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    subprocess.run(command, check=True, env=environment)
    (path,) = folder.glob("*.whl")
    return ZipFile(path)


@pytest.mark.slow
def test_top_level_names_are_the_rooms(wheel: ZipFile) -> None:
    assert {name.split("/")[0] for name in wheel.namelist()} == {*ROOMS, DIST_INFO}


@pytest.mark.slow
def test_every_native_module_and_no_native_source_is_inside(wheel: ZipFile, root: Path) -> None:
    names = wheel.namelist()
    assert [name for name in names if "/core/" in name or name.endswith((".cpp", ".hpp"))] == []
    stubs = {
        name.removesuffix(".pyi")
        for name in names
        if Path(name).name.startswith("_") and name.endswith(".pyi")
    }
    assert {name.split(".")[0] for name in names if name.endswith(".so")} == stubs


@pytest.mark.slow
def test_every_room_is_typed_and_whole(wheel: ZipFile, committed: list[Path]) -> None:
    names = set(wheel.namelist())
    assert {f"{room}/py.typed" for room in ROOMS} <= names
    sources = {str(p) for p in committed if p.parts[0] in ROOMS and p.suffix in {".py", ".pyi"}}
    assert sources <= names


@pytest.mark.slow
def test_the_command_and_the_licence_are_inside(wheel: ZipFile) -> None:
    entry_points = wheel.read(f"{DIST_INFO}/entry_points.txt").decode()
    assert "sor = streams.cli.main:main" in entry_points
    assert "Apache License" in wheel.read(f"{DIST_INFO}/licenses/LICENSE").decode()
    assert "Private :: Do Not Upload" in wheel.read(f"{DIST_INFO}/METADATA").decode()
