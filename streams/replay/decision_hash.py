"""SHA-256 over the bytes of all decisions of a run, in order, shard after shard."""

from __future__ import annotations

import hashlib
from typing import Any

from schemas.codes import OutputType
from schemas.wire import iter_raw_outputs
from streams.log.run import RunDirectory


class DecisionHash:
    """Takes output bytes in order."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self.decisions = 0

    def add(self, outputs: Any) -> None:
        """Hashes the DECISION records among `outputs`."""
        for kind, raw in iter_raw_outputs(outputs):
            if kind == OutputType.DECISION:
                self._sha.update(raw)
                self.decisions += 1

    def hexdigest(self) -> str:
        """The hash so far."""
        return self._sha.hexdigest()


def hash_of_run(run: RunDirectory) -> DecisionHash:
    """The hash of what the run's logs hold."""
    found = DecisionHash()
    for shard in run.shards():
        for frame in run.shard(shard).reader("outputs", verify_chain=False):
            found.add(frame.payload)
    return found
