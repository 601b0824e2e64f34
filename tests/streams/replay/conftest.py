"""One small dataset and one run of it for the whole folder; nobody writes to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.streams.replay.dataset import make_run, write_dataset
from tests.streams.replay.tamper import copy_run


@pytest.fixture(scope="session")
def small_dataset(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return (dataset TOML, data folder)."""
    return write_dataset(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def small_run(small_dataset: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run by the native core."""
    out = tmp_path_factory.mktemp("runs") / "native"
    make_run(small_dataset, out)
    return out


@pytest.fixture
def small_copy(small_run: Path, tmp_path: Path) -> Path:
    """Return a copy of the small run."""
    return copy_run(small_run, tmp_path / "copy")
