"""One shard of a run being written: engine, market and log, opened and closed together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aggregates import kernel
from aggregates.kernel import Engine
from schemas.units import NS_PER_S
from streams.log.shard_log import ShardLog
from streams.log.snapshots import SnapshotStore
from streams.replay.journal import Journal, Past
from streams.replay.shard_run import Market, ShardRun, nothing
from streams.replay.wakes import Wakes, policies_of, postings_of


@dataclass(frozen=True)
class Stepping:
    """How a run is stepped: which core, and a snapshot each so many inputs (0 = none).

    A paced run waits for its inputs to be durable before children leave, and can be watched.
    """

    core: str = "native"
    snapshot_inputs: int = 0
    is_paced: bool = False


class LiveShard:
    """Engine, market, journal and snapshots of one shard."""

    def __init__(
        self,
        log: ShardLog,
        market: Market,
        reference: bytes,
        stepping: Stepping,
        check: Callable[[], None] = nothing,
    ) -> None:
        found = log.open_writers()
        self.log = log
        self.stepping = stepping
        self.engine: Engine = kernel.load(stepping.core, log.shard)
        past = (
            Past(log, "inputs", found.inputs.last_seq),
            Past(log, "outputs", found.outputs.last_seq),
        )
        self.journal = Journal(log, self.engine, stepping.is_paced, past)
        before_send = self.journal.wait_durable if stepping.is_paced else nothing
        self.run = ShardRun(
            self.engine,
            market,
            self.journal,
            Wakes(policies_of(reference), postings_of(reference)),
            check,
            before_send,
        )
        self.run.load(reference)
        self._snapshots: SnapshotStore | None = None
        self._next_snapshot = stepping.snapshot_inputs

    def feed(self, batch: Any) -> None:
        """Folds a batch of external records, then takes a snapshot if one is due."""
        self.run.feed(batch)
        if self.stepping.snapshot_inputs and self.engine.seq >= self._next_snapshot:
            self._next_snapshot = self.engine.seq + self.stepping.snapshot_inputs
            self.snapshot()

    def drain(self, publish_ns: int = NS_PER_S) -> None:
        """Lets every order end, then publishes the quality table a last time."""
        self.run.drain()
        self.run.tick(self.engine.log_ns + publish_ns)

    def snapshot(self) -> None:
        """Stores the state with its position, once inputs and outputs up to it are on disk."""
        self.journal.flush()
        if self.journal.is_catching_up:
            return  # it was taken, and the chain heads here are no longer at hand
        position, out_position = self._position("inputs"), self._position("outputs")
        if self._snapshots is None:
            self._snapshots = self.log.snapshots()
        self.log.reference_version = self.engine.reference_version
        self._snapshots.put(
            seq=self.engine.seq,
            out_seq=self.engine.out_seq,
            log_ns=self.engine.log_ns,
            input_chain=position,
            output_chain=out_position,
            state=self.engine.state_bytes(),
        )

    def finish(self) -> None:
        """Appends what is left."""
        self.journal.flush()
        self.log.state_hash = self.state_hash()
        self.log.reference_version = self.engine.reference_version
        if self._snapshots is not None:
            self._snapshots.close()
            self._snapshots = None

    def state_hash(self) -> str:
        """Hash of the engine's state now."""
        return kernel.state_hash(self.engine)

    def _position(self, stream: str) -> bytes:
        """Chain head of a stream with everything appended so far on disk."""
        writer = self.log.inputs if stream == "inputs" else self.log.outputs
        if writer.next_seq > 1:
            writer.wait_durable(writer.next_seq - 1)
        return writer.position()[1]
