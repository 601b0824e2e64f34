"""An evaluation in pieces: parts of it, and going on where a run was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.evaluation import evaluate as harness
from streams.evaluation import jobs
from streams.evaluation.jobs import KEPT, Job, Kept
from streams.evaluation.plan import FULL, PARTS, QUICK, Plan

TINY = Plan(
    venues=(5,),
    headline=6,
    orders=6,
    small_orders=9,
    blocks=1,
    side_blocks=2,
    control_blocks=1,
    families=(),
    parts=("venues", "c"),
    workers=1,
)


def kinds(plan: Plan) -> dict[str, int]:
    found: dict[str, int] = {}
    for job in jobs.jobs(plan):
        found[job.kind] = found.get(job.kind, 0) + 1
    return found


@pytest.mark.parametrize("plan", [QUICK, FULL])
def test_parts_make_up_the_whole(plan: Plan) -> None:
    whole = list(jobs.jobs(plan))
    parts = [
        job
        for name in ("headline", "families", "venues", "controls", "learning")
        for job in jobs.jobs(msgspec.structs.replace(plan, parts=(name,)))
    ]
    assert len(parts) == len(whole)
    assert all(job in whole for job in parts)
    for name in PARTS:
        assert list(jobs.jobs(msgspec.structs.replace(plan, parts=(name,))))


def test_a_letter_is_one_control() -> None:
    found = list(jobs.jobs(msgspec.structs.replace(QUICK, parts=("b",))))
    assert {job.what[0] for job in found} == {1, 2}
    assert kinds(msgspec.structs.replace(QUICK, parts=("learning",))) == {"day": 30, "switch": 30}


def test_a_run_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = harness.evaluate(TINY, tmp_path)
    lines = (tmp_path / KEPT).read_bytes().splitlines(keepends=True)
    assert len(lines) == len(list(jobs.jobs(TINY))) == 3
    (tmp_path / KEPT).write_bytes(lines[0] + lines[1][:40])
    told: list[tuple[int, int]] = []

    def progress(what: str, done: int, total: int) -> None:
        told.append((done, total))

    assert harness.evaluate(TINY, tmp_path, progress) == whole
    assert told == [(1, 3), (2, 3), (3, 3)]
    monkeypatch.setattr(harness, "ProcessPoolExecutor", None)  # nothing is left to run
    assert _whole_again(tmp_path) == whole


def _whole_again(out: Path) -> dict[str, Any]:
    """The same once more, every piece of it kept."""
    return harness.evaluate(TINY, out)


def test_a_result_of_other_code_or_of_other_terms_is_not_taken(tmp_path: Path) -> None:
    job, other = Job(kind="day", what=(8, 1, 10)), Job(kind="day", what=(8, 2, 10))
    with Kept(tmp_path) as kept:
        kept.add(job, {"bps": [float("nan"), 1.0]})
    with Kept(tmp_path) as again:
        assert again.done[again.key(job)] == {"bps": [None, 1.0]}
        assert again.key(other) not in again.done
        again.code = "another build"
        assert again.key(job) not in again.done


def test_only_what_was_run_is_in_a_result(tmp_path: Path) -> None:
    from streams.evaluation.report import reports

    result = harness.evaluate(TINY)
    assert [row["venues"] for row in result["C"]] == [5]
    assert [row["name"] for row in result["controls"]] == ["(c) equal fees"]
    assert result["improvement"] == result["families"] == []
    assert result["learning"] is None
    assert [report.title.split()[0] for report in reports(result)] == ["A", "controls:"]
