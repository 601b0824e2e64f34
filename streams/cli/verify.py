"""`sor verify`: proves that a run's log is what its inputs make."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from streams.cli.terminal import print_json, print_lines, progress_bar
from streams.replay.interrupt import Interrupt
from streams.replay.verify import Verdict
from streams.replay.verify import verify as verify_run


def verify(run: Path, /, *, core: str = "native", json: bool = False) -> int:
    """Re-execute a run and compare every output byte, the chain and the state.

    Args:
        run: Folder of the run.
        core: native or reference.
        json: One JSON object instead of lines.
    """
    with Interrupt() as interrupt, progress_bar() as progress:
        verdict, result = verify_run(run, core, interrupt, progress)
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
            f"{result['inputs']:,} inputs re-executed by the {core} core, "
            f"{result['inputs_per_s']:,} a second"
        ),
        f"{result['decisions']:,} decisions, {result['mismatches']:,} mismatches",
        f"chain     {result['chain']}",
        f"state     {result['state_hash']}",
        f"decisions {result['decision_hash']}",
    ]
    if verdict.outputs_missing:
        found.append(
            f"{verdict.outputs_missing:,} outputs at the end were never written; the inputs that "
            "make them are whole"
        )
    return found + divergence_lines(verdict.first_divergence)


def divergence_lines(first: dict[str, Any] | None) -> list[str]:
    """Both sides of the first divergence."""
    if first is None:
        return []
    where = first.get("what") or (
        f"shard {first['shard']}, input {first['seq']}, output {first['out_seq']}"
    )
    one, other = first["logged"], first["executed"]
    return [f"first divergence: {where}", f"  logged   {one}", f"  executed {other}"]


def failure(verdict: Verdict) -> str:
    """Why it failed, in one line."""
    first = verdict.first_divergence
    if first is None:
        return f"chain {verdict.chain}"
    if "what" in first:
        return f"{first['what']} differs from the manifest's"
    fields = ", ".join(first["fields"]) or "a record that only one side has"
    return (
        f"{verdict.mismatches} mismatches, the first at input {first['seq']}, output "
        f"{first['out_seq']} of shard {first['shard']} ({fields})"
    )
