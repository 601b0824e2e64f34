"""Keeps read models up with a run: tails every shard's logs and stores what they change.

It runs in a process of its own. Killed at any point it goes on from the stored position; what it
had not stored is read again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from projections.store.database import Generations, open_generations
from projections.store.writer import StoreWriter
from projections.views.batch import OutputBatch
from projections.views.fold import HISTORY_NS
from schemas.units import NS_PER_MS
from streams.clock import Clock, SystemClock
from streams.log.run import RunDirectory, read_manifest
from streams.log.tail import BATCH_BYTES, InputTail, OutputTail

POLL_NS = 10 * NS_PER_MS
IDLE_NS = 50 * NS_PER_MS
Stored = Callable[[int, OutputBatch], None]
"""Told of each batch once it is stored."""


class StoppedError(Exception):
    """Told to stop before all batches were stored; the rest is read again."""


@dataclass
class Progress:
    """What a projector has done: rows written, outputs stored, log time reached."""

    rows: int = 0
    outputs: int = 0
    log_ns: int = 0


class ShardFollower:
    """One shard's logs on their way into a store."""

    def __init__(
        self,
        log_directory: Path,
        shard: int,
        writer: StoreWriter,
        max_bytes: int = BATCH_BYTES,
        stored: Stored | None = None,
    ) -> None:
        position = writer.position(shard)
        self.shard, self.writer, self.stored = shard, writer, stored
        self.outputs = OutputTail(log_directory, shard, position.out_seq, max_bytes)
        self.inputs = InputTail(log_directory, shard, position.seq)

    def step(self, progress: Progress, check: Callable[[], None]) -> int:
        """Stores what is new; how many outputs."""
        found = 0
        for batch in self.outputs.batches():
            check()
            records = self.inputs.upto(batch.last_seq)
            progress.rows += self.writer.apply(self.shard, batch, records)
            progress.log_ns = max(progress.log_ns, batch.last_ns)
            if self.stored is not None:
                self.writer.flush()
                self.stored(self.shard, batch)
            found += len(batch)
        settled = self.inputs.settled()
        if settled:
            progress.rows += self.writer.apply(self.shard, None, settled)
        self.writer.flush()
        progress.outputs += found
        return found


class Projector:
    """Follows all shards of a run into the current generation of a store.

    After a rebuild has made another generation current, it goes on there.
    """

    def __init__(
        self,
        run: Path,
        url: str,
        history_ns: int = HISTORY_NS,
        clock: Clock | None = None,
        stored: Stored | None = None,
    ) -> None:
        self.path, self.history_ns = run, history_ns
        self.run_key = run_key(run)
        self.clock = clock or SystemClock()
        self.generations = open_generations(url)
        self.progress, self.stored = Progress(), stored
        self.generation = 0
        self._writer: StoreWriter | None = None
        self._followers: dict[int, ShardFollower] = {}

    def step(self, check: Callable[[], None] = lambda: None) -> int:
        """Stores everything that is there now; how many outputs."""
        self._follow_current()
        assert self._writer is not None
        found = 0
        with RunDirectory.open(self.path) as run:
            for shard in run.shards():
                if shard not in self._followers:
                    directory = run.shard(shard).directory
                    self._followers[shard] = ShardFollower(
                        directory, shard, self._writer, stored=self.stored
                    )
                found += self._followers[shard].step(self.progress, check)
        return found

    def follow(self, is_stopped: Callable[[], bool]) -> None:
        """Steps until told to stop, also between batches, resting where there is nothing new."""

        def check() -> None:
            if is_stopped():
                raise StoppedError

        rest_ns = POLL_NS
        with suppress(StoppedError):
            while not is_stopped():
                rest_ns = POLL_NS if self.step(check) else min(IDLE_NS, rest_ns + POLL_NS)
                self.clock.sleep_ns(rest_ns)

    def close(self) -> None:
        """Gives connections back."""
        if self._writer is not None:
            self._writer.close()
        self.generations.close()

    def _follow_current(self) -> None:
        current = self.generations.current()
        if self._writer is not None and current == self.generation:
            return
        if self._writer is not None:
            self._writer.close()
        if not current:
            current = first_generation(self.generations)
        self.generation = current
        engine = self.generations.engine(current)
        self._writer = StoreWriter(engine, self.run_key, self.history_ns, overlaps=True)
        self._followers = {}


def first_generation(generations: Generations) -> int:
    """Makes an empty generation current in a store that has none."""
    number = generations.next_number()
    generations.create(number)
    generations.make_current(number)
    return number


def run_key(run: Path) -> str:
    """What tells this run from others: its folder may move, its beginnings may not change."""
    manifest: dict[str, Any] = read_manifest(run)
    parts = [manifest.get(name) for name in ("kind", "dataset", "seed", "config_hash")]
    return "/".join(str(part) for part in parts if part is not None) or "run"
