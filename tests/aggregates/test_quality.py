"""Every published estimate equals a recomputation from the raw ticks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates import kernel
from tests.aggregates.generator import random_day
from tests.aggregates.raw_quality import RawQuality


def check(core: str, seed: int, count: int) -> int:
    """Compares a calm day; returns the number of rows compared."""
    raw = RawQuality()
    for record, outputs in random_day(seed, count, calm=True, engine=kernel.load(core)).steps:
        raw.fold(record, outputs)
    return raw.compared


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_random_days(core: str, seed: int) -> None:
    check(core, seed, 700)


def test_a_long_day(core: str) -> None:
    assert sum(check(core, seed, 2000) for seed in range(4)) > 300
