"""What `make prove` says of a promise follows from what was run, and nothing else."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from tests import prove
from tests.prove import Result


def result(test: str, outcome: str, commit: str = "now") -> Result:
    """A line of the results."""
    return Result(1, test, commit, 0, outcome, 1.0, [])


@pytest.mark.parametrize(
    ("tests", "results", "state"),
    [
        ([], [], "no test yet"),
        (["a"], [], "0 of 1 tests run"),
        (["a", "b"], [result("a", "passed")], "1 of 2 tests run"),
        (["a"], [result("a", "passed", "before")], "0 of 1 tests run"),
        (["a"], [result("a", "passed")], "proved"),
        (["a"], [result("a", "skipped")], "0 of 1 tests run"),
        (["a", "b"], [result("a", "passed"), result("b", "failed")], "FAILED"),
        (["a"], [result("a", "failed"), result("a", "passed")], "proved"),
    ],
)
def test_state_of_a_promise(tests: list[str], results: list[Result], state: str) -> None:
    assert prove.state_of(tests, results, "now") == state


def test_every_promise_is_listed() -> None:
    assert [*prove.PROMISES] == list(range(1, 25))
    shown = "\n".join(prove.report({1: ["a"], 2: ["a"]}, [result("a", "passed")], "now", 0))
    assert shown.count("no test yet") == 22
    assert shown.count("proved") == 2, "a test that stands for two promises is run once"
    assert "| 1 | an acknowledged input survives process death | proved | 1 |" in shown


def test_a_cut_off_line_is_no_result(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    line = json.dumps(asdict(result("a", "passed")))
    file.write_text(f"{line}\n{line[:20]}")
    assert len(prove.earlier(file)) == 1
    assert prove.earlier(tmp_path / "absent") == []


def test_a_run_of_skips_proves_nothing() -> None:
    assert not prove.is_run(["1 skipped in 0.1s"])
    assert prove.is_run(["3 passed, 1 skipped in 0.1s"])


def test_too_little_room(tmp_path: Path) -> None:
    prove.require_disk(tmp_path, 1)
    with pytest.raises(SystemExit, match="GiB free"):
        prove.require_disk(tmp_path, 1 << 62)
