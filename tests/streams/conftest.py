"""What tests of the world around the engine share."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def write_path_shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the library that, preloaded, watches calls of the write path, fails or kills them."""
    built = tmp_path_factory.mktemp("shim") / "shim.so"
    source = Path(__file__).parent / "log" / "write_path_shim.c"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-Wno-nonnull-compare"]
    subprocess.run(["cc", *flags, str(source), "-o", str(built), "-ldl"], check=True)
    return built
