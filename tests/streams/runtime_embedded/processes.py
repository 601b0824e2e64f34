"""Engine processes for tests."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import msgspec

from streams.config.service import ServiceConfig
from streams.runtime_embedded.engine_process import SOCKET


def start(config: ServiceConfig) -> subprocess.Popen[bytes]:
    """Start an engine process and wait for its socket."""
    socket = Path(config.service.run) / SOCKET
    socket.unlink(missing_ok=True)
    command = [sys.executable, "-m", "streams.runtime_embedded.engine_process"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=None)
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(config))
    process.stdin.close()
    deadline = time.monotonic() + 180
    while not socket.exists():
        assert process.poll() is None, "the engine process ended"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process
