"""Statistics in the plainest way: keep every observation, weigh all of them anew at each read-out.

A weight is 2^-(steps/1024), with steps counted on the absolute grid of half-life/1024.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import fsum, isclose, sqrt

NEGLIGIBLE = 1e-200
"""A mean over less than this is of a past that has decayed to nothing."""


def weights(now_ns: int, half_life_ns: int) -> Callable[[int], float]:
    """What an observation of a time is worth now."""
    grid_ns = max(1, half_life_ns // 1024)
    return lambda then_ns: 2.0 ** -min(1000.0, (now_ns // grid_ns - then_ns // grid_ns) / 1024)


def inflation(r: float) -> float:
    """How much wider the mean of a first-order autoregression varies than that of noise."""
    r = min(max(r, 0.0), 0.9)
    return (1.0 + r) / (1.0 - r)


@dataclass(slots=True)
class Estimate:
    """Mean, what the observations vary by, and how many of them count."""

    mean: float = 0.0
    variance: float = 0.0
    mean_square: float = 0.0
    n: float = 0.0
    jump: float | None = None
    """Mean squared jump from one observation to the next; None where that does not count."""
    largest: float = 0.0
    """Of all values ever held: what takes a wild one back leaves its rounding behind."""
    taken_back: float = 0.0
    """Largest of those that are held no more."""

    def check(self, where: str, mean: float, error: float, n: float) -> None:
        """Compares what the engine told, its standard error and its effective sample size."""
        slack = 1e-9 * sqrt(self.mean_square) + 1e-15 * self.largest + NEGLIGIBLE
        assert isclose(mean, self.mean, rel_tol=1e-9, abs_tol=slack), (
            f"{where}: {mean} is {self.mean}"
        )
        assert isclose(n, self.n, rel_tol=1e-9, abs_tol=1e-12), f"{where}_n: {n} is {self.n}"
        if abs(self.n - 2.0) > 1e-9:
            self._check_error(where, error)

    def _check_error(self, where: str, error: float) -> None:
        """Squares lose what the mean is larger than the deviation by, so that much is allowed.

        A wild one that was taken back leaves the rounding of its square.
        """
        degrees = self.n - 1.0
        wanted = self.variance if self.n >= 2.0 else 0.0
        lost = 1e-12 * self.mean_square + 1e-15 * self.taken_back**2
        slack = 1e-9 * self.variance + lost + NEGLIGIBLE
        least, most = 1.0, 1.0
        if self.jump is not None and self.variance > lost + NEGLIGIBLE:
            unsure = 1e-9 + (lost + NEGLIGIBLE) / self.variance
            r = 1.0 - self.jump / (2.0 * self.variance)
            least, most = inflation(r - unsure), inflation(r + unsure)
        elif self.jump is not None:
            most = inflation(1.0)
        told = error * error * degrees
        low, high = wanted * least - slack * least, wanted * most + slack * most
        assert low <= told <= high, f"{where}_se: {error}"


@dataclass(slots=True)
class Sample:
    """Every (time, value) of an event measure; `first` are the values as they were at first, which
    jumps are of. What is `gone` was taken back, and what was before `start` is forgotten.
    """

    seen: list[tuple[int, float]] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    start: int = 0

    def add(self, now_ns: int, value: float) -> int:
        """One observation; its place."""
        self.seen.append((now_ns, float(value)))
        self.first.append(float(value))
        return len(self.seen) - 1

    def replace(self, place: int, value: float) -> None:
        """Another value at the same time."""
        self.seen[place] = self.seen[place][0], float(value)

    def retract(self, place: int, half_life_ns: int) -> None:
        """As if it had never been; where next to nothing is left, there is nothing."""
        self.gone.add(place)
        weight = weights(self.seen[-1][0], half_life_ns)
        if fsum(weight(at) for at, _ in self._left()) < 1e-3:
            self.start = len(self.seen)

    def _left(self) -> list[tuple[int, float]]:
        return [
            told
            for place, told in enumerate(self.seen)
            if place >= self.start and place not in self.gone
        ]

    def estimate(self, now_ns: int, half_life_ns: int) -> Estimate:
        """As of now: the mean is that of the last observation, its weight has faded since."""
        left = self._left()
        if not left:
            return Estimate()
        last_ns = self.seen[-1][0]
        weight = weights(last_ns, half_life_ns)
        masses = [weight(at) for at, _ in left]
        mass, squares = fsum(masses), fsum(mass * mass for mass in masses)
        pairs = [(mass, value) for mass, (_, value) in zip(masses, left, strict=True)]
        total = mass
        mean = fsum(mass * value for mass, value in pairs) / mass
        variance = fsum(mass * (value - mean) ** 2 for mass, value in pairs) / mass
        faded = weights(now_ns, half_life_ns)(last_ns)
        values = self.first[self.start :]
        times = [at for at, _ in self.seen[self.start + 1 :]]
        jumps = zip(map(weight, times), values[1:], values[:-1], strict=True)
        jump = fsum(mass * (value - last) ** 2 for mass, value, last in jumps) / total
        n = mass * mass / squares * faded
        held = (*self.first, *(value for _, value in self.seen))
        largest = max(map(abs, held))
        changed = [
            max(abs(first), abs(value))
            for place, (first, (_, value)) in enumerate(zip(self.first, self.seen, strict=True))
            if place >= self.start and (place in self.gone or first != value)
        ]
        square = mean * mean + variance
        return Estimate(mean, variance, square, n, jump, largest, max(changed, default=0.0))

    def shrunk(self, now_ns: int, half_life_ns: int, prior: float, prior_weight: float) -> float:
        """Mean with `prior_weight` observations of the prior added."""
        weight = weights(now_ns, half_life_ns)
        mass = fsum(weight(at) for at, _ in self._left())
        total = fsum(weight(at) * value for at, value in self._left())
        return (total + prior * prior_weight) / (mass + prior_weight)


@dataclass(slots=True)
class RawHistogram:
    """Latencies by (octave, part of it) of 64 ns, and all of them until the first halving."""

    counts: Counter[tuple[int, int]] = field(default_factory=Counter)
    exact: list[int] = field(default_factory=list)
    halved: bool = False

    @classmethod
    def merged(cls, parts: Iterable[RawHistogram]) -> RawHistogram:
        """What was counted in any of them."""
        whole = cls()
        for part in parts:
            whole.counts += part.counts
            whole.exact += part.exact
            whole.halved = whole.halved or part.halved
        return whole

    def add(self, value_ns: int) -> None:
        """One latency; a negative one is none, one over 18 minutes is that."""
        value_ns = min(max(0, value_ns), 2**40 - 64)
        steps = value_ns // 64
        octave = max(0, steps.bit_length() - 6)
        self.counts[octave, steps >> octave] += 1
        self.exact.append(value_ns)

    def halve(self, times: int) -> None:
        """Every count halves `times` times, each time rounding down."""
        self.halved = self.halved or bool(self.counts)
        for _ in range(min(times, 40)):
            self.counts = Counter({key: count // 2 for key, count in self.counts.items()})

    def check(self, where: str, n: int, quantiles: dict[int, int]) -> None:
        """Counts exactly; quantiles in their bucket, and within 3 % of the exact one."""
        total = sum(self.counts.values())
        assert n == total, f"{where}: {n} latencies are {total}"
        for percent, told_ns in quantiles.items():
            if not total:
                assert told_ns == 0, f"{where}: p{percent} of nothing"
                continue
            octave, place = self._bucket(percent, total)
            low_ns, width_ns = (place << octave) * 64, 64 << octave
            assert low_ns <= told_ns < low_ns + width_ns, f"{where}: p{percent} {told_ns}"
            if not self.halved:
                exact_ns = sorted(self.exact)[-(-total * percent // 100) - 1]
                assert abs(told_ns - exact_ns) <= max(0.03 * exact_ns, 64), f"{where}: p{percent}"

    def _bucket(self, percent: int, total: int) -> tuple[int, int]:
        left = total * percent / 100
        for key in sorted(self.counts, key=lambda key: key[1] << key[0]):
            left -= self.counts[key]
            if left <= 1e-9:
                return key
        raise AssertionError("counts do not add up")
