"""Quantity and money are conserved at every event, and no child leaves that must not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates import kernel
from schemas.codes import OutputType
from tests.aggregates.generator import random_day
from tests.aggregates.ledger import Ledger
from tests.builders import of_type


def check(core: str, seed: int, count: int) -> Ledger:
    """Folds a random day of `core` into a ledger."""
    ledger = Ledger()
    for record, outputs in random_day(seed, count, engine=kernel.load(core)).steps:
        ledger.fold(record, outputs)
    return ledger


@pytest.mark.promise(p=12)
@settings(max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_random_days(core: str, seed: int) -> None:
    check(core, seed, 600)


@pytest.mark.promise(p=12)
def test_a_long_day(core: str, full_size: bool) -> None:
    ledger = check(core, 12, 200_000 if full_size else 5_000)
    assert len(ledger.children) > 200
    assert sum(parent.cum_units > 0 for parent in ledger.parents.values()) > 80
    assert any(parent.over for parent in ledger.parents.values())


def test_days_reach_every_output(core: str) -> None:
    outputs = random_day(12, 5_000, engine=kernel.load(core)).outputs
    # Only what rests is replaced.
    outputs += random_day(16, 3_000, resting=True, engine=kernel.load(core)).outputs
    assert all(of_type(outputs, kind) for kind in OutputType)
