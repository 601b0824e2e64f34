"""The controls that an order router is asked for, each with the tests that prove it.

`make controls` runs exactly those tests and prints the evidence: each control, what was run for
it and how it ended. The list is that of SEC 15c3-5 and RTS 6, with what Knight's loss of 2012
taught. A proof is `file::test`, or `table: scenario` of a table in tests/scenarios.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIMITS = "tests/aggregates/test_limits.py::test_no_limit_is_passed"
KILL = "tests/aggregates/test_kill.py::test_nothing_leaves_after_the_kill"
LIFE = "tests/aggregates/test_life.py::test_any_order_of_messages"
HERE = "tests/aggregates/test_controls.py::"
TWO_PEOPLE = (
    "tests/aggregates/reference/test_items.py::test_the_author_of_terms_cannot_approve_them"
)
CONTROLS: dict[str, tuple[str, ...]] = {
    "aggregate and per-account caps before entry": (
        "life_rules: gross position counts both sides",
        "life_rules: net position at equal and one above, open orders counted",
        "tests/aggregates/test_shares.py::test_a_shard_uses_no_more_than_its_share",
        "inventory: nothing stated is nothing held, so nothing can be sold anywhere",
        LIMITS,
    ),
    "price collar": (
        "life: a limit beyond the collar is refused, at the collar it is not",
        "life: a market order is limited by the collar, rounded inward",
        LIMITS,
    ),
    "maximum size and value": (
        "life: size limit at one below, equal and one above",
        "life: notional limit at equal and one above",
        LIMITS,
    ),
    "message rate": ("life_rules: message rate at one below, equal and above", LIMITS),
    "repeat-execution throttle that a named person re-arms": (
        "life_rules: the throttle trips, stops the account, and a named person re-arms it",
        LIMITS,
    ),
    "duplicates within a window": (
        "life_rules: the same terms within the window are taken for a mistake",
        "desk: the same order twice is one order",
    ),
    "each sent order counts at once": ("life: never more out than remains", LIFE),
    "limits change only when a second person agrees, logged": (
        TWO_PEOPLE,
        "tests/streams/reference/test_service.py::test_changes_are_kept_with_who_and_why",
        "tests/streams/reference/test_relay.py::test_whatever_dies_each_change_is_in_the_log_once",
    ),
    "kill by trader, client, account, instrument, venue or all": (
        "life_rules: a trader is killed, another goes on",
        "desk: kill one client",
        "desk: kill one account",
        "desk: kill one instrument",
        "desk: kill one venue: its children are cancelled, the parents go elsewhere",
        "desk: kill all",
        KILL,
    ),
    "every child attributable to parent, account, policy and version": (
        HERE + "test_every_child_is_attributable",
    ),
    "alerts within 5 s": (
        HERE + "test_what_a_person_must_see_is_told_with_its_cause",
        "tests/projections/api/test_stream.py::test_an_alarm_reaches_a_client_within_five_seconds",
    ),
    "controlled deployment limits (canary)": (
        "life_rules: an account uses the venues that it may",
        HERE + "test_a_canary_account_is_held_to_its_own_limits",
    ),
    "restricted list": (
        "life_rules: a restricted instrument takes no order, cancels still work",
        "life_rules: short sales are refused while restricted",
    ),
    "immediate post-trade report": (
        HERE + "test_a_fill_is_reported_at_once",
        "life_venues: the drop copy agrees, differs, or is alone",
    ),
    "identical version hash on every worker before orders flow": (
        "desk: another engine's shard takes no orders and sends no children",
        "tests/aggregates/test_replay.py::test_only_the_activated_generation_trades",
        "tests/streams/brokers/test_parts.py::test_another_generation_is_refused",
    ),
}


def matches(proof: str, node_id: str) -> bool:
    """Whether a collected test is the proof, or one of its parameters."""
    if "::" in proof:
        return node_id == proof or node_id.startswith(f"{proof}[")
    head, _, name = node_id.partition("::test_scenario[")
    return head == "tests/aggregates/test_scenarios.py" and proof in name


class Evidence:
    """Keeps the tests of the map and how each ended."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Leaves out what proves no control."""
        proofs = {proof for proofs in CONTROLS.values() for proof in proofs}
        items[:] = [item for item in items if any(matches(proof, item.nodeid) for proof in proofs)]

    def pytest_runtest_logreport(self, report: Any) -> None:
        """A test has passed when each of its phases has."""
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid] = report.outcome

    def rows(self) -> Iterator[tuple[str, int, str]]:
        """(control, tests run, `proved` or what is wrong)."""
        for control, proofs in CONTROLS.items():
            found = [self._of(proof) for proof in proofs]
            run = sum(map(len, found))
            outcomes = {outcome for outcomes in found for outcome in outcomes}
            missing = [p for p, outcomes in zip(proofs, found, strict=True) if not outcomes]
            state = "proved" if outcomes == {"passed"} else ", ".join(sorted(outcomes)).upper()
            yield control, run, f"NOT RUN: {'; '.join(missing)}" if missing else state

    def _of(self, proof: str) -> list[str]:
        return [how for node_id, how in self.outcomes.items() if matches(proof, node_id)]


def files() -> list[str]:
    """Test files that hold the proofs."""
    found = {p.partition("::")[0] for proofs in CONTROLS.values() for p in proofs if "::" in p}
    return sorted(found | {"tests/aggregates/test_scenarios.py"})


def main() -> int:
    """Runs the proofs and prints the evidence; 1 where a control is not proved."""
    evidence = Evidence()
    pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:cov", *files()], [evidence])
    rows = list(evidence.rows())
    for control, run, state in rows:
        print(f"{state:10} {run:4} tests  {control}")
    return int(any(state != "proved" for _, _, state in rows))


if __name__ == "__main__":
    sys.exit(main())
