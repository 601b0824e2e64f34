"""Native decoders under hostile bytes, built with sanitizers of addresses and undefined things."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aggregates import kernel
from tests.aggregates.generator import random_inputs

QUICK = {"records": 60_000, "state": 300, "codec": 20_000, "frames": 5_000}
FULL = {"records": 100_000_000, "state": 200_000, "codec": 20_000_000, "frames": 5_000_000}


@pytest.fixture(scope="module")
def fuzz(root: Path) -> Path:
    """Return the program, built by the preset; CMake comes with the build's own packages."""
    cmake = shutil.which("cmake", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert cmake is not None, "cmake is among the locked build packages: run make setup"
    native = root / "deploy" / "native"
    for words in (
        ["--preset", "sanitize", f"-DPython_EXECUTABLE={sys.executable}"],
        ["--build", "--preset", "sanitize"],
    ):
        done = subprocess.run(
            [cmake, *words], cwd=native, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return root / "build" / "sanitize" / "fuzz" / "venuefold-fuzz"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of plausible input records, garbage among them."""
    path = tmp_path_factory.mktemp("fuzz") / "corpus"
    path.write_bytes(random_inputs(13, 4_000))
    return path


@pytest.mark.promise(p=13)
@pytest.mark.slow
@pytest.mark.parametrize("target", list(QUICK))
def test_hostile_bytes_are_harmless(fuzz: Path, corpus: Path, target: str, full_size: bool) -> None:
    count = (FULL if full_size else QUICK)[target]
    done = run(fuzz, target, corpus, seed=13, count=count)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) >= count
    print(f"P13 {target}: {int(done.stdout):,} inputs, seed 13, crashes 0")


@pytest.mark.slow
def test_a_decoder_that_lies_is_found(fuzz: Path, corpus: Path) -> None:
    """A corpus that is no records: the codec has nothing to give back, the engine must not fall."""
    corpus.with_name("noise").write_bytes(bytes(range(256)) * 64)
    done = run(fuzz, "records", corpus.with_name("noise"), seed=1, count=5_000)
    assert done.returncode == 0, done.stderr[-3000:]
    assert run(fuzz, "nothing", corpus, seed=1, count=1).returncode == 3


def run(
    fuzz: Path, target: str, corpus: Path, *, seed: int, count: int
) -> subprocess.CompletedProcess[str]:
    words = [str(fuzz), target, str(corpus), kernel.GENERATION.hex(), str(seed), str(count)]
    environment = {**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1"}
    return subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
