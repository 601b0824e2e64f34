"""Decayed mean and variance of an event measure, with the weight behind them.

Flow is autocorrelated, which makes a mean less certain than so many independent observations
would. The lag-1 correlation r comes from the squared jumps between observations (von Neumann's
ratio): they average 2 (1 - r) variances. As for a first-order autoregression, the variance of the
mean is then (1 + r) / (1 - r) times larger; a negative r narrows nothing.
"""

from __future__ import annotations

from math import sqrt

from aggregates.decay import weight

MAX_CORRELATION = 0.9
LEAST_WEIGHT = 1e-3
"""Less of an observation would be mostly rounding once another has been taken out."""


def lag_one(jumps: float, weight: float, variance: float) -> float:
    """Lag-1 correlation of what weighs so much and jumps so far, between 0 and its bound."""
    r = 1.0 - jumps / (2.0 * weight * variance)
    return min(max(r, 0.0), MAX_CORRELATION)


class Moments:
    """Decayed sums of 1, w, x, x * x and squared jumps; `last` was observed at `then_ns`."""

    __slots__ = ("jumps", "last", "squares", "then_ns", "total", "weight", "weight_squares")

    def __init__(self) -> None:
        self.then_ns = 0
        self.weight = self.weight_squares = 0.0
        self.total = self.squares = self.jumps = self.last = 0.0

    def observe(self, value: float, now_ns: int, quantum_ns: int) -> None:
        """Adds one observation."""
        w = weight(now_ns, self.then_ns, quantum_ns)
        jump = value - self.last if self.weight > 0.0 else 0.0
        self.jumps = self.jumps * w + jump * jump
        self.last = value
        self.weight = self.weight * w + 1.0
        self.weight_squares = self.weight_squares * (w * w) + 1.0
        self.total = self.total * w + value
        self.squares = self.squares * w + value * value
        self.then_ns = now_ns

    def replace(self, old: float, new: float, at_ns: int, quantum_ns: int) -> None:
        """Puts another value in the place of one that was observed at `at_ns`; jumps stay."""
        w = weight(self.then_ns, at_ns, quantum_ns)
        self.total += (new - old) * w
        self.squares = max(0.0, self.squares + (new * new - old * old) * w)

    def retract(self, value: float, at_ns: int, quantum_ns: int) -> None:
        """Takes out what was observed at `at_ns`; jumps stay. Next to nothing left is nothing."""
        w = weight(self.then_ns, at_ns, quantum_ns)
        self.weight -= w
        if self.weight < LEAST_WEIGHT:
            self.weight = self.weight_squares = self.total = self.squares = self.jumps = 0.0
            return
        self.weight_squares -= w * w
        self.total -= value * w
        self.squares = max(0.0, self.squares - value * value * w)

    def mean(self) -> float:
        """Decayed mean, 0 where nothing was observed."""
        return self.total / self.weight if self.weight > 0.0 else 0.0

    def effective(self, now_ns: int, quantum_ns: int) -> float:
        """Effective sample size as of now: (sum w)^2 / sum w^2, faded since the last one."""
        if not self.weight_squares > 0.0:
            return 0.0
        w = weight(now_ns, self.then_ns, quantum_ns)
        return self.weight * self.weight / self.weight_squares * w

    def error(self, now_ns: int, quantum_ns: int) -> float:
        """Standard error of the mean as of now; 0 where fewer than two observations count."""
        n = self.effective(now_ns, quantum_ns)
        if n < 2.0:
            return 0.0
        mean = self.total / self.weight
        variance = self.squares / self.weight - mean * mean
        if not variance > 0.0:
            return 0.0
        r = lag_one(self.jumps, self.weight, variance)
        return sqrt(variance / (n - 1.0) * ((1.0 + r) / (1.0 - r)))

    def shrunk(self, now_ns: int, quantum_ns: int, prior: float, prior_weight: float) -> float:
        """Mean with `prior_weight` observations of `prior` added to the faded sums."""
        w = weight(now_ns, self.then_ns, quantum_ns)
        return (self.total * w + prior * prior_weight) / (self.weight * w + prior_weight)
