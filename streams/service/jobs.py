"""Verifications and what-ifs of the service's log, each a `sor` process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from projections.api.problems import ProblemError

MOST_RUNNING = 2
REMEMBERED = 100
PROGRAM = (sys.executable, "-m", "streams.cli.main")


class ProcessJobs:
    """Jobs of one run."""

    def __init__(self, run: Path, now_ns: Callable[[], int]) -> None:
        self.run, self.now_ns = run, now_ns
        self._jobs: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._processes: set[asyncio.subprocess.Process] = set()
        self._ids = itertools.count(1)

    def start(self, kind: str, terms: dict[str, Any], caller: str) -> dict[str, Any]:
        """Begins a job; ProblemError when too many run."""
        if sum(job["state"] == "running" for job in self._jobs.values()) >= MOST_RUNNING:
            raise ProblemError(503, "busy", f"at most {MOST_RUNNING} jobs at once; try again later")
        job: dict[str, Any] = {
            "id": str(next(self._ids)),
            "kind": kind,
            "state": "running",
            "started_ns": self.now_ns(),
            "caller": caller,
        }
        self._jobs[job["id"]] = job
        while len(self._jobs) > REMEMBERED:
            self._jobs.popitem(last=False)
        task = asyncio.get_running_loop().create_task(self._run(job, self._command(job, terms)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return dict(job)

    def get(self, job: str) -> dict[str, Any] | None:
        """State and result of a job."""
        found = self._jobs.get(job)
        return None if found is None else dict(found)

    def all(self) -> list[dict[str, Any]]:
        """Every job that is remembered, newest first."""
        return [dict(job) for job in reversed(self._jobs.values())]

    async def close(self) -> None:
        """Ends what still runs."""
        for process in list(self._processes):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _command(self, job: dict[str, Any], terms: dict[str, Any]) -> list[str]:
        if job["kind"] == "verify":
            return ["verify", str(self.run), "--json"]
        path = self.run / f"whatif-{job['id']}.toml"
        path.write_text(terms["policy"], encoding="utf-8")
        return ["whatif", str(self.run), "--policy", str(path), "--json"]

    async def _run(self, job: dict[str, Any], arguments: list[str]) -> None:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "SOR_PROGRESS": "json"},
        )
        job["pid"] = process.pid
        self._processes.add(process)
        assert process.stdout is not None
        assert process.stderr is not None
        out, error = await asyncio.gather(
            process.stdout.read(), follow_progress(process.stderr, job)
        )
        await process.wait()
        self._processes.discard(process)
        job["ended_ns"], job["exit_code"] = self.now_ns(), process.returncode
        job["state"] = "done" if process.returncode == 0 else "failed"
        try:
            job["result"] = orjson.loads(out)
        except orjson.JSONDecodeError:
            job["error"] = error.decode(errors="replace")[-500:]


async def follow_progress(stream: asyncio.StreamReader, job: dict[str, Any]) -> bytes:
    """Keeps the newest step in `job["progress"]`; the end of what is no step."""
    rest = b""
    async for line in stream:
        if line.startswith(b'{"what"'):
            job["progress"] = orjson.loads(line)
        else:
            rest = (rest + line)[-4_096:]
    return rest
