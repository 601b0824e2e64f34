"""`make prove`: the promises in their full sizes, one test at a time, resumable.

Results are lines of build/prove/results.jsonl, one a test, with commit, seed, machine, seconds and
the counts that the test printed. A test that passed at the same commit is not run again unless
asked. Each test writes below a folder of its own, which is removed once the test has passed, so
that a run is only kept until it was verified. `build/prove/report.md` is the table at the end.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from streams.cli.benchmarks.machine import commit, machine

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "prove"
LEAST_FREE_BYTES = 8 << 30
PROMISES = {
    1: "an acknowledged input survives process death",
    2: "survives a power cut",
    3: "corruption is never silent",
    4: "a failing write path fails closed",
    5: "Kafka restarts are exact",
    6: "one order per command",
    7: "an unknown outcome is never blindly retried",
    8: "same seed, same bytes",
    9: "venue failures are handled",
    10: "FIX sessions recover",
    11: "survives simulated market time with all faults on",
    12: "quantity and money are conserved",
    13: "bad input is harmless",
    14: "holds twice the peak",
    15: "recovers fast",
    16: "no leak",
    17: "the kill switch kills",
    18: "limits cannot be passed",
    19: "a wrong build cannot trade",
    20: "read models equal the log",
    21: "upgrades and rollbacks are safe",
    22: "the API is secure",
    23: "the supply chain is known",
    24: "the tests bite",
}


@dataclass
class Result:
    """One test in its full size."""

    promise: int
    test: str
    commit: str
    seed: int
    outcome: str
    seconds: float
    counts: list[str]
    machine: dict[str, Any] = field(default_factory=dict)
    written: str = ""


class Collector:
    """Which tests carry which promise."""

    def __init__(self) -> None:
        self.tests: dict[int, list[str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Notes each test function once, whatever its parameters."""
        for item in items:
            for mark in item.iter_markers("promise"):
                names = self.tests.setdefault(int(mark.kwargs["p"]), [])
                name = item.nodeid.partition("[")[0]
                if name not in names:
                    names.append(name)


def collected() -> dict[int, list[str]]:
    """Promise -> its tests, by asking pytest."""
    collector = Collector()
    asked = ["--collect-only", "-qq", "-m", "promise", "-p", "no:cacheprovider"]
    with redirect_stdout(StringIO()):
        code = pytest.main(asked, plugins=[collector])
    if code not in (0, 5):
        sys.exit(f"prove: pytest could not collect the tests (exit {code}); run make test")
    return collector.tests


def tree() -> str:
    """The commit, with a hash of what was changed since where there is anything."""
    changed = subprocess.run(["git", "diff", "HEAD"], cwd=ROOT, capture_output=True, check=False)
    found = commit() or "unknown"
    if changed.stdout:
        found += "+" + hashlib.sha256(changed.stdout).hexdigest()[:12]
    return found


