"""Read models: rows a second while following a log and while rebuilding, and what reading takes.

Rows are those of decisions, children and fills (1 : 3 : 3); order states, performance sums and
positions are written with them and not counted. The log is a bulk run (`streams.bulk`).
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.random import PCG64, Generator

from projections.store.database import open_generations
from projections.store.lists import Filters
from projections.store.queries import ReadModels
from projections.store.writer import StoreWriter
from projections.views.fold import HISTORY_NS
from schemas.units import NS_PER_MS
from streams.bulk import ROWS, VENUES, write_run
from streams.cli.benchmarks.timing import Result, from_samples, rate
from streams.log.run import RunDirectory
from streams.projector import Progress, ShardFollower, first_generation, run_key
from streams.rebuild import rebuild

QUICK, FULL = 30_000, 1_000_000
LIVE_BYTES = 256 << 10
"""A batch of a live projector at 2,000 decisions a second, looking twenty times a second."""

LIVE_ORDERS = 100
"""Orders a frame of the log: what 50 ms bring at that rate."""

QUERIES = 300
POSTGRES_VARIABLE = "SOR_BENCH_POSTGRES"
"""URL of an empty PostgreSQL database; its benchmarks are there when it is set."""


class ReadModelBench:
    """One bulk run and the stores made from it; each is made when a benchmark needs it."""

    def __init__(self, folder: Path, is_full: bool) -> None:
        self.folder = folder
        self.decisions = FULL if is_full else QUICK
        self.sqlite = f"sqlite:///{folder / 'rebuilt'}"

    def benchmarks(self) -> dict[str, Callable[[], Result]]:
        """All of them by name."""
        found: dict[str, Callable[[], Result]] = {
            "projection.events": lambda: self.events(f"sqlite:///{self.folder / 'live'}"),
            "projection.rebuild": lambda: self.rebuild(self.sqlite),
            "projection.get_one": self.get_one,
            "projection.page": self.page,
        }
        url = os.environ.get(POSTGRES_VARIABLE)
        if url:
            found["projection.rebuild.postgresql"] = lambda: self.rebuild(url, ".postgresql")
        return found

    def run(self) -> Path:
        """The bulk run."""
        path = self.folder / "run"
        if not path.exists():
            write_run(path, self.decisions, chunk=LIVE_ORDERS)
        return path

    def events(self, url: str) -> Result:
        """A projector that follows the log in small batches, each one transaction."""
        run = self.run()
        shutil.rmtree(self.folder / "live", ignore_errors=True)
        generations = open_generations(url)
        engine = generations.engine(first_generation(generations))
        writer = StoreWriter(engine, run_key(run), HISTORY_NS)
        with RunDirectory.open(run) as opened:
            directory = opened.shard(0).directory
        follower = ShardFollower(directory, 0, writer, LIVE_BYTES)
        started_ns = time.perf_counter_ns()
        follower.step(Progress(), lambda: None)
        elapsed_ns = time.perf_counter_ns() - started_ns
        writer.close()
        generations.close()
        return rate("projection.events", "rows/s", self.decisions * ROWS, elapsed_ns)

    def rebuild(self, url: str, suffix: str = "") -> Result:
        """From nothing to current, indexes included."""
        run = self.run()
        started_ns = time.perf_counter_ns()
        rebuild(run, url)
        elapsed_ns = time.perf_counter_ns() - started_ns
        name = f"projection.rebuild{suffix}"
        return rate(name, "rows/s", self.decisions * ROWS, elapsed_ns)

    def get_one(self) -> Result:
        """One decision by id, all columns."""
        models = self._models()
        rng = Generator(PCG64(1))
        ids = [str(1 + int(n) * 8) for n in rng.integers(0, self.decisions, QUERIES)]
        found = timed([partial(models.one, "decisions", i) for i in ids])
        models.close()
        return from_samples("projection.get_one", "ms", found)

    def page(self) -> Result:
        """A page of 100 fills of one instrument at one venue, all columns."""
        models = self._models()
        keys = [row["key"] for row in models.table("venues")]
        calls = [
            lambda n=n: models.page(
                "fills", Filters(instrument=(f"I{n % 500:05d}",), venue=(keys[n % VENUES],))
            )
            for n in range(QUERIES)
        ]
        found = timed(calls)
        models.close()
        return from_samples("projection.page", "ms", found)

    def _models(self) -> ReadModels:
        if not open_generations(self.sqlite).current():
            rebuild(self.run(), self.sqlite)
        return ReadModels(self.sqlite)


def timed(calls: Sequence[Callable[[], object]]) -> list[float]:
    """Milliseconds of each call, after a few to warm up."""
    for call in calls[:10]:
        call()
    samples = np.empty(len(calls))
    for place, call in enumerate(calls):
        started_ns = time.perf_counter_ns()
        call()
        samples[place] = (time.perf_counter_ns() - started_ns) / NS_PER_MS
    found: list[float] = samples.tolist()
    return found
