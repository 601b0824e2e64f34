"""Protocol C's truth of a dark pool, and who of the pools was asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from streams.evaluation.arms import Setting
from streams.evaluation.block import pool_visits
from streams.evaluation.choice import _missing_in_the_dark
from streams.evaluation.worlds import Shape, drawn_preset
from streams.simulator.synthetic.market import VENUE_HABITS

ZERO_BIN = 0.7


def missing(wanted: int, **habits: float) -> float:
    """Of a child of so many ALFA (depth 600, round lot 100) at a pool of this depth and tail."""
    table = VENUE_HABITS.zeros(1)
    terms = {"lot_units": 1, "min_units": 1, "depth": 4.0, "dark_zero": ZERO_BIN, "dark_alpha": 1.0}
    for name, value in (terms | habits).items():
        table[name] = value
    decision = SimpleNamespace(allocated_units=wanted, instrument=0)
    one: Any = SimpleNamespace(habits=table, decision=decision)
    return _missing_in_the_dark(one, drawn_preset(Shape(venues=24), 1), 0)


@pytest.mark.parametrize(
    ("wanted", "habits", "expected"),
    [
        (300, {}, 0.7),  # there are 600 at least
        (300, {"dark_zero": 0.0}, 0.0),
        (300, {"min_units": 400}, 1.0),
        (50, {}, 1.0),  # below a round lot: a ping
        (6_000, {"dark_zero": 0.0, "dark_alpha": 10.0}, 0.889),  # 600 * 10 / 9 of 6,000
    ],
)
def test_what_a_pool_leaves(wanted: int, habits: dict[str, float], expected: float) -> None:
    assert missing(wanted, **habits) == pytest.approx(expected, abs=2e-3)


def test_a_fat_tail_leaves_less_of_a_large_child() -> None:
    assert missing(6_000, dark_alpha=0.8) < missing(6_000, dark_alpha=2.0)


def test_visits_are_told_by_pool_and_half_of_the_day() -> None:
    preset = drawn_preset(Shape(venues=24), 1)
    pools = [at for at, venue in enumerate(preset.venues) if venue.kind == "dark"]
    leaky = [at for at in pools if preset.venues[at].leak > 0.3]
    assert (len(pools), len(leaky)) == (4, 1)
    setting = Setting(preset=preset, seed=1, orders=10)
    early, late = preset.market.start_ns + 1, setting.end_ns
    discreet = next(at for at in pools if at not in leaky)
    sent = [(early, leaky[0]), (late, discreet), (late, discreet), (late, discreet), (late, 0)]
    assert pool_visits(sent, setting) == {
        "leaking": [1.0, 0.0],
        "discreet": [0.0, pytest.approx(1.0)],
    }
