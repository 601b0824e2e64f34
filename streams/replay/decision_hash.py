"""SHA-256 over the bytes of all decisions of a shard in order, and of a run shard after shard."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from schemas.codes import OutputType
from schemas.wire import iter_raw_outputs
from streams.log.run import RunDirectory
from streams.log.shard_log import ShardLog


class DecisionHash:
    """Takes one shard's output bytes in order."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self.decisions = 0

    def add(self, outputs: Any) -> None:
        """Hashes the DECISION records among `outputs`."""
        for kind, raw in iter_raw_outputs(outputs):
            if kind == OutputType.DECISION:
                self._sha.update(raw)
                self.decisions += 1

    def add_logged(self, log: ShardLog, last_out_seq: int) -> None:
        """Hashes what a log holds up to an output."""
        for frame in log.reader("outputs", verify_chain=False):
            if frame.first_seq > last_out_seq:
                return
            payload = frame.payload
            if frame.last_seq > last_out_seq:
                payload = payload[: int(frame.record_offsets()[last_out_seq + 1 - frame.first_seq])]
            self.add(payload)

    def hexdigest(self) -> str:
        """The hash so far."""
        return self._sha.hexdigest()


def combined(hashes: Sequence[str]) -> str:
    """A run's decision hash: the shard's own, or the SHA-256 of all of them in shard order."""
    if len(hashes) == 1:
        return hashes[0]
    return hashlib.sha256("+".join(hashes).encode()).hexdigest()


def hash_of_run(run: RunDirectory) -> tuple[int, str]:
    """(decisions, hash) of what the run's logs hold."""
    found = []
    for shard in run.shards():
        hashed = DecisionHash()
        for frame in run.shard(shard).reader("outputs", verify_chain=False):
            hashed.add(frame.payload)
        found.append(hashed)
    return sum(h.decisions for h in found), combined([h.hexdigest() for h in found])
