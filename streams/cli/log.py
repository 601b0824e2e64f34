"""`sor log`: what a run's log holds, whether it is whole, its index, its records elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from schemas.errors import InputError
from schemas.units import NS_PER_MS
from streams.cli.log_view import audit_lines, print_facts
from streams.cli.terminal import print_json, print_lines, progress_bar
from streams.clock import SystemClock
from streams.log.audit import audit_run
from streams.log.export import export_run
from streams.log.facts import Watch, run_facts
from streams.log.retention import Policy, execute_prune, plan_prune
from streams.log.run import RunDirectory
from streams.log.signing import Verifier
from streams.replay.follower import Follower, each
from streams.replay.interrupt import Interrupt
from streams.replay.replay import Progress

FOLLOW_PAUSE_NS = 20 * NS_PER_MS

log = App(
    name="log",
    help="what a run's log holds, whether it is whole, and its records elsewhere",
    help_format="plaintext",
    result_action="return_value",
    default_parameter=Parameter(negative=()),
)


@log.command
def info(run: Path, /, *, json: bool = False) -> int:
    """Show segments, records, bytes, pace, snapshots, anchors and versions of a run.

    Parameters
    ----------
    run
        Folder of the run.
    json
        One JSON object instead of tables.
    """
    with Interrupt() as interrupt, progress_bar() as progress, RunDirectory.open(run) as opened:
        facts = run_facts(opened, watcher(interrupt, progress))
    if json:
        print_json(facts)
    else:
        print_facts(facts)
    return 0


@log.command
def check(run: Path, /, *, key: Path | None = None, json: bool = False) -> int:
    """Check every byte of a run: manifest, anchors, both streams and their chains, snapshots.

    Parameters
    ----------
    run
        Folder of the run.
    key
        Public key (PEM) that every anchor must be signed with.
    json
        One JSON object instead of lines.
    """
    verifier = Verifier(key) if key is not None else None
    with Interrupt() as interrupt, progress_bar() as progress:
        audit = audit_run(run, verifier, watcher(interrupt, progress))
    found = [
        {"file": f.file, "offset": f.offset, "seq": f.seq, "what": f.what} for f in audit.findings
    ]
    if json:
        print_json(
            {
                "run": str(run),
                "passed": audit.passed,
                "records": audit.records,
                "snapshots": audit.snapshots,
                "anchors": audit.anchors,
                "signed_anchors": audit.signed,
                "findings": found,
                "notes": audit.notes,
            }
        )
    else:
        print_lines("Intact" if audit.passed else "DAMAGED", audit_lines(audit))
    if not audit.passed:
        first = audit.findings[0]
        print(f"sor: {first.file}: {first.what}", file=sys.stderr)
    return 0 if audit.passed else 1


@log.command
def index(run: Path, /, *, json: bool = False) -> int:
    """Build the index by decision and order again from the segments.

    Parameters
    ----------
    run
        Folder of the run.
    json
        One JSON object instead of a line.
    """
    with RunDirectory.open(run, writable=True) as opened:
        outputs = sum(opened.shard(number).rebuild_index() for number in opened.shards())
    if json:
        print_json({"run": str(run), "outputs": outputs})
    else:
        print_lines("Indexed", [f"{outputs:,} outputs of {run}"])
    return 0


@log.command
def export(
    run: Path,
    /,
    *,
    out: Path,
    form: Annotated[str, Parameter(name="--format")] = "jsonl",
    stream: str = "outputs",
    force: Annotated[bool, Parameter(name=["--force", "-f"])] = False,
    json: bool = False,
) -> int:
    """Write a run's records as JSON lines (a file) or Parquet (a folder, a file a record type).

    Parameters
    ----------
    run
        Folder of the run.
    out
        File for jsonl, folder for parquet.
    form
        jsonl or parquet.
    stream
        outputs or inputs.
    force
        Write over what is there.
    json
        One JSON object instead of lines.
    """
    with Interrupt() as interrupt, progress_bar() as progress, RunDirectory.open(run) as opened:
        watch = watcher(interrupt, progress)
        files = export_run(opened, out, form, stream, force, watch)
    if json:
        print_json({"run": str(run), "files": [str(file) for file in files]})
    else:
        print_lines("Exported", [str(file) for file in files])
    return 0


@log.command
def follow(
    run: Path, /, *, every: int = 1_000_000, core: str = "native", once: bool = False
) -> int:
    """Take snapshots beside whoever writes a run, and execute every output again on the way.

    Parameters
    ----------
    run
        Folder of the run.
    every
        Inputs between two snapshots of a shard.
    core
        native or reference.
    once
        Go to the end of a run that nobody writes any more, take a snapshot there, and stop.
    """
    if every < 1:
        raise InputError(f"--every {every}: give 1 or more")
    with Interrupt() as interrupt, progress_bar() as progress, RunDirectory.open(run) as opened:
        due = each(every)
        followers = [Follower(opened, number, due, core) for number in opened.shards()]
        while not interrupt.is_raised:
            folded = sum(follower.advance(once) for follower in followers)
            progress("following", sum(follower.engine.seq for follower in followers), 0)
            if once:
                break
            if not folded:
                SystemClock().sleep_ns(FOLLOW_PAUSE_NS)
    taken = sum(follower.snapshots for follower in followers)
    print_lines("Followed", [f"{taken} snapshots taken; every output up to here is as executed"])
    return 0


@log.command
def prune(
    run: Path,
    /,
    *,
    keep_snapshots: int = 2,
    keep_days: float | None = None,
    keep_bytes: int | None = None,
    export: Path | None = None,
    yes: bool = False,
    json: bool = False,
) -> int:
    """Remove old snapshots and the segments that only they need; an anchor proves the cut.

    Parameters
    ----------
    run
        Folder of the run.
    keep_snapshots
        How many of the newest snapshots stay, at least 2.
    keep_days
        Keep what is needed to re-execute the last so many days of log time.
    keep_bytes
        Remove no more than is needed to come down to so many bytes of segments.
    export
        Folder for what is removed: segments as they are, and their records as JSON lines.
    yes
        Do it; without it, only say what would be removed.
    json
        One JSON object instead of lines.
    """
    policy = Policy(keep_snapshots, keep_days, keep_bytes)
    with RunDirectory.open(run, writable=True) as opened:
        plans = [plan_prune(opened.shard(number), policy) for number in opened.shards()]
        if yes:
            with Interrupt() as interrupt, progress_bar() as progress:
                for plan in plans:
                    execute_prune(
                        opened.shard(plan.shard), plan, export, watcher(interrupt, progress)
                    )
    if json:
        print_json({"run": str(run), "removed": yes, "shards": [plan.facts() for plan in plans]})
    else:
        print_lines("Pruned" if yes else "Would remove", [plan.line() for plan in plans])
    if yes or not any(plan.segments for plan in plans):
        return 0
    print("sor: nothing was removed; pass --yes to do it", file=sys.stderr)
    return 2


def watcher(interrupt: Interrupt, progress: Progress) -> Watch:
    """Moves the bar, and stops at Ctrl-C."""

    def watch(what: str, records: int) -> None:
        interrupt.check()
        progress(what, records, 0)

    return watch
