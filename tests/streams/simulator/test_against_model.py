"""The native simulator tells exactly what a much dumber model tells."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.codes import ExecType, Liquidity, OrdType, TimeInForce
from schemas.decisions import CHILD
from tests.streams.simulator.world import World, assert_agree, random_world

MODELS = ("traded_through", "queue_depleted")


# Worlds are drawn whole, so shrinking them takes minutes and tells little.
@settings(max_examples=300, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    draw=st.randoms(use_true_random=False),
    passive_model=st.sampled_from(MODELS),
    length=st.integers(1, 60),
    rebuilt=st.booleans(),
)
def test_small_worlds(draw: random.Random, passive_model: str, length: int, rebuilt: bool) -> None:
    assert_agree(random_world(draw, passive_model, length), rebuilt=rebuilt)


@pytest.mark.parametrize("passive_model", MODELS)
@pytest.mark.parametrize("rebuilt", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_long_worlds_visit_every_rule(passive_model: str, seed: int, rebuilt: bool) -> None:
    world = random_world(random.Random(seed), passive_model, 4000)
    reports = assert_agree(world, rebuilt=rebuilt)
    kinds = Counter((report.exec_type, report.liquidity) for report in reports)
    for kind in ExecType.NEW, ExecType.CANCELED, ExecType.REJECTED, ExecType.CANCEL_REJECT:
        assert kinds[kind, Liquidity.NONE] > 20
    assert kinds[ExecType.TRADE, Liquidity.TAKE] > 100
    assert kinds[ExecType.TRADE, Liquidity.ADD] > 30
    assert kinds[ExecType.EXPIRED, Liquidity.NONE] > 0


def filled_by_time(world: World) -> list[tuple[int, int]]:
    return [(report.log_ns, report.cum_units) for report in assert_agree(world)]


def test_the_two_models_are_bounds() -> None:
    """A lone child has never got less under the queue model, and has often got more."""
    more = 0
    for seed in range(120):
        least, most = (lone_child_world(seed, model) for model in MODELS)
        lower, upper = dict(filled_by_time(least)), dict(filled_by_time(most))
        for at, units in lower.items():
            assert units <= max(cum for time, cum in upper.items() if time <= at)
        more += max(lower.values()) < max(upper.values())
    assert more > 0


def lone_child_world(seed: int, passive_model: str) -> World:
    """A random market and the first child that could rest in it."""
    world = random_world(random.Random(seed), passive_model, 150)
    resting = [raw for kind, _, raw in world.steps if kind == "child" and can_rest(raw)]
    world.steps = [
        step
        for step in world.steps
        if step[0] != "cancel" and (step[0] != "child" or step[2] in resting[:1])
    ]
    return world


def can_rest(raw: bytes) -> bool:
    child = CHILD.unpack(raw)
    return bool(child.time_in_force == TimeInForce.DAY and child.ord_type == OrdType.LIMIT)
