"""What the engine process knows of its inputs beside the engine: numbers of sources, orders given.

It is a fold over the log like the engine's state, and is kept with each snapshot by whoever takes
the snapshot.
"""

from __future__ import annotations

import msgspec
import numpy as np

from schemas.codes import InputType
from schemas.errors import CorruptLogError
from streams.log.picking import picked, pieces, raise_numbers
from streams.log.segment import first_seq
from streams.log.shard_log import ShardLog
from streams.runtime_embedded.identities import Identities
from streams.runtime_embedded.sidecar import Sidecar


class KnownRows(msgspec.Struct):
    """Content of a file. `sources`: last number by source. `orders`: (key, seq, log_ns, digest)."""

    sources: dict[int, int]
    orders: list[tuple[bytes, int, int, bytes]]


class Known:
    """Numbers and orders of one shard, as of a position of its log."""

    def __init__(self, log: ShardLog) -> None:
        self.log = log
        self.last_seq = np.zeros(256, dtype=np.uint64)
        self.identities = Identities()
        self._sidecar: Sidecar | None = None

    def start(self, seq: int) -> None:
        """Takes over what was kept at `seq`; reads the log again where that is not there."""
        content = self._files().get(seq) if seq else None
        if content is not None:
            rows = msgspec.msgpack.decode(content, type=KnownRows)
            for source, number in rows.sources.items():
                self.last_seq[source] = number
            self.identities.load(rows.orders)
        elif seq:
            self._read(seq)

    def _read(self, seq: int) -> None:
        kept = first_seq(self.log.directory, "inputs")
        if kept > 1:
            raise CorruptLogError(
                f"{self._files().directory}: holds nothing whole for the snapshot at seq {seq}, "
                f"and the log starts at seq {kept}; restore the file from a copy"
            )
        for first, records in pieces(self.log.reader("inputs", verify_chain=False)):
            if first > seq:
                break
            self.learn(first, records)

    def learn(self, first: int, records: memoryview) -> None:
        """Folds inputs, the first of which is `first`; what was folded before changes nothing."""
        raise_numbers(records, self.last_seq)
        for seq, _, raw in picked("inputs", records, first, (InputType.NEW_ORDER,)):
            self.identities.observe(bytes(raw), seq)

    def keep(self, seq: int) -> None:
        """Stores it durably for the snapshot at `seq`."""
        sources = {source: int(n) for source, n in enumerate(self.last_seq) if n}
        rows = KnownRows(sources, self.identities.rows())
        self._files().put(seq, msgspec.msgpack.encode(rows))

    def _files(self) -> Sidecar:
        if self._sidecar is None:
            self._sidecar = Sidecar(self.log.directory / "known", "known")
        return self._sidecar
