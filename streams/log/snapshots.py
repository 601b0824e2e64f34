"""Snapshots of an engine's state, each whole or absent.

The state's rows are written first and the manifest row last, so a snapshot exists exactly when its
manifest does; the manifest's digest covers its own fields and the state.

A full snapshot holds the whole state. Those after it hold only the pages that differ from it, until
they differ in too much or FULL_EVERY of them were taken; then comes the next full one. So a load
reads two snapshots at most.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import CorruptLogError, InputError
from streams.log.pages import PAGE_BYTES, changed_pages, patched, pieces
from streams.log.table import Row, Table

CHUNK_BYTES = 4 << 20
FACTS = struct.Struct("<QQq32s32sQ")
FORM = struct.Struct("<IQ")
"""Format of the snapshot, and the seq of the full one that it is a difference to, or its own."""
FORMAT_VERSION = 1
FULL_EVERY = 16
LONGEST_DELTA = 0.5
"""A difference longer than this share of the state is stored as a full snapshot."""
DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """The position that a snapshot reflects, with the chain heads of both streams there."""

    seq: int
    out_seq: int
    log_ns: int
    input_chain: bytes
    output_chain: bytes
    state_bytes: int

    def packed(self) -> bytes:
        """Canonical bytes, which the digest covers."""
        return FACTS.pack(
            self.seq,
            self.out_seq,
            self.log_ns,
            self.input_chain,
            self.output_chain,
            self.state_bytes,
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot with its state, proven against its digest."""

    info: SnapshotInfo
    state: bytes


