"""One command, one port: starts the processes of the service, and ends them together."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from schemas.errors import VenuefoldError
from streams.config.service import ServiceConfig
from streams.runtime_embedded.engine_process import SOCKET

ENGINE = "streams.runtime_embedded.engine_process"
PROJECTOR = "streams.service.projector_process"
API = "streams.service.api_process"
START_S = 120.0
END_S = 15.0
WATCH_S = 0.1


class ServiceError(VenuefoldError):
    """A process of the service ended, or did not start."""


class Processes:
    """The embedded service: an engine, a projector and an API process.

    When one of them ends, the others are ended too: a part that is missing is never hidden.
    """

    def __init__(self, config: ServiceConfig, log_path: Path | None = None) -> None:
        self.config = config
        self.log = log_path.open("ab") if log_path else None
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        try:
            socket = Path(self.config.service.run) / SOCKET
            socket.unlink(missing_ok=True)
            self._start("engine", ENGINE)
            self._await(socket.exists)
            self._start("projector", PROJECTOR)
            self._start("api", API)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def watch(self, is_stopped: Callable[[], bool]) -> None:
        """Returns when told to stop; ServiceError when a process ends before."""
        while not is_stopped():
            self.check()
            time.sleep(WATCH_S)

    def check(self) -> None:
        """ServiceError when a process has ended."""
        for name, process in self.running.items():
            code = process.poll()
            if code is not None:
                raise ServiceError(f"the {name} process ended with {code}; its log says why")

    def end(self) -> None:
        """Ends every process, the API first and the engine last."""
        for process in reversed(self.running.values()):
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running = {}
        if self.log is not None:
            self.log.close()
            self.log = None

    def _start(self, name: str, module: str) -> None:
        command = [sys.executable, "-m", module]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=self.log, start_new_session=True
        )
        self.running[name] = process
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(self.config))
        process.stdin.close()

    def _await(self, is_there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_S
        while not is_there():
            self.check()
            if time.monotonic() > deadline:
                raise ServiceError(f"the engine did not start within {START_S:.0f} s")
            time.sleep(0.02)
