"""What a restart needs beside the engine's state: counters of sources, known orders, the gateway.

A file a snapshot, named by its position and written before it, so that a snapshot always finds its
own. The newest few are kept; the file is lost without loss of truth only while no order is open, so
a missing one is an error and never a guess.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from schemas.errors import CorruptLogError
from streams.log.files import replace_durably

KEPT = 3


class Beside(msgspec.Struct):
    """`sources`: last source_seq by source. `orders`: newest identities as (key, seq, log_ns,
    digest), oldest first.
    """

    seq: int
    sources: dict[int, int]
    orders: list[tuple[bytes, int, int, bytes]]
    gateway: bytes


class Sidecar:
    """The files of one shard."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory

    def put(self, beside: Beside) -> None:
        """Store one durably, and remove the oldest."""
        replace_durably(self._path(beside.seq), msgspec.msgpack.encode(beside))
        for old in sorted(self.directory.glob("beside-*.bin"))[:-KEPT]:
            old.unlink()

    def get(self, seq: int) -> Beside:
        """The one of the snapshot at `seq`; CorruptLogError when it is missing or damaged."""
        path = self._path(seq)
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=Beside)
        except FileNotFoundError:
            raise CorruptLogError(
                f"{path}: missing, so the snapshot at seq {seq} cannot be continued; restore the "
                "file from a copy"
            ) from None
        except msgspec.DecodeError as error:
            raise CorruptLogError(
                f"{path}: damaged ({error}); restore the file from a copy"
            ) from error

    def _path(self, seq: int) -> Path:
        return self.directory / f"beside-{seq:020d}.bin"
