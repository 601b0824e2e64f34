"""`sor projections`: keeps the read models of a run, builds them anew, says how far they are."""

from __future__ import annotations

import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from schemas.errors import InputError
from streams.cli.terminal import print_json, print_lines
from streams.rebuild import rebuild, status

STORE_FOLDER = "projections"


def projections(
    verb: Literal["run", "rebuild", "status", "fill"],
    run: Path,
    /,
    *,
    store: str | None = None,
    history_s: int = 60,
    once: bool = False,
    decisions: int = 1_000_000,
    json: bool = False,
) -> int:
    """Keep the read models of a run in a database.

    `run` follows the log until Ctrl-C, `rebuild` builds anew beside those in use and swaps,
    `status` says how far they are. `fill` writes a new run of made-up decisions, to measure on.

    Args:
        verb: `run`, `rebuild`, `status` or `fill`.
        run: Folder of the run.
        store: `sqlite:///FOLDER` or `postgresql://USER@HOST/DATABASE`; a folder in the run's.
        history_s: Cadence of the quality history; changing it takes a rebuild.
        once: `run`: stop when everything written by now is stored.
        decisions: `fill`: how many; each has three children and three fills.
        json: One JSON object instead of lines.
    """
    url = store or f"sqlite:///{run.resolve() / STORE_FOLDER}"
    if history_s < 1:
        raise InputError(f"--history-s {history_s}: give 1 or more")
    history_ns = history_s * 1_000_000_000
    writes = verb == "fill"
    facts = fill(run, decisions) if writes else act(verb, run, url, history_ns, once)
    if json:
        print_json(facts)
    else:
        print_lines("Read models", [f"{name}: {value}" for name, value in facts.items()])
    return 0


def fill(run: Path, decisions: int) -> dict[str, Any]:
    """Writes a bulk run; `sor projections rebuild` stores it."""
    from streams.bulk import write_run

    if decisions < 1:
        raise InputError(f"--decisions {decisions}: give 1 or more")
    return {"decisions": decisions, "rows": write_run(run, decisions), "run": str(run)}


def act(verb: str, run: Path, url: str, history_ns: int, once: bool) -> dict[str, Any]:
    """Does what the verb says; what to report."""
    if verb == "run":
        return follow(run, url, history_ns, once)
    if verb == "status":
        return status(run, url)
    facts = asdict(rebuild(run, url, history_ns))
    return {**facts, "rows_per_s": round(facts["rows"] / max(facts["elapsed_s"], 0.001))}


def follow(run: Path, url: str, history_ns: int, once: bool) -> dict[str, Any]:
    """Projects until SIGINT or SIGTERM, or once."""
    from streams.projector import Projector

    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    projector = Projector(run, url, history_ns)
    try:
        if once:
            while projector.step():
                pass
        else:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, stop)
            projector.follow(lambda: stopped)
    finally:
        projector.close()
    return {**asdict(projector.progress), "generation": projector.generation}
