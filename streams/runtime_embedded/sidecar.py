"""Small files beside a log that save time at a restart: numbered, checked, the newest few kept.

Everything in them follows from the log or from a venue's own journal. So one that is missing or
damaged is passed over, never believed, and costs only time.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from streams.log.files import replace_durably

KEPT = 4
DIGEST_BYTES = 32


class Sidecar:
    """The files of one kind in a folder."""

    def __init__(self, directory: Path, name: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.name = directory, name

    def put(self, number: int, content: bytes, is_durable: bool = True) -> None:
        """Stores one, all or nothing, and removes the oldest.

        Without `is_durable` a power cut may lose it, and nobody waits for the disk.
        """
        path = self._path(number)
        sealed = hashlib.sha256(content).digest() + content
        if is_durable:
            replace_durably(path, sealed)
        else:
            fresh = path.with_suffix(".new")
            fresh.write_bytes(sealed)
            fresh.rename(path)
        for old in self._paths()[:-KEPT]:
            old.unlink(missing_ok=True)

    def get(self, number: int) -> bytes | None:
        """The content of one; None when it is missing or not what was stored."""
        try:
            sealed = self._path(number).read_bytes()
        except FileNotFoundError:
            return None
        content = sealed[DIGEST_BYTES:]
        return content if hashlib.sha256(content).digest() == sealed[:DIGEST_BYTES] else None

    def numbers(self) -> list[int]:
        """Numbers of the files, oldest first."""
        return [int(path.stem.rpartition("-")[2]) for path in self._paths()]

    def _paths(self) -> list[Path]:
        return sorted(self.directory.glob(f"{self.name}-{'[0-9]' * 20}.bin"))

    def _path(self, number: int) -> Path:
        return self.directory / f"{self.name}-{number:020d}.bin"
