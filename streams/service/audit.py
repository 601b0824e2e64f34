"""Who wrote what through the API: one JSON line a write, in the run's folder.

The log holds every accepted write itself; the audit adds the caller's name, and what was refused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

KEPT = 1_000


class Audit:
    """An append-only file and its newest lines."""

    def __init__(self, path: Path, now_ns: Callable[[], int]) -> None:
        self.now_ns = now_ns
        self._newest: deque[dict[str, Any]] = deque(maxlen=KEPT)
        if path.exists():
            for line in path.read_bytes().splitlines()[-KEPT:]:
                self._newest.append(orjson.loads(line))
        self._file = path.open("ab", buffering=0)

    def note(self, caller: str, what: str, facts: dict[str, Any]) -> None:
        """Writes one line."""
        line = {"at_ns": self.now_ns(), "caller": caller, "what": what, **facts}
        self._newest.append(line)
        self._file.write(orjson.dumps(line) + b"\n")

    def newest(self, limit: int) -> list[dict[str, Any]]:
        """The last lines, newest first."""
        return list(self._newest)[: -limit - 1 : -1]

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
