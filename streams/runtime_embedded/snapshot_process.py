"""Takes a live shard's snapshots in a process of its own: `python -m ...snapshot_process`.

It follows the log as any reader does, so the deciding process does nothing for it. Its standard
input is its life line: the word `end` means that the log is closed and a last snapshot is wanted;
an end of file means that the deciding process is gone, however it went.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

from schemas.errors import CorruptLogError, VenuefoldError
from schemas.units import NS_PER_S
from streams.clock import SystemClock
from streams.log.run import RunDirectory
from streams.observability.logs import logger
from streams.replay.follower import Follower
from streams.runtime_embedded.known import Known

MODULE = "streams.runtime_embedded.snapshot_process"
END = b"end\n"
PAUSE_S = 0.05
END_S = 30.0
NICE = 5
DIFFERS = 70
"""Exit code where the log's outputs are not those of its inputs."""


class SnapshotProcess:
    """The process, seen from the deciding one."""

    def __init__(self, run: Path, shard: int, every_s: int, core: str) -> None:
        self.run = run
        self._command = [sys.executable, "-m", MODULE, str(run), str(shard), str(every_s), core]
        self._process = self._started()

    def look_after(self) -> None:
        """Starts it again where it has died; CorruptLogError where it found another output."""
        code = self._process.poll()
        if code == DIFFERS:
            raise CorruptLogError(
                f"{self.run}: a second engine makes other outputs of these inputs, see the log "
                "above; nothing more is decided; run `sor verify` on the run"
            )
        if code is not None:
            self._process = self._started()

    def finish(self) -> None:
        """Lets it take a last snapshot; the log must be closed."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(END)
            self._process.stdin.close()
            self._process.wait(END_S)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()  # the next start only has more to fold
            self._process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdin=subprocess.PIPE)


def follow(run: Path, shard: int, every_s: int, core: str) -> int:
    """Follows until told to end; the number of snapshots taken."""
    clock = SystemClock()
    taken_ns = clock.elapsed_ns()
    os.nice(NICE)

    def is_due(folded: int) -> bool:
        nonlocal taken_ns
        if not folded or clock.elapsed_ns() - taken_ns < every_s * NS_PER_S:
            return False
        taken_ns = clock.elapsed_ns()
        return True

    with RunDirectory.open(run) as opened:
        follower = Follower(opened, shard, is_due, core, Known(opened.shard(shard)))
        word = b""
        while not word:
            follower.advance()
            if select.select([sys.stdin], [], [], PAUSE_S)[0]:
                word = os.read(sys.stdin.fileno(), len(END)) or b"gone"
        if word == END:
            follower.advance(to_end=True)
    return follower.snapshots


def main() -> int:
    """Reads RUN SHARD EVERY_S CORE from the command line."""
    run, shard, every_s, core = sys.argv[1:]
    log = logger("snapshots")
    try:
        follow(Path(run), int(shard), int(every_s), core)
    except VenuefoldError as error:
        log.error("failed", error=str(error))
        return DIFFERS if isinstance(error, CorruptLogError) else error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
