"""Decayed mean and variance of an event measure, with the weight behind them."""

from __future__ import annotations

from math import sqrt

from aggregates.decay import weight


class Moments:
    """Decayed sums of 1, w, x and x * x; `then_ns` is the time of the last observation."""

    __slots__ = ("squares", "then_ns", "total", "weight", "weight_squares")

    def __init__(self) -> None:
        self.then_ns = 0
        self.weight = self.weight_squares = 0.0
        self.total = self.squares = 0.0

    def observe(self, value: float, now_ns: int, quantum_ns: int) -> None:
        """Adds one observation."""
        w = weight(now_ns, self.then_ns, quantum_ns)
        self.weight = self.weight * w + 1.0
        self.weight_squares = self.weight_squares * (w * w) + 1.0
        self.total = self.total * w + value
        self.squares = self.squares * w + value * value
        self.then_ns = now_ns

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
        return sqrt(variance / (n - 1.0)) if variance > 0.0 else 0.0

    def shrunk(self, now_ns: int, quantum_ns: int, prior: float, prior_weight: float) -> float:
        """Mean with `prior_weight` observations of `prior` added to the faded sums."""
        w = weight(now_ns, self.then_ns, quantum_ns)
        return (self.total * w + prior * prior_weight) / (self.weight * w + prior_weight)
