"""The decay weight is 2^-(steps/1024) on an absolute grid, to the last bits."""

from __future__ import annotations

from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from aggregates.decay import STEPS, TABLE, quantum_ns, weight

TIMES = st.integers(0, 2**62)


def test_the_table_against_exact_arithmetic() -> None:
    with localcontext() as context:
        context.prec = 40
        for step, value in enumerate(TABLE):
            exact = Decimal(2) ** (Decimal(-step) / STEPS)
            assert abs(Decimal(value) - exact) < Decimal(2) ** -50
    assert TABLE[0] == 1.0
    assert TABLE[512] == 0.5**0.5
    assert list(TABLE) == sorted(set(TABLE), reverse=True)


@given(then_ns=TIMES, half_lives=st.integers(0, 999), quantum=st.integers(1, 2**40))
def test_whole_half_lives_are_exact(then_ns: int, half_lives: int, quantum: int) -> None:
    assert weight(then_ns + half_lives * quantum * STEPS, then_ns, quantum) == 0.5**half_lives


@given(st.lists(TIMES, min_size=3, max_size=3), st.integers(2**45, 2**50))
def test_weights_multiply_along_the_way(times: list[int], quantum: int) -> None:
    then_ns, middle_ns, now_ns = sorted(times)
    whole = weight(now_ns, then_ns, quantum)
    parts = weight(now_ns, middle_ns, quantum) * weight(middle_ns, then_ns, quantum)
    assert abs(whole - parts) <= 1e-15 * whole


def test_inside_one_step_and_beyond_all() -> None:
    assert weight(1999, 1000, 1000) == 1.0
    assert weight(2000, 1000, 1000) == TABLE[1]
    assert weight(1000 * STEPS, 0, 1) == 0.0
    assert weight(1000 * STEPS - 1, 0, 1) > 0.0


def test_the_step_of_a_half_life() -> None:
    assert (quantum_ns(1024), quantum_ns(2047), quantum_ns(2048)) == (1, 1, 2)
    assert quantum_ns(5) == 1
