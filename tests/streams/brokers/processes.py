"""Worker processes of a broker's runtime."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec


class Processes:
    """Starts, kills and stops workers of `streams.runtime_NAME`."""

    def __init__(self, folder: Path, name: str, config: Any) -> None:
        self.folder, self.runtime = folder, name
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        values = msgspec.to_builtins(config)
        lines = [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in values.items()]
        self.file = folder / f"{name}.toml"
        self.file.write_text(f"[{name}]\n" + "\n".join(lines) + "\n")

    def start(self, name: str) -> None:
        """Starts a worker process."""
        module = f"streams.runtime_{self.runtime}.run"
        command = [sys.executable, "-m", module, str(self.file), "--name", name]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.workers[name] = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def kill(self, name: str) -> None:
        """SIGKILL."""
        worker = self.workers.pop(name)
        worker.kill()
        worker.wait()

    def stop(self) -> None:
        """Ends all workers."""
        for worker in self.workers.values():
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers.values():
            try:
                worker.wait(15)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def logs(self) -> str:
        """The end of every worker's log."""
        found = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in found)

    def revive(self, excuse: str) -> None:
        """Starts the workers again that ended by themselves for a reason that is known."""
        for name, worker in list(self.workers.items()):
            if worker.poll() is not None:
                told = (self.folder / f"{name}.log").read_text()
                assert excuse in told, f"{name} ended by itself: {told[-1500:]}"
                self.start(name)

    def have_ended(self) -> bool:
        """Whether a worker ended by itself."""
        return any(worker.poll() is not None for worker in self.workers.values())
