"""Remainders rest in replays: on venues of any latency, managed, and filled passively."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.events import ChildEvent, ChildStateEvent, Event
from tests.streams.replay.dataset import make_run
from tests.streams.replay.reading import outputs_of

POLICIES = ("best_price", "lowest_cost", "fastest", "preferred")
SETTINGS = tuple(f"policies.{name}.posting=[0,1,2,3]" for name in POLICIES)


@pytest.fixture(scope="module")
def told(small_dataset: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Outputs of a run in which every policy lets remainders rest; one venue answers at once."""
    run = tmp_path_factory.mktemp("resting") / "run"
    make_run(small_dataset, run, settings=SETTINGS, orders=120, seed=3)
    return outputs_of(run)


def resting(told: list[Event]) -> dict[int, ChildEvent]:
    return {
        event.child_id: event
        for event in told
        if isinstance(event, ChildEvent) and "post_only" in event.exec_inst
    }


def test_remainders_rest_at_every_venue(told: list[Event]) -> None:
    children = resting(told)
    assert len(children) >= 20
    assert {child.venue for child in children.values()} == {0, 1, 2}


def test_no_child_rests_for_ever(told: list[Event]) -> None:
    last = {event.child_id: event for event in told if isinstance(event, ChildStateEvent)}
    states = {last[child_id].state for child_id in resting(told)}
    assert states <= {"canceled", "filled", "expired"}


def test_what_rests_is_filled_at_its_own_price(told: list[Event]) -> None:
    children = resting(told)
    fills = [
        event
        for event in told
        if isinstance(event, ChildStateEvent)
        and event.child_id in children
        and event.exec_type == "trade"
    ]
    assert fills
    for fill in fills:
        assert fill.last_nanos == children[fill.child_id].limit_nanos
        assert fill.liquidity == "add"
