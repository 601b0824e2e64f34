"""Facts that a run's manifest keeps: versions, hashes of files, what is modelled."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from aggregates.kernel import GENERATION

FILL_MODELS = {
    "fills": "children meet the recorded books when they arrive; nobody else reacts to them",
    "resting": "passive fills by `passive_model`: one of the two bounds, traded_through and "
    "queue_depleted",
    "latencies": "each venue's assumed one-way times; every acknowledgement time follows from them",
}


def versions() -> dict[str, str]:
    """Versions of everything that takes part in a run."""
    names = ("venuefold", "numpy", "polars", "msgspec")
    found = {name: _version(name) for name in names}
    return {**found, "python": platform.python_version(), "engine_generation": GENERATION.hex()}


def file_facts(paths: list[Path]) -> list[dict[str, Any]]:
    """Name, size and SHA-256 of data files, by name."""
    return [
        {"name": path.name, "bytes": path.stat().st_size, "sha256": file_hash(path)}
        for path in sorted(paths)
    ]


def file_hash(path: Path) -> str:
    """SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
