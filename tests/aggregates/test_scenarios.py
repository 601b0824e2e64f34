"""The trader's tables in tests/scenarios, on both cores."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregates.kernel import Engine
from tests.aggregates.scenario import Desk, Scenario, read

FOLDER = Path(__file__).resolve().parent.parent / "scenarios"
SCENARIOS = [
    pytest.param(scenario, id=f"{path.stem}: {scenario.name}")
    for path in sorted(FOLDER.glob("*.txt"))
    for scenario in read(path)
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(engine: Engine, scenario: Scenario) -> None:
    Desk(engine).play(scenario)


def test_there_are_scenarios() -> None:
    assert len(SCENARIOS) >= 30


def test_an_unexpected_child_is_noticed(engine: Engine) -> None:
    scenario = next(iter(read(FOLDER / "policies.txt")))
    for event in scenario.events:
        event.expected = [line for line in event.expected if not line.startswith("child")]
    with pytest.raises(AssertionError, match="child"):
        Desk(engine).play(scenario)
