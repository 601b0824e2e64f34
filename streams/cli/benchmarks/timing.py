"""Samples, percentiles, and a loop of known work that tells whether the machine was busy."""

from __future__ import annotations

import gc
import hashlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec
import numpy as np

CALIBRATION_ROUNDS = 5
NOISY_SHARE = 0.15
"""Known work slower than its best by more than this makes a result noisy."""

RING_AGAIN_S = 0.5


class Result(msgspec.Struct, kw_only=True):
    """One figure: `value` is its headline, percentiles are in the same unit where they exist.

    `more` are further figures of the same measurement, by name.
    """

    name: str
    unit: str
    value: float
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    p999: float | None = None
    max: float | None = None
    n: int
    noisy: bool = False
    more: dict[str, float] = {}


class Failure(msgspec.Struct, kw_only=True):
    """A benchmark that gave no figure, and why."""

    name: str
    error: str


class Calibration:
    """Times a fixed piece of work around each benchmark, and looks at the machine's load."""

    def __init__(self) -> None:
        self.best_ns = min(known_work_ns() for _ in range(CALIBRATION_ROUNDS))

    def run(self, benchmark: Callable[[], Result | list[Result]], longest_s: int) -> list[Result]:
        """The results, marked noisy when known work before or after them was slow.

        Raises TimeoutError after `longest_s`.
        """
        before_ns = self._now_ns()
        with quiet(), at_most(longest_s):
            found = benchmark()
        results = found if isinstance(found, list) else [found]
        slowest_ns = max(before_ns, self._now_ns())
        crowded = os.getloadavg()[0] > (os.cpu_count() or 1)
        noisy = crowded or slowest_ns > self.best_ns * (1 + NOISY_SHARE)
        for result in results:
            # Counted instructions are the same whatever the neighbours do.
            result.noisy = noisy and not result.unit.startswith("instructions")
        return results

    def _now_ns(self) -> int:
        found_ns = sorted(known_work_ns() for _ in range(CALIBRATION_ROUNDS))
        self.best_ns = min(self.best_ns, found_ns[0])
        return found_ns[len(found_ns) // 2]


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raises TimeoutError in the main thread after so many seconds, so that the rest can go on.

    The alarm rings on: one that rings inside a callback of the collector of cycles is swallowed.
    """

    def late(number: int, frame: object) -> None:  # noqa: ARG001
        raise TimeoutError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, RING_AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def known_work_ns() -> int:
    """Time of hashing a megabyte and adding in Python."""
    started_ns = time.perf_counter_ns()
    hashlib.sha256(bytes(1 << 20)).digest()
    total = 0
    for value in range(20_000):
        total += value
    return time.perf_counter_ns() - started_ns


@contextmanager
def quiet() -> Iterator[None]:
    """Without the collector of cycles, which would show up as outliers."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def from_samples(
    name: str,
    unit: str,
    samples: Sequence[float] | np.ndarray,
    n: int | None = None,
    value: float | None = None,
) -> Result:
    """A result whose headline is the median, or `value`."""
    ranked = np.asarray(samples, dtype=np.float64)
    p50, p90, p99, p999 = (float(x) for x in np.percentile(ranked, (50, 90, 99, 99.9)))
    return Result(
        name=name,
        unit=unit,
        value=round(p50 if value is None else value, 3),
        p50=round(p50, 3),
        p90=round(p90, 3),
        p99=round(p99, 3),
        p999=round(p999, 3),
        max=round(float(ranked.max()), 3),
        n=len(samples) if n is None else n,
    )


def rate(name: str, unit: str, count: int, elapsed_ns: int) -> Result:
    """A result in things a second."""
    return Result(name=name, unit=unit, value=round(count * 1e9 / max(1, elapsed_ns)), n=count)