class SnapshotStore:
    """Snapshots by position. `damaged` names those found bad: (seq, why).

    `kept` is told of each snapshot once it is durable.
    """

    def __init__(
        self,
        path: Path | str,
        read_only: bool = False,
        kept: Callable[[SnapshotInfo], None] | None = None,
    ) -> None:
        self._table = Table(Path(path), read_only)
        self._kept = kept
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
        if len(input_chain) != DIGEST_BYTES or len(output_chain) != DIGEST_BYTES:
            raise InputError("snapshot: chain heads must be 32 bytes")
        info = SnapshotInfo(seq, out_seq, log_ns, input_chain, output_chain, len(state))
        self._remove(seq)
        base_seq = self._put_delta(seq, state) or self._put_full(seq, state)
        self._put_manifest(info, base_seq, state)
        if self._kept is not None:
            self._kept(info)
        return info

    def _put_delta(self, seq: int, state: bytes) -> int | None:
        """Store what differs from the last full snapshot; its seq, None when a full one is due."""
        if self._full is None or self._deltas + 1 >= FULL_EVERY or seq <= self._full[0]:
            return None
        base_seq, base = self._full
        numbers = changed_pages(base, state)
        if len(numbers) * PAGE_BYTES > LONGEST_DELTA * len(state):
            return None
        for index, piece in enumerate(pieces(state, numbers)):
            self._table.write([(piece_key(seq) + index.to_bytes(4, "big"), piece)])
        self._deltas += 1
        return base_seq

    def _put_full(self, seq: int, state: bytes) -> int:
        for row in chunks(seq, state):
            self._table.write([row])
        self._full, self._deltas = (seq, state), 0
        return seq

    def _put_manifest(self, info: SnapshotInfo, base_seq: int, state: bytes) -> None:
        form = FORM.pack(FORMAT_VERSION, base_seq)
        row = info.packed() + form + digest(info, form, state)
        self._table.write([(manifest_key(info.seq), row)], sync=True)
        self._table.flush()

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
        info, base_seq, form, expected = self._manifest(seq)
        try:
            state = self._state(info, base_seq)
        except ValueError:
            state = b""
        if digest(info, form, state) != expected:
            raise CorruptLogError(f"{self._table.path}: the snapshot at seq {seq} is damaged")
        return Snapshot(info, state)

    def _state(self, info: SnapshotInfo, base_seq: int) -> bytes:
        """The state as its rows make it, not proven."""
        base = b"".join(value for _, value in self._table.scan(chunk_key(base_seq)))
        if base_seq == info.seq:
            return base
        return patched(
            base, (v for _, v in self._table.scan(piece_key(info.seq))), info.state_bytes
        )

    def entries(self) -> list[SnapshotInfo]:
        """What is stored, oldest first, without reading the states."""
        return [self._manifest(seq)[0] for seq in self._seqs()]

    def prune(self, keep: int) -> int:
        """Remove all but the newest `keep`, and chunks that never got a manifest; how many."""
        if keep < 1:
            raise InputError(f"keep: must be at least 1, not {keep}")
        kept = set(self._seqs()[-keep:])
        for seq in kept:
            self._make_whole(seq, kept)
        stored = {*self._seqs(), *self._row_seqs(b"c"), *self._row_seqs(b"p")}
        removed = sorted(stored - kept)
        for seq in removed:
            self._remove(seq)
        return len(removed)

    def close(self) -> None:
        """Close the files."""
        self._table.close()

    def _make_whole(self, seq: int, kept: set[int]) -> None:
        """Turn a difference to a snapshot that goes into a full one; its new manifest decides."""
        if self._manifest(seq)[1] in kept:
            return
        snapshot = self.load(seq)
        for row in chunks(seq, snapshot.state):
            self._table.write([row])
        self._put_manifest(snapshot.info, seq, snapshot.state)
        self._table.delete_range(piece_key(seq), piece_key(seq + 1))
        self._full = None

    def _manifest(self, seq: int) -> tuple[SnapshotInfo, int, bytes, bytes]:
        """(facts, seq of the full snapshot, form, digest)."""
        row = self._table.get(manifest_key(seq))
        if row is None:
            raise CorruptLogError(f"{self._table.path}: no snapshot at seq {seq}")
        if len(row) != FACTS.size + FORM.size + DIGEST_BYTES:
            raise CorruptLogError(
                f"{self._table.path}: the snapshot at seq {seq} is damaged or of another format; "
                "delete the folder, a snapshot only saves time"
            )
        form = row[FACTS.size : FACTS.size + FORM.size]
        version, base_seq = FORM.unpack(form)
        if version > FORMAT_VERSION:
            raise CorruptLogError(
                f"{self._table.path}: the snapshot at seq {seq} has format {version}, this program "
                f"reads {FORMAT_VERSION}; use the version of the program that wrote it"
            )
        seq_, out_seq, log_ns, input_chain, output_chain, size = FACTS.unpack(row[: FACTS.size])
        info = SnapshotInfo(seq_, out_seq, log_ns, input_chain, output_chain, size)
        return info, base_seq, form, row[FACTS.size + FORM.size :]

    def _seqs(self) -> list[int]:
        return [int.from_bytes(key[1:], "big") for key, _ in self._table.scan(b"m")]

    def _row_seqs(self, tag: bytes) -> Iterator[int]:
        """Seqs that have rows of a kind, found by leaping over the rows themselves."""
        start = bytes(8)
        while True:
            row = next(self._table.scan(tag, start), None)
            if row is None:
                return
            seq = int.from_bytes(row[0][1:9], "big")
            yield seq
            start = (seq + 1).to_bytes(8, "big")

    def _remove(self, seq: int) -> None:
        self._table.write([], deleted=[manifest_key(seq)])
        self._table.delete_range(chunk_key(seq), chunk_key(seq + 1))
        self._table.delete_range(piece_key(seq), piece_key(seq + 1))
        if self._full is not None and self._full[0] == seq:
            self._full = None


def chunks(seq: int, state: bytes) -> Iterator[Row]:
    """Rows that hold the state."""
    for index, start in enumerate(range(0, len(state), CHUNK_BYTES)):
        yield chunk_key(seq) + index.to_bytes(4, "big"), state[start : start + CHUNK_BYTES]


def digest(info: SnapshotInfo, form: bytes, state: bytes) -> bytes:
    """SHA-256 over the facts, the form and the state."""
    found = hashlib.sha256(info.packed() + form)
    found.update(state)
    return found.digest()


def manifest_key(seq: int) -> bytes:
    """Key of a snapshot's manifest."""
    return b"m" + seq.to_bytes(8, "big")


def piece_key(seq: int) -> bytes:
    """Prefix of the keys of a snapshot's changed pages."""
    return b"p" + seq.to_bytes(8, "big")


def chunk_key(seq: int) -> bytes:
    """Prefix of the keys of a snapshot's chunks."""
    return b"c" + seq.to_bytes(8, "big")
