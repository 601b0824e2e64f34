"""Ctrl-C, a full disk and a kill: what was written stays readable and verifies."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.replay.interrupt import Interrupt, InterruptError
from streams.replay.verify import verify
from tests.streams.replay.dataset import write_dataset
from tests.streams.replay.reading import manifest_of

Process = subprocess.Popen[str]
ROOT = Path(__file__).resolve().parents[3]
FILE_LIMIT = 400_000
"""No file of the process may grow beyond this, as on a disk that is full."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a dataset that takes the reference core some seconds."""
    return write_dataset(tmp_path_factory.mktemp("large"), 60_000)


def start(dataset: tuple[Path, Path], out: Path, core: str) -> Process:
    """Return the started command."""
    arguments = ["replay", str(dataset[0]), "--data", str(dataset[1]), "--out", str(out)]
    command = [sys.executable, "-m", "streams.cli.main", *arguments, "--core", core]
    return subprocess.Popen(
        [*command, "--orders", "300"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_records(out: Path, least_bytes: int = 200_000) -> None:
    """Wait until the run has so many bytes of inputs."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        sizes = [path.stat().st_size for path in out.glob("shard-000/inputs-*.seg")]
        if sum(sizes) > least_bytes:
            return
        time.sleep(0.02)
    pytest.fail("the run never began")


def test_ctrl_c_leaves_a_run_that_verifies(large: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(large, out, "reference")
    wait_for_records(out)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=180)
    assert process.returncode == 130, error
    assert error.startswith("sor: interrupted")
    assert error.count("\n") == 1
    manifest = manifest_of(out)
    assert manifest["interrupted"] is True
    assert manifest["complete"] is False
    assert 0 < manifest["inputs"] < 60_000
    verdict, found = verify(out, "native", Interrupt())
    assert verdict.passed, verdict.first_divergence
    assert found["inputs"] == manifest["inputs"]
    assert found["state_hash"] == manifest["state_hash"]


def test_a_killed_run_verifies_up_to_its_last_group(
    large: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    process = start(large, out, "reference")
    wait_for_records(out)
    process.kill()
    process.communicate()
    verdict, found = verify(out, "native", Interrupt())
    assert verdict.passed, verdict.first_divergence
    assert found["inputs"] > 0


def test_a_full_disk_is_named_and_the_log_stays_readable(
    large: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    process = start(large, out, "native")
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))
    _, error = process.communicate(timeout=180)
    assert process.returncode == 1, error
    assert "write failed on" in error
    assert "are durable" in error
    assert error.count("\n") == 1
    verdict, found = verify(out, "native", Interrupt())
    assert verdict.passed, verdict.first_divergence
    assert found["inputs"] > 1_000
    assert json.loads((out / "manifest.json").read_text())["complete"] is False


def test_a_second_ctrl_c_ends_at_once() -> None:
    with Interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(InterruptError):
            interrupt.check()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
