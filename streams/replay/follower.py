"""Takes a shard's snapshots beside whoever writes it, in a process of its own.

The state at a position is a function of the log, so it need not be taken from the engine that
decides: a second engine follows the log and writes its own. The writer never pauses for it, and
every output is executed a second time and compared on the way. It stays one frame behind: a group
is a frame and is synced before the next one is written, so a frame that has another one behind it
is durable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aggregates import kernel
from schemas.errors import CorruptLogError
from streams.log._journal import chain_origin
from streams.log.proof import chain_at
from streams.log.run import RunDirectory
from streams.log.segments import Frame
from streams.log.shard_log import ShardLog
from streams.log.snapshots import SnapshotStore
from streams.replay.restore import Beside, Nothing

KEEP = 3
IsDue = Callable[[int], bool]
"""Whether a snapshot is due, so many inputs after the last one."""


@dataclass
class OutputsBehind:
    """Logged outputs not compared yet: the frames, and how far into the first one we are."""

    frames: deque[Frame]
    offset: int = 0


def each(inputs: int) -> IsDue:
    """A snapshot each so many inputs."""
    return lambda folded: folded >= inputs


class Kept(Beside, Protocol):
    """What is kept with each snapshot, and how."""

    def keep(self, seq: int) -> None:
        """Stores it durably, before the snapshot at `seq` is written."""


class NothingKept(Nothing):
    """Snapshots stand alone."""

    def keep(self, seq: int) -> None:
        """Nothing to store."""


class Follower:
    """One shard's second engine."""

    def __init__(
        self,
        run: RunDirectory,
        shard: int,
        is_due: IsDue,
        core: str = "native",
        beside: Kept | None = None,
    ) -> None:
        self.log: ShardLog = run.shard(shard)
        self.log.sign_with(run.signer())
        self.is_due = is_due
        self.beside = beside or NothingKept()
        self.engine = kernel.load(core, shard)
        folder = self.log.directory / "snapshots"
        # Others may prune what a difference would lean on, so each is whole.
        self.store = SnapshotStore(folder, kept=self.log.anchor_snapshot, full_every=1)
        newest = self.store.latest()
        if newest is not None:
            self.engine.restore(newest.state)
        self.last_seq = self.engine.seq
        self.beside.start(self.last_seq)
        self.snapshots = 0
        first, first_out = self.engine.seq + 1, self.engine.out_seq + 1
        self._inputs = self.log.reader("inputs", first if first > 1 else None)
        self._outputs = self.log.reader("outputs", first_out if first_out > 1 else None)
        self._held: Frame | None = None
        self._folded: Frame | None = None
        self._made = bytearray()
        self._behind = OutputsBehind(deque())
        self._output_chain = newest.info.output_chain if newest else chain_origin("outputs", shard)

    def advance(self, to_end: bool = False) -> int:
        """Folds what became durable and takes a snapshot when one is due; inputs folded.

        `to_end` also folds the last frame: only for a log that nobody writes any more.
        """
        before = self.engine.seq
        for frame in self._inputs:
            if self._held is not None:
                self._fold(self._held)
            self._held = frame
        if to_end and self._held is not None:
            self._fold(self._held)
            self._held = None
        self._compare()
        if to_end and not self._made and self.engine.seq > self.last_seq:
            self._snapshot()
        return self.engine.seq - before

    def _fold(self, frame: Frame) -> None:
        _, outputs = self.engine.step(frame.payload)
        self._made += outputs
        self._folded = frame
        self.beside.learn(frame.first_seq, frame.payload)
        if self.is_due(self.engine.seq - self.last_seq):
            self._compare()
            if not self._made:  # else its outputs are not written yet; the next frame will do
                self._snapshot()

    def _compare(self) -> None:
        """Takes logged outputs off those made; CorruptLogError where they differ."""
        self._behind.frames.extend(self._outputs)
        behind = self._behind
        while self._made and behind.frames:
            frame = behind.frames[0]
            rest = frame.payload[behind.offset :]
            size = min(len(rest), len(self._made))
            if rest[:size] != self._made[:size]:
                raise CorruptLogError(
                    f"{frame.path}: outputs of inputs up to {self.engine.seq} are not what the "
                    "engine makes of them; run `sor verify`"
                )
            del self._made[:size]
            behind.offset += size
            if not self._made:
                self._output_chain = chain_at(frame, self.engine.out_seq)
            if behind.offset == len(frame.payload):
                behind.frames.popleft()
                behind.offset = 0

    def _snapshot(self) -> None:
        """Stores the state at the end of the last folded frame."""
        engine, frame = self.engine, self._folded
        if frame is None:
            return
        position = (engine.seq, engine.out_seq, engine.log_ns)
        self.beside.keep(engine.seq)
        self.log.reference_version = engine.reference_version
        self.store.put(*position, frame.chain_head, self._output_chain, engine.state_bytes())
        self.store.prune(KEEP)
        self.last_seq = engine.seq
        self.snapshots += 1
