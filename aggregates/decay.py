"""Exponential decay on an absolute time grid, the same to the last bit everywhere.

Weight = TABLE[k mod 1024] * 2^-(k div 1024) with k = floor(now/q) - floor(then/q) and
q = half-life/1024. The table is built from correctly rounded square roots and products only, so
no maths library can change a bit of it.
"""

from __future__ import annotations

from math import ldexp, sqrt

STEPS = 1024
SHIFT_LIMIT = 1000
"""Beyond this many half-lives the past has weight 0."""


def _table() -> tuple[float, ...]:
    roots = [0.5]
    for _ in range(10):
        roots.append(sqrt(roots[-1]))
    values = []
    for k in range(STEPS):
        value = 1.0
        for bit in range(10):
            if k >> bit & 1:
                value = value * roots[10 - bit]
        values.append(value)
    return tuple(values)


TABLE = _table()


def weight(now_ns: int, then_ns: int, quantum_ns: int) -> float:
    """What a unit observed at `then_ns` is worth at `now_ns`; 1.0 inside one quantum."""
    return weight_of_steps(now_ns // quantum_ns - then_ns // quantum_ns)


def weight_of_steps(steps: int) -> float:
    """2^(-steps / 1024), as the table has it."""
    shift = steps >> 10
    if shift >= SHIFT_LIMIT:
        return 0.0
    return ldexp(TABLE[steps & (STEPS - 1)], -shift)


def quantum_ns(half_life_ns: int) -> int:
    """Grid step of a half-life; at least 1 ns."""
    return max(1, half_life_ns // STEPS)
