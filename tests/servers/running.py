"""A real server that a test session runs: started once, stopped with the session."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "servers" / "servers.py"
PATIENCE_S = 180.0


class RunningServer:
    """One server on loopback; `data` keeps its data, ports and log over restarts."""

    def __init__(self, name: str, data: Path) -> None:
        self.name, self.data = name, data
        self.facts: dict[str, Any] = {}
        self._runner: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return str(self.facts["url"])

    @property
    def pid(self) -> int:
        """The server's own process."""
        return int(self.facts["pid"])

    def start(self) -> None:
        """Starts it and waits until it answers; fails or skips the test where it cannot be had."""
        command = [sys.executable, str(SCRIPT), self.name, "--data", str(self.data)]
        self._runner = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self._runner.stdout is not None
        line = self._runner.stdout.readline()
        if not line:
            _, errors = self._runner.communicate()
            unavailable(self.name, errors.decode(errors="replace").strip() or "it ended")
        self.facts = json.loads(line)[self.name]

    def stop(self) -> None:
        """Closes the runner's input, at which it stops the server."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        runner.communicate()

    def kill(self) -> None:
        """SIGKILLs the server, as a crash would, and reaps its runner."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The server's process stands still (SIGSTOP) inside the block."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


def unavailable(name: str, why: str) -> None:
    """Skips, or fails where no server may be missing."""
    if os.environ.get("SOR_REQUIRE_SERVERS") == "1":
        pytest.fail(f"SOR_REQUIRE_SERVERS=1 but no {name}: {why}")
    pytest.skip(f"no {name}: {why}")


@contextmanager
def running(name: str, data: Path) -> Iterator[RunningServer]:
    """A started server; its data go away at the end."""
    server = RunningServer(name, data)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(data, ignore_errors=True)


def eventually(check: Any, patience_s: float = PATIENCE_S, pause_s: float = 0.05) -> Any:
    """The first true answer of `check`; fails when there is none in time."""
    until = time.monotonic() + patience_s
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < until, f"still not so after {patience_s} s: {check}"
        time.sleep(pause_s)