def earlier(path: Path) -> list[Result]:
    """Results of before, as far as their lines are whole."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            found.append(Result(**json.loads(line)))
        except (ValueError, TypeError):
            continue  # the end of a run that was killed
    return found


def require_disk(folder: Path, least: int) -> None:
    """Ends with a message when there is too little room for the longest test."""
    free = shutil.disk_usage(folder).free
    if free < least:
        sys.exit(f"prove: {folder} has {free >> 30} GiB free, {least >> 30} are needed; free some")


def prove(promise: int, test: str, seed: int) -> Result:
    """Runs one test in its full size."""
    work = FOLDER / "work" / hashlib.sha256(test.encode()).hexdigest()[:12]
    shutil.rmtree(work, ignore_errors=True)
    work.parent.mkdir(parents=True, exist_ok=True)
    require_disk(FOLDER, LEAST_FREE_BYTES)
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "--no-cov"]
    environment = {
        **os.environ,
        "SOR_PROVE": "1",
        "SOR_SEED": str(seed),
        "PYTHONHASHSEED": "random",
    }
    log = FOLDER / "logs" / f"{work.name}.txt"
    log.parent.mkdir(exist_ok=True)
    started = time.monotonic()
    with log.open("w") as file:
        ran = subprocess.run(
            [*command, "-n0", f"--basetemp={work}", test],
            cwd=ROOT,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    lines = log.read_text(errors="replace").splitlines()
    outcome = "passed" if ran.returncode == 0 and is_run(lines) else "failed"
    if ran.returncode == 0 and not is_run(lines):
        outcome = "skipped"
    if outcome == "passed":
        shutil.rmtree(work, ignore_errors=True)
    return Result(
        promise=promise,
        test=test,
        commit=tree(),
        seed=seed,
        outcome=outcome,
        seconds=round(time.monotonic() - started, 1),
        counts=[line.lstrip(". ") for line in lines if is_count(line)],
        machine=machine(),
        written=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    )


def is_run(lines: list[str]) -> bool:
    """Whether any test passed: a run of skips proves nothing."""
    return any(" passed" in line for line in lines[-3:])


def is_count(line: str) -> bool:
    """Whether a line states raw counts, or how many tests passed."""
    return ("=" in line and "==" not in line and len(line) < 240) or " passed" in line


def state_of(tests: list[str], results: list[Result], now: str) -> str:
    """In one word or two what is known of a promise at this commit, whichever promise its tests
    were run for.
    """
    if not tests:
        return "no test yet"
    known = {r.test: r.outcome for r in results if r.test in tests and r.commit == now}
    if any(outcome == "failed" for outcome in known.values()):
        return "FAILED"
    passed = sum(known.get(test) == "passed" for test in tests)
    return "proved" if passed == len(tests) else f"{passed} of {len(tests)} tests run"


def report(tests: dict[int, list[str]], results: list[Result], now: str, seed: int) -> list[str]:
    """The table of all promises, then the counts."""
    lines = ["# Promises", "", f"commit {now}, seed {seed}", ""]
    lines += [f"{name}: {value}  " for name, value in machine().items()]
    lines += ["", "| P | promise | state | tests | seconds |", "|---|---|---|---|---|"]
    for promise, title in PROMISES.items():
        mine = tests.get(promise, [])
        last = {r.test: r for r in results if r.test in mine and r.commit == now}.values()
        state, seconds = state_of(mine, results, now), f"{sum(r.seconds for r in last):.0f}"
        lines.append(f"| {promise} | {title} | {state} | {len(mine)} | {seconds} |")
    lines.append("")
    for r in results:
        if r.commit == now:
            lines.append(f"- P{r.promise} `{r.test}`: {r.outcome}; " + "; ".join(r.counts))
    return lines


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="make prove", description="promises in full size")
    parser.add_argument("--promise", "-p", type=int, action="append", choices=[*PROMISES])
    parser.add_argument("--seed", type=int, default=0, help="shifts the seeds of the tests")
    parser.add_argument("--again", action="store_true", help="also what passed at this commit")
    parser.add_argument("--list", action="store_true", help="only say what is known")
    return parser.parse_args()


def main() -> int:
    """Runs what was asked for and writes the report; 1 when anything failed."""
    asked = arguments()
    FOLDER.mkdir(parents=True, exist_ok=True)
    tests, file, now = collected(), FOLDER / "results.jsonl", tree()
    results = earlier(file)
    wanted = asked.promise or ([] if asked.list else [*PROMISES])
    print(f"prove: commit {now}, seed {asked.seed}, {machine()}", flush=True)
    for promise in wanted:
        for test in tests.get(promise, []):
            is_known = any(
                (r.test, r.commit, r.seed, r.outcome) == (test, now, asked.seed, "passed")
                for r in results
            )
            if is_known and not asked.again:
                continue
            print(f"P{promise} {test} ...", flush=True)
            result = prove(promise, test, asked.seed)
            results.append(result)
            with file.open("a") as lines:
                lines.write(json.dumps(asdict(result)) + "\n")
            print(f"  {result.outcome} in {result.seconds} s", *result.counts, sep="\n    ")
    told = report(tests, results, now, asked.seed)
    (FOLDER / "report.md").write_text("\n".join(told) + "\n")
    print("\n".join(told[5:]))
    failed = [r for r in results if r.commit == now and r.promise in wanted]
    return int(any(r.outcome == "failed" for r in {r.test: r for r in failed}.values()))


if __name__ == "__main__":
    sys.exit(main())
