"""Snapshots of an engine's state, each whole or absent.

The state's chunks are written first and the manifest row last, so a snapshot exists exactly when
its manifest does; the manifest's digest covers its own fields and the state.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import CorruptLogError, InputError
from streams.log.table import Row, Table

CHUNK_BYTES = 4 << 20
FACTS = struct.Struct("<QQq32s32sQ")
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
        for row in chunks(seq, state):
            self._table.write([row])
        self._table.write([(manifest_key(seq), info.packed() + digest(info, state))], sync=True)
        self._table.flush()
        if self._kept is not None:
            self._kept(info)
        return info

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
        info, expected = self._manifest(seq)
        state = b"".join(value for _, value in self._table.scan(chunk_key(seq)))
        if digest(info, state) != expected:
            raise CorruptLogError(f"{self._table.path}: the snapshot at seq {seq} is damaged")
        return Snapshot(info, state)

    def entries(self) -> list[SnapshotInfo]:
        """What is stored, oldest first, without reading the states."""
        return [self._manifest(seq)[0] for seq in self._seqs()]

    def prune(self, keep: int) -> int:
        """Remove all but the newest `keep`, and chunks that never got a manifest; how many."""
        if keep < 1:
            raise InputError(f"keep: must be at least 1, not {keep}")
        kept = set(self._seqs()[-keep:])
        removed = [seq for seq in sorted({*self._seqs(), *self._chunk_seqs()}) if seq not in kept]
        for seq in removed:
            self._remove(seq)
        return len(removed)

    def close(self) -> None:
        """Close the files."""
        self._table.close()

    def _manifest(self, seq: int) -> tuple[SnapshotInfo, bytes]:
        row = self._table.get(manifest_key(seq))
        if row is None or len(row) != FACTS.size + DIGEST_BYTES:
            raise CorruptLogError(f"{self._table.path}: no snapshot at seq {seq}")
        seq_, out_seq, log_ns, input_chain, output_chain, size = FACTS.unpack(row[: FACTS.size])
        info = SnapshotInfo(seq_, out_seq, log_ns, input_chain, output_chain, size)
        return info, row[FACTS.size :]

    def _seqs(self) -> list[int]:
        return [int.from_bytes(key[1:], "big") for key, _ in self._table.scan(b"m")]

    def _chunk_seqs(self) -> Iterator[int]:
        """Seqs that have chunks, found by leaping over the chunks themselves."""
        start = bytes(8)
        while True:
            row = next(self._table.scan(b"c", start), None)
            if row is None:
                return
            seq = int.from_bytes(row[0][1:9], "big")
            yield seq
            start = (seq + 1).to_bytes(8, "big")

    def _remove(self, seq: int) -> None:
        self._table.write([], deleted=[manifest_key(seq)])
        self._table.delete_range(chunk_key(seq), chunk_key(seq + 1))


def chunks(seq: int, state: bytes) -> Iterator[Row]:
    """Rows that hold the state."""
    for index, start in enumerate(range(0, len(state), CHUNK_BYTES)):
        yield chunk_key(seq) + index.to_bytes(4, "big"), state[start : start + CHUNK_BYTES]


def digest(info: SnapshotInfo, state: bytes) -> bytes:
    """SHA-256 over the facts and the state."""
    return hashlib.sha256(info.packed() + state).digest()


def manifest_key(seq: int) -> bytes:
    """Key of a snapshot's manifest."""
    return b"m" + seq.to_bytes(8, "big")


def chunk_key(seq: int) -> bytes:
    """Prefix of the keys of a snapshot's chunks."""
    return b"c" + seq.to_bytes(8, "big")
