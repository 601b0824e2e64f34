"""Re-executes a run's inputs, shards side by side, and compares everything that was kept of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from aggregates import kernel
from schemas.errors import InputError
from schemas.units import NS_PER_S
from streams.clock import Clock, SystemClock
from streams.log.run import RunDirectory
from streams.log.segment import STREAMS, list_segments
from streams.replay.interrupt import Interrupt
from streams.replay.parallel import side_by_side
from streams.replay.replay import Progress, no_progress
from streams.replay.verdict import ShardVerdict, Verdict
from streams.replay.verify_shard import Job, ShardVerifier, Watch

ALONE_BYTES = 32 << 20
"""A run smaller than this is verified in this process: starting others would take longer."""


def verify(
    path: Path,
    core: str,
    interrupt: Interrupt,
    progress: Progress = no_progress,
    clock: Clock | None = None,
    from_seq: int | None = None,
    jobs: int | None = None,
    resume: bool = True,
) -> tuple[Verdict, dict[str, Any]]:
    """(verdict, result with the keys of `sor verify --json`) of the run at `path`.

    `from_seq` starts each shard from its newest snapshot at or before that input. `jobs` is how
    many processes work side by side, by default one a processor for a run that is worth it.
    `resume` goes on where a verification was stopped.
    """
    clock = clock or SystemClock()
    started_ns = clock.elapsed_ns()
    kernel.load(core)  # an unknown core is refused before anything starts
    with RunDirectory.open(path) as run:
        require_generation(run.manifest)
        work = [Job(path, shard, core, from_seq, resume) for shard in run.shards()]
        workers = min(len(work), jobs or default_jobs(run))
        total = int(run.manifest.get("inputs", 0))
        watch = watcher(interrupt, progress, total)
        if workers > 1:
            found = side_by_side(verify_shard, work, workers, watch)
        else:
            found = [ShardVerifier(run, job, watch, clock).execute() for job in work]
        verdict = Verdict(found)
        verdict.compare(run.manifest)
    elapsed_s = (clock.elapsed_ns() - started_ns) / NS_PER_S
    return verdict, verdict.facts(elapsed_s)


def verify_shard(job: Job, watch: Watch) -> ShardVerdict:
    """Verifies one shard in a process of its own."""
    with RunDirectory.open(job.path) as run:
        return ShardVerifier(run, job, watch, SystemClock()).execute()


def default_jobs(run: RunDirectory) -> int:
    """One process a processor; one in all for a small run."""
    folders = [run.shard(number).directory for number in run.shards()]
    files = [path for folder in folders for s in STREAMS for path in list_segments(folder, s)]
    size = sum(path.stat().st_size for path in files)
    return 1 if size < ALONE_BYTES else len(os.sched_getaffinity(0))


def watcher(interrupt: Interrupt, progress: Progress, total: int) -> Watch:
    """Moves the bar by all shards together, and stops at Ctrl-C."""
    reached: dict[int, int] = {}

    def watch(shard: int, seq: int) -> None:
        interrupt.check()
        reached[shard] = seq
        progress("verifying", sum(reached.values()), total)

    return watch


def require_generation(manifest: dict[str, Any]) -> None:
    """InputError when another engine generation made the run."""
    versions = manifest.get("versions", {})
    wrote = versions.get("engine_generation", "")
    if wrote != kernel.GENERATION.hex():
        raise InputError(
            f"the run was made by engine generation {wrote[:16] or 'unknown'}, this program is "
            f"{kernel.GENERATION.hex()[:16]}; verify it with venuefold "
            f"{versions.get('venuefold', 'of its own version')}"
        )
