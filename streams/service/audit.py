"""Who wrote what through the API: one JSON line a write, chained, in the run's folder.

The log holds every accepted write itself; the audit adds the caller's name, and what was refused.
Each line ends with the SHA-256 of the line before's and of its own text, so a line that is changed,
left out or added is seen when the file is read again.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

KEPT = 1_000
START = "0" * 64
CHAIN = b',"chain":"'
"""A line is the JSON of its facts, the closing brace replaced by this, a hash, and `"}`."""


class Audit:
    """An append-only file and its newest lines; `fault` says what does not follow in it."""

    def __init__(self, path: Path, now_ns: Callable[[], int]) -> None:
        self.path, self.now_ns = path, now_ns
        self._newest: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._head, self.fault = START, ""
        if path.exists():
            self._read()
        self._file = path.open("ab", buffering=0)

    def _read(self) -> None:
        """Checks every line; a last one that was cut off by a crash is dropped."""
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self.path.open("r+b") as file:
                file.truncate(whole)
        for number, line in enumerate(content[:whole].splitlines(), 1):
            if chained(self._head, line.rpartition(CHAIN)[0]) != line and not self.fault:
                self.fault = f"{self.path}: line {number} does not follow from the one before it"
            self._head = line[-66:-2].decode("latin-1")
            if number > content.count(b"\n") - KEPT:
                self._newest.append(orjson.loads(line))

    def note(self, caller: str, what: str, facts: dict[str, Any]) -> None:
        """Writes one line."""
        told = orjson.dumps({"at_ns": self.now_ns(), "caller": caller, "what": what, **facts})
        line = chained(self._head, told[:-1])
        self._head = line[-66:-2].decode()
        self._newest.append(orjson.loads(line))
        self._file.write(line + b"\n")

    def newest(self, limit: int) -> list[dict[str, Any]]:
        """The last lines, newest first."""
        return list(self._newest)[: -limit - 1 : -1]

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def chained(head: str, told: bytes) -> bytes:
    """The line of facts (JSON without its closing brace) behind the line whose hash is `head`."""
    link = hashlib.sha256(head.encode() + told).hexdigest()
    return told + CHAIN + link.encode() + b'"}'
