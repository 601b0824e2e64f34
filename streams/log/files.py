"""Write small files so that a crash leaves the old content or the new one."""

from __future__ import annotations

import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Make created, renamed and removed names durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, content: bytes) -> None:
    """Write a whole file and sync it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_durably(path: Path, content: bytes) -> None:
    """Put `content` in place of `path`, all or nothing."""
    fresh = path.with_name(path.name + ".new")
    write_durably(fresh, content)
    fresh.rename(path)
    sync_directory(path.parent)
