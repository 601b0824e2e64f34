"""Builds read models from the whole log beside those in use, then puts them in their place.

Readers and the live projector stay on the current generation until one atomic step makes the new
one current; a projector that is running goes on there. Killed before that step, a rebuild has
changed nothing that anyone reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Engine

from projections.store.database import Generations, open_generations
from projections.store.migrate import create_indexes, drop_indexes
from projections.store.writer import StoreWriter
from projections.views.fold import HISTORY_NS
from schemas.units import NS_PER_S
from streams.clock import Clock, SystemClock
from streams.log.run import RunDirectory
from streams.projector import Progress, ShardFollower, run_key

BULK_BYTES = 8 << 20
CATCH_UP_OUTPUTS = 1_000
"""Swapped when a pass over the logs finds no more than this: the projector does the rest."""

MAX_PASSES = 100


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild did."""

    generation: int
    replaced: int
    outputs: int
    rows: int
    elapsed_s: float


def rebuild(
    run: Path,
    url: str,
    history_ns: int = HISTORY_NS,
    *,
    check: Callable[[], None] = lambda: None,
    clock: Clock | None = None,
) -> Rebuilt:
    """Fills the next generation of the store from the run's logs and makes it current."""
    clock = clock or SystemClock()
    started_ns = clock.elapsed_ns()
    generations = open_generations(url)
    try:
        with generations.lock():
            before = generations.current()
            remove_abandoned(generations)
            number = generations.next_number()
            generations.create(number)
            progress = fill(generations, number, run, history_ns, check)
            generations.make_current(number)
    finally:
        generations.close()
    elapsed_s = (clock.elapsed_ns() - started_ns) / NS_PER_S
    return Rebuilt(number, before, progress.outputs, progress.rows, round(elapsed_s, 3))


def remove_abandoned(generations: Generations) -> None:
    """Drops generations that never became current, and those before the current one."""
    for number in generations.numbers():
        if number != generations.current():
            generations.drop(number)


def fill(
    generations: Generations, number: int, run: Path, history_ns: int, check: Callable[[], None]
) -> Progress:
    """Writes a generation from nothing: rows first, then indexes, then what came meanwhile."""
    progress = Progress()
    engine = generations.engine(number, bulk=True)
    try:
        writer = StoreWriter(engine, run_key(run), history_ns, overlaps=True, holds=True)
        with engine.begin() as connection:
            drop_indexes(connection)
        followers = all_followers(run, writer)
        step_all(followers, progress, check)
        writer.release()
        with engine.begin() as connection:
            create_indexes(connection)
        for _ in range(MAX_PASSES):
            if step_all(followers, progress, check) <= CATCH_UP_OUTPUTS:
                break
        writer.release()
        settle(engine)
    finally:
        engine.dispose()
    return progress


def settle(engine: Engine) -> None:
    """Puts what a bulk load kept in memory on disk."""
    if engine.dialect.name == "sqlite":
        raw = engine.raw_connection()
        for pragma in ("synchronous=FULL", "wal_checkpoint(TRUNCATE)", "optimize"):
            raw.cursor().execute(f"PRAGMA {pragma}")
        raw.close()
        return
    with engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")


def all_followers(run: Path, writer: StoreWriter) -> list[ShardFollower]:
    """A follower for each shard of a run, in large batches."""
    with RunDirectory.open(run) as opened:
        return [
            ShardFollower(opened.shard(shard).directory, shard, writer, BULK_BYTES)
            for shard in opened.shards()
        ]


def step_all(followers: list[ShardFollower], progress: Progress, check: Callable[[], None]) -> int:
    """One pass over all shards; how many outputs."""
    return sum([follower.step(progress, check) for follower in followers])


def status(run: Path, url: str) -> dict[str, Any]:
    """How far the current generation is behind each shard's outputs."""
    generations = open_generations(url)
    try:
        number = generations.current()
        rows = stored_rows(generations, number) if number else {}
        found = []
        with RunDirectory.open(run) as opened:
            for shard in opened.shards():
                last = last_output(opened, shard)
                there = rows.get(shard, 0)
                found.append(
                    {"shard": shard, "projected": there, "written": last, "lag": last - there}
                )
        return {
            "store": type(generations).__name__.removesuffix("Generations").lower(),
            "generation": number,
            "generations": generations.numbers(),
            "shards": found,
        }
    finally:
        generations.close()


def stored_rows(generations: Generations, number: int) -> dict[int, int]:
    """Last stored output of each shard."""
    engine = generations.engine(number)
    try:
        with engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT shard, out_seq FROM positions").all()
    finally:
        engine.dispose()
    return {int(shard): int(out_seq) for shard, out_seq in rows}


def last_output(run: RunDirectory, shard: int) -> int:
    """Last output that a shard's log holds, 0 when it holds none."""
    log = run.shard(shard)
    paths = sorted(log.directory.glob("outputs-*.seg"))
    if not paths:
        return 0
    first = int(paths[-1].stem.rpartition("-")[2])
    last = first - 1
    for frame in log.reader("outputs", first if first > 1 else None, verify_chain=False):
        last = frame.last_seq
    return last
