"""`sor verify`: proves that a run's log is what its inputs make."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from schemas.errors import InputError
from streams.cli.terminal import print_json, print_lines, progress_bar
from streams.replay.interrupt import Interrupt
from streams.replay.verdict import Verdict
from streams.replay.verify import verify as verify_run


def verify(
    run: Path,
    /,
    *,
    core: str = "native",
    from_seq: int | None = None,
    jobs: int | None = None,
    fresh: bool = False,
    json: bool = False,
) -> int:
    """Re-execute a run and compare every output byte, the chains and every state written down.

    A verification that was stopped goes on where it was.

    Args:
        run: Folder of the run.
        core: native or reference.
        from_seq: Start at the newest snapshot at or before this input, instead of the first input.
        jobs: How many shards side by side; by default one a processor.
        fresh: Begin again, whatever an earlier verification that was stopped had done.
        json: One JSON object instead of lines.
    """
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs {jobs}: give 1 or more")
    with Interrupt() as interrupt, progress_bar() as progress:
        verdict, result = verify_run(
            run, core, interrupt, progress, from_seq=from_seq, jobs=jobs, resume=not fresh
        )
    if json:
        print_json(result)
    else:
        print_lines("Verified" if verdict.passed else "NOT verified", lines(verdict, result, core))
    if not verdict.passed:
        print(f"sor: {run}: {failure(verdict)}", file=sys.stderr)
    return 0 if verdict.passed else 1


def lines(verdict: Verdict, result: dict[str, Any], core: str) -> list[str]:
    """What was compared and found."""
    found = [
        (
            f"{result['executed']:,} inputs re-executed by the {core} core, "
            f"{result['inputs_per_s']:,} a second"
        ),
        f"{result['decisions']:,} decisions, {result['mismatches']:,} mismatches",
        f"{result['states']:,} states of anchors and snapshots hold",
        f"chain     {result['chain']}",
        f"state     {result['state_hash']}",
        f"decisions {result['decision_hash']}",
    ]
    for shard in verdict.shards:
        if shard.resumed_at:
            found.append(f"shard {shard.shard} went on after input {shard.resumed_at:,}")
        elif shard.inputs > shard.executed:
            found.append(f"shard {shard.shard} began at a snapshot, not at its first input")
    if verdict.outputs_missing:
        found.append(
            f"{verdict.outputs_missing:,} outputs at the end were never written; the inputs that "
            "make them are whole"
        )
    return found + divergence_lines(verdict.first_divergence)


def divergence_lines(first: dict[str, Any] | None) -> list[str]:
    """Both sides of the first divergence, and what the other core makes of it."""
    if first is None:
        return []
    where = first.get("what") or (
        f"shard {first['shard']}, input {first['seq']}, output {first['out_seq']}"
    )
    one, other = first["logged"], first["executed"]
    found = [f"first divergence: {where}", f"  logged   {one}", f"  executed {other}"]
    if "input" in first:
        found += [f"  input    {first['input']}"]
        found += [f"  the state agrees up to input {first['state_agrees_until']:,}"]
        found += core_lines(first["cores"])
    return found


def core_lines(cores: dict[str, Any] | None) -> list[str]:
    """Whether the cores agree, and where they part."""
    if cores is None:
        return ["  too far from the last proven state to ask the other core; take more snapshots"]
    if cores["agree"]:
        return ["  both cores agree, so the log was changed or another program wrote it"]
    said = [f"  {name:<9} {cores[name]}" for name in ("native", "reference")]
    return [f"  the cores part at input {cores['seq']:,}: {cores['input']}", *said]


def failure(verdict: Verdict) -> str:
    """Why it failed, in one line."""
    first = verdict.first_divergence
    if first is None:
        return f"chain {verdict.chain}"
    if "what" in first:
        whose = "" if "input" in first else " from the manifest's"
        return f"{first['what']} differs{whose}"
    fields = ", ".join(first["fields"]) or "a record that only one side has"
    return (
        f"{verdict.mismatches} mismatches, the first at input {first['seq']}, output "
        f"{first['out_seq']} of shard {first['shard']} ({fields})"
    )
