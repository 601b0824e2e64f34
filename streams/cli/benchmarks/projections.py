"""Read models: rows a second while following a log and while rebuilding, SQLite and PostgreSQL.

Rows are those of decisions, children and fills (1 : 3 : 3); order states, performance sums and
positions are written with them and not counted. The log is a bulk run (`streams.bulk`). Beside each
rate stands the same by processor time, which neighbours on the machine do not change.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from projections.store.database import open_generations
from projections.store.writer import StoreWriter
from projections.views.fold import HISTORY_NS
from streams.bulk import ROWS, write_run
from streams.cli.benchmarks.timing import Result, rate
from streams.log.run import RunDirectory
from streams.projector import Progress, ShardFollower, first_generation, run_key
from streams.rebuild import rebuild

STORED, STORED_FULL = 1_000_000, 10_000_000
"""Decisions of the run that is rebuilt and then read from."""

FOLLOWED, FOLLOWED_FULL = 100_000, 1_000_000
"""Decisions of the run that is followed."""

LIVE_BYTES = 256 << 10
"""A batch of a live projector at 2,000 decisions a second, looking twenty times a second."""

LIVE_ORDERS = 100
"""Orders a frame of the log: what 50 ms bring at that rate."""

POSTGRES_VARIABLE = "SOR_BENCH_POSTGRES"
"""URL of an empty PostgreSQL database; its benchmarks are there when it is set."""


class ReadModelBench:
    """Bulk runs and the stores made from them; each is made when a benchmark needs it."""

    def __init__(self, folder: Path, is_full: bool) -> None:
        self.folder = folder
        self.stored = STORED_FULL if is_full else STORED
        self.followed = FOLLOWED_FULL if is_full else FOLLOWED
        self.sqlite = f"sqlite:///{folder / 'rebuilt'}"
        self._built: set[str] = set()
        self.postgres = os.environ.get(POSTGRES_VARIABLE)

    def benchmarks(self) -> dict[str, Callable[[], Result]]:
        """All of them by name."""
        live = f"sqlite:///{self.folder / 'live'}"
        found: dict[str, Callable[[], Result]] = {
            "projection.events": lambda: self.events("projection.events", live),
            "projection.rebuild": lambda: self.rebuild("projection.rebuild", self.sqlite),
        }
        url = self.postgres
        if url:
            following, whole = "projection.events.postgresql", "projection.rebuild.postgresql"
            found[following] = lambda: self.events(following, url)
            found[whole] = lambda: self.rebuild(whole, url)
        return found

    def run(self, decisions: int) -> Path:
        """A bulk run of so many decisions."""
        path = self.folder / f"bulk-{decisions}"
        if not path.exists():
            write_run(path, decisions, chunk=LIVE_ORDERS)
        return path

    def store(self, url: str) -> str:
        """The URL of a store of the stored run, built if it is not there yet."""
        if url not in self._built:
            self.rebuild("", url)
        return url

    def events(self, name: str, url: str) -> Result:
        """A projector that follows the log in small batches, each one transaction."""
        run = self.run(self.followed)
        generations = open_generations(url)
        engine = generations.engine(first_generation(generations))
        writer = StoreWriter(engine, run_key(run), HISTORY_NS, overlaps=True)
        with RunDirectory.open(run) as opened:
            directory = opened.shard(0).directory
        follower = ShardFollower(directory, 0, writer, LIVE_BYTES)
        found = timed_rate(
            name, self.followed * ROWS, lambda: follower.step(Progress(), lambda: None)
        )
        writer.close()
        generations.close()
        return found

    def rebuild(self, name: str, url: str) -> Result:
        """From nothing to current, indexes included."""
        run = self.run(self.stored)
        self._built.add(url)
        return timed_rate(name, self.stored * ROWS, lambda: rebuild(run, url))


def timed_rate(name: str, rows: int, work: Callable[[], object]) -> Result:
    """Rows a second, and `more`: rows a second of processor time of this process."""
    started_ns, used_ns = time.perf_counter_ns(), time.process_time_ns()
    work()
    used_ns = max(1, time.process_time_ns() - used_ns)
    found = rate(name, "rows/s", rows, time.perf_counter_ns() - started_ns)
    found.more = {"rows_per_processor_s": round(rows * 1e9 / used_ns)}
    return found
