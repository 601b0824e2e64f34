"""Snapshots of an engine's state, each a file of its own, whole or absent.

A full snapshot holds all pages of the state. Those after it hold only the pages that differ from
it, until they differ in too much or FULL_EVERY of them were taken; then comes the next full one.
So a load reads two files at most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.errors import CorruptLogError, InputError
from streams.log.files import sync_directory
from streams.log.pages import PAGE_BYTES, changed_pages, page_count, patched
from streams.log.snapshot_file import (
    SUFFIX,
    SnapshotInfo,
    damaged,
    file_name,
    named_seq,
    read_header,
    read_pages,
    write_snapshot,
)

FULL_EVERY = 16
LONGEST_DELTA = 0.5
"""A difference longer than this share of the state is stored as a full snapshot."""
DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot with its state, proven against its digest."""

    info: SnapshotInfo
    state: bytes


class SnapshotStore:
    """Snapshots by position. `damaged` names those found bad: (seq, why).

    `kept` is told of each snapshot once it is durable. Every `full_every`-th one is whole.
    """

    def __init__(
        self,
        path: Path | str,
        read_only: bool = False,
        kept: Callable[[SnapshotInfo], None] | None = None,
        full_every: int = FULL_EVERY,
    ) -> None:
        self.path = Path(path)
        self.read_only = read_only
        self._kept = kept
        self._full_every = full_every
        self._full: tuple[int, bytes] | None = None
        self._deltas = 0
        self.damaged: list[tuple[int, str]] = []

    def put(
        self,
        seq: int,
        out_seq: int,
        log_ns: int,
        input_chain: bytes,
        output_chain: bytes,
        state: bytes,
    ) -> SnapshotInfo:
        """Store the state at `seq`, durable on return."""
        if self.read_only:
            raise InputError(f"{self.path}: is read-only; open the run for writing")
        if len(input_chain) != DIGEST_BYTES or len(output_chain) != DIGEST_BYTES:
            raise InputError("snapshot: chain heads must be 32 bytes")
        if not self.path.exists():
            self.path.mkdir(parents=True)
            sync_directory(self.path.parent)
        state_hash = hashlib.sha256(state).digest()
        chains = (input_chain, output_chain)
        info = SnapshotInfo(seq, out_seq, log_ns, *chains, len(state), state_hash)
        if not self._put_delta(info, state):
            self._put_full(info, state)
        if self._kept is not None:
            self._kept(info)
        return info

    def _put_delta(self, info: SnapshotInfo, state: bytes) -> bool:
        """Store what differs from the last full snapshot; False when a full one is due."""
        if self._full is None or self._deltas + 1 >= self._full_every or info.seq <= self._full[0]:
            return False
        base_seq, base = self._full
        numbers = changed_pages(base, state)
        if len(numbers) * PAGE_BYTES > LONGEST_DELTA * len(state):
            return False
        write_snapshot(self._file(info.seq), info, base_seq, state, numbers)
        self._deltas += 1
        return True

    def _put_full(self, info: SnapshotInfo, state: bytes) -> None:
        numbers = np.arange(page_count(len(state)))
        write_snapshot(self._file(info.seq), info, info.seq, state, numbers)
        self._full, self._deltas = (info.seq, state), 0

    def latest(self, max_seq: int | None = None) -> Snapshot | None:
        """The newest intact snapshot at or before `max_seq`; bad ones go to `damaged`."""
        for seq in reversed(self._seqs()):
            if max_seq is not None and seq > max_seq:
                continue
            try:
                return self.load(seq)
            except CorruptLogError as error:
                self.damaged.append((seq, str(error)))
        return None

    def load(self, seq: int) -> Snapshot:
        """The snapshot at exactly `seq`; CorruptLogError when it is not what was stored."""
        header, rows = read_pages(self._file(seq))
        info, base = header.info, b""
        if header.base_seq != seq:
            base = self.load(header.base_seq).state
        state = patched(base, rows["number"], rows["bytes"], info.state_bytes)
        if hashlib.sha256(state).digest() != info.state_hash:
            raise damaged(self._file(seq), 0, "its pages do not make the state that was stored")
        return Snapshot(info, state)

    def entries(self) -> list[SnapshotInfo]:
        """What is stored, oldest first, without reading the states."""
        return [read_header(self._file(seq)).info for seq in self._seqs()]

    def prune(self, keep: int) -> int:
        """Remove all but the newest `keep`; how many."""
        if keep < 1:
            raise InputError(f"keep: must be at least 1, not {keep}")
        seqs = self._seqs()
        kept, removed = seqs[-keep:], seqs[:-keep]
        for seq in kept:
            self._make_whole(seq, set(kept))
        self._remove(removed)
        return len(removed)

    def discard_after(self, seq: int) -> int:
        """Remove snapshots of inputs that the log does not hold, and unfinished ones; how many."""
        for unfinished in self.path.glob(f"*{SUFFIX}.new"):
            unfinished.unlink()
        ahead = [place for place in self._seqs() if place > seq]
        self._remove(ahead)
        return len(ahead)

    def close(self) -> None:
        """Forgets the last full state."""
        self._full = None

    def _make_whole(self, seq: int, kept: set[int]) -> None:
        """Turn a difference to a snapshot that goes into a full one."""
        if read_header(self._file(seq)).base_seq in kept:
            return
        snapshot = self.load(seq)
        self._put_full(snapshot.info, snapshot.state)

    def _remove(self, seqs: list[int]) -> None:
        for seq in seqs:
            self._file(seq).unlink()
            if self._full is not None and self._full[0] == seq:
                self._full = None
        if seqs:
            sync_directory(self.path)

    def _file(self, seq: int) -> Path:
        return self.path / file_name(seq)

    def _seqs(self) -> list[int]:
        return sorted(map(named_seq, self.path.glob(f"{'[0-9]' * 20}{SUFFIX}")))
