"""The map of controls names tests that exist, and ARCHITECTURE shows the same map."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests import controls
from tests.aggregates.scenario import read

SCENARIOS = "tests/scenarios"


def exists(root: Path, proof: str) -> bool:
    """Whether a proof is a test function of its file, or a scenario of its table."""
    if "::" in proof:
        file, _, name = proof.partition("::")
        tree = ast.parse((root / file).read_text())
        return any(isinstance(n, ast.FunctionDef) and n.name == name for n in ast.walk(tree))
    table, _, name = proof.partition(": ")
    path = root / SCENARIOS / f"{table}.txt"
    return path.is_file() and name in {scenario.name for scenario in read(path)}


@pytest.mark.parametrize("control", controls.CONTROLS)
def test_each_control_has_proofs_that_exist(root: Path, control: str) -> None:
    proofs = controls.CONTROLS[control]
    assert proofs
    assert [proof for proof in proofs if not exists(root, proof)] == []


def test_the_architecture_lists_each_control(root: Path) -> None:
    text = (root / "ARCHITECTURE.md").read_text()
    assert [c for c in controls.CONTROLS if f"| {c} |" not in text] == []


def test_a_proof_that_does_not_exist_is_seen(root: Path) -> None:
    assert not exists(root, "desk: no such scenario")
    assert not exists(root, "tests/aggregates/test_life.py::test_nothing")


def test_the_evidence_says_what_failed_and_what_was_not_run() -> None:
    evidence = controls.Evidence()
    assert all(state.startswith("NOT RUN") for _, _, state in evidence.rows())
    for proofs in controls.CONTROLS.values():
        for proof in proofs:
            inside = f"tests/aggregates/test_scenarios.py::test_scenario[native-{proof}]"
            evidence.outcomes[proof if "::" in proof else inside] = "passed"
    assert {state for _, _, state in evidence.rows()} == {"proved"}
    evidence.outcomes[controls.KILL] = "failed"
    states = {control: state for control, _, state in evidence.rows()}
    kill = next(control for control in states if control.startswith("kill by"))
    assert states.pop(kill) == "FAILED, PASSED"
    assert set(states.values()) == {"proved"}
