"""Work on shards in processes side by side, with one bar and one Ctrl-C for all."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from queue import Empty
from typing import Any, TypeVar

from streams.replay.interrupt import InterruptError

POLL_S = 0.1
Watch = Callable[[int, int], None]
"""Told (shard, records done)."""
Job = TypeVar("Job")
Result = TypeVar("Result")
NOBODY = -1
_shared: dict[str, Any] = {}
"""In a worker: the queue of progress and the flag to stop."""


def side_by_side(
    task: Callable[[Job, Watch], Result], jobs: Sequence[Job], workers: int, watch: Watch
) -> list[Result]:
    """Results in the order of `jobs`; `task` is a function of a module.

    `watch` runs here and may raise to stop all workers. Processes are started afresh: nothing of
    this one's threads and open files gets into them.
    """
    context = multiprocessing.get_context("spawn")
    queue, stop = context.Queue(), context.Event()
    with ProcessPoolExecutor(workers, context, start_worker, (queue, stop)) as pool:
        futures = [pool.submit(run_in_worker, task, job) for job in jobs]
        try:
            watch_all(futures, queue, watch)
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise
        return [future.result() for future in futures]


def watch_all(futures: Sequence[Future[Any]], queue: Any, watch: Watch) -> None:
    """Passes progress on until all is done or one failed."""
    pending, reached = set(futures), {NOBODY: 0}
    while pending:
        done, pending = wait(pending, POLL_S, FIRST_COMPLETED)
        for future in done:
            future.result()
        try:
            while True:
                shard, place = queue.get_nowait()
                reached[shard] = place
        except Empty:
            pass
        for shard, place in reached.items():
            watch(shard, place)


def start_worker(queue: Any, stop: Any) -> None:
    """In a new process: Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _shared.update(queue=queue, stop=stop)


def run_in_worker(task: Callable[[Job, Watch], Result], job: Job) -> Result:
    """The task, told of the parent's wish to stop."""
    return task(job, report)


def report(shard: int, place: int) -> None:
    """Progress of a worker; raises once all are to stop."""
    if _shared["stop"].is_set():
        raise InterruptError("interrupted")
    _shared["queue"].put((shard, place))
