"""What the structure tests look at: every file that is or will be committed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOMS = ("streams", "aggregates", "projections", "schemas")


@pytest.fixture(scope="session")
def committed(root: Path) -> list[Path]:
    """Return all files that git tracks or would add, relative to the checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    return [Path(line) for line in listed.stdout.splitlines() if (root / line).is_file()]


@pytest.fixture(scope="session")
def room_files(committed: list[Path]) -> list[Path]:
    """Return the committed files of the four rooms."""
    return [path for path in committed if path.parts[0] in ROOMS]
