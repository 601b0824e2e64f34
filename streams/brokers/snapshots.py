"""Snapshots that are complete or absent: chunks first, then a manifest that names them.

A store keeps blobs by key; two slots alternate, so the last complete one stays until the next one
is. A compacted topic is such a store, and so is a folder that machines share.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from aggregates.kernel import GENERATION

CHUNK = 512 << 10
SLOT_COUNT = 2


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot holds: the next input to read, and everything that outputs depend on."""

    shard: int
    slot: int
    number: int
    next_place: str
    seq: int
    out_seq: int
    log_ns: int
    clock_seq: int
    previous: dict[str, int]
    chunks: int
    sha256: str
    generation: str


class SnapshotStore(Protocol):
    """Blobs of a shard by key, readable by whoever owns the shard next."""

    async def put(self, shard: int, blobs: list[tuple[str, bytes]]) -> None:
        """Keeps the blobs, in this order; returns when all are safe."""

    async def load(self, shards: Sequence[int]) -> Mapping[int, Mapping[str, bytes]]:
        """The newest blob under each key, by shard."""


def cut(manifest: Manifest, state: bytes) -> Iterator[tuple[str, bytes]]:
    """Key and bytes of each chunk, the manifest last."""
    for index in range(manifest.chunks):
        chunk = state[index * CHUNK : (index + 1) * CHUNK]
        yield f"{manifest.slot}/{index}", manifest.number.to_bytes(8, "little") + chunk
    yield f"{manifest.slot}/manifest", msgspec.json.encode(manifest)


def newest(blobs: Mapping[str, bytes]) -> tuple[Manifest, bytes] | None:
    """The newest snapshot that is whole and written by this engine generation."""
    found = [whole for slot in range(SLOT_COUNT) if (whole := _whole(blobs, slot))]
    return max(found, key=lambda pair: pair[0].number, default=None)


def chunk_count(state: bytes) -> int:
    """Chunks of a state."""
    return -(-len(state) // CHUNK)


def digest(state: bytes) -> str:
    """Hash that a manifest holds of its state."""
    return hashlib.sha256(state).hexdigest()


def _whole(blobs: Mapping[str, bytes], slot: int) -> tuple[Manifest, bytes] | None:
    raw = blobs.get(f"{slot}/manifest")
    if not raw:
        return None
    manifest = msgspec.json.decode(raw, type=Manifest)
    number = manifest.number.to_bytes(8, "little")
    parts = [blobs.get(f"{slot}/{index}", b"") for index in range(manifest.chunks)]
    if any(part[:8] != number for part in parts) or manifest.generation != GENERATION.hex():
        return None
    state = b"".join(part[8:] for part in parts)
    return (manifest, state) if digest(state) == manifest.sha256 else None


class FolderStore:
    """Blobs as files under one folder, as a shared file system or a mounted object store gives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def put(self, shard: int, blobs: list[tuple[str, bytes]]) -> None:
        """Each file appears whole or not at all."""
        for key, blob in blobs:
            target = self.folder / str(shard) / key
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_suffix(".new")
            with draft.open("wb") as file:
                file.write(blob)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)

    async def load(self, shards: Sequence[int]) -> Mapping[int, Mapping[str, bytes]]:
        """Every file of the shards."""
        return {shard: self._files(shard) for shard in shards}

    def _files(self, shard: int) -> dict[str, bytes]:
        base = self.folder / str(shard)
        files = [path for path in base.rglob("*") if path.is_file() and path.suffix != ".new"]
        return {str(path.relative_to(base)): path.read_bytes() for path in files}
