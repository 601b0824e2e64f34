"""Brings a shard's engine to where its log ends: newest snapshot, then the tail, then what is lost.

Outputs that the tail gives and the output log no longer holds are appended again, the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from aggregates import kernel
from aggregates.kernel import Engine
from schemas.errors import CorruptLogError
from streams.log.picking import pieces, starts
from streams.log.segment import first_seq as first_kept
from streams.log.shard_log import Recovery, ShardLog
from streams.log.snapshots import Snapshot
from streams.replay.journal import Past


@dataclass(frozen=True)
class Restored:
    """An engine at the end of its log. `tail` counts the inputs that were folded again."""

    engine: Engine
    recovery: Recovery
    tail: int
    reappended: int


class Beside(Protocol):
    """What else follows from the inputs, and is kept with each snapshot."""

    def start(self, seq: int) -> None:
        """Takes over what was kept with the snapshot at `seq`; 0 for the start of the log."""

    def learn(self, first: int, records: memoryview) -> None:
        """Folds the next inputs."""


class Nothing:
    """There is nothing else."""

    def start(self, seq: int) -> None:
        """Nothing to take over."""

    def learn(self, first: int, records: memoryview) -> None:
        """Nothing to fold."""


def restore(log: ShardLog, core: str = "native", beside: Beside | None = None) -> Restored:
    """Opens the log's writers and gives the engine at its end; the log must be writable."""
    beside = beside or Nothing()
    recovery = log.open_writers()
    engine = kernel.load(core, log.shard)
    snapshot = newest(log, recovery)
    if snapshot is not None:
        engine.restore(snapshot.state)
        if (engine.seq, engine.out_seq) != (snapshot.info.seq, snapshot.info.out_seq):
            raise CorruptLogError(
                f"{log.directory}: the snapshot at seq {snapshot.info.seq} holds the state at seq "
                f"{engine.seq}; delete it, a snapshot only saves time"
            )
    start_seq, start_out_seq = engine.seq, engine.out_seq
    past = Past(log, "outputs", recovery.outputs.last_seq, start_out_seq + 1)
    reappended = 0
    beside.start(start_seq)
    first = start_seq + 1 if start_seq else None
    reader = log.reader("inputs", first, verify_chain=False)  # opening has just proven it
    for first_seq, records in pieces(reader):
        before = engine.out_seq
        _, outputs = engine.step(records)
        beside.learn(first_seq, records)
        lost = past.beyond(outputs, engine.out_seq) if engine.out_seq > before else b""
        if lost:
            count = len(starts("outputs", memoryview(lost)))
            log.outputs.append(lost, count, engine.log_ns)
            reappended += count
    return Restored(engine, recovery, engine.seq - start_seq, reappended)


def newest(log: ShardLog, recovery: Recovery) -> Snapshot | None:
    """The newest intact snapshot that both streams reach; CorruptLogError when a pruned log has
    none.
    """
    store = log.snapshots()
    for info in reversed(store.entries()):
        if info.out_seq <= recovery.outputs.last_seq:
            found = store.latest(info.seq)
            if found is not None:
                return found
    start_seq = first_kept(log.directory, "inputs")
    if start_seq > 1:
        raise CorruptLogError(
            f"{log.directory}: inputs start at seq {start_seq} and no snapshot that both streams "
            "reach is intact; restore the snapshots from a copy"
        )
    return None
