"""Latency counts in log buckets, in integers: 32 buckets an octave, relative error below 2 %.

A value is counted in steps of 64 ns; below 2 us the buckets are those steps. Counts fade by
halving at logged times, so two histograms of the same grid add up.
"""

from __future__ import annotations

STEP_BITS = 6
SUB_BITS = 5
SUB = 1 << SUB_BITS
MAX_STEPS = (1 << 34) - 1
BUCKETS = 30 * SUB
COUNT_MAX = 2**32 - 1


def bucket(value_ns: int) -> int:
    """Index of a latency's bucket; negative values count as 0, over 18 minutes as the last."""
    steps = min(max(value_ns, 0) >> STEP_BITS, MAX_STEPS)
    if steps < SUB:
        return steps
    shift = steps.bit_length() - 1 - SUB_BITS
    return (shift << SUB_BITS) + (steps >> shift)


def middle_ns(index: int) -> int:
    """Middle of a bucket in ns."""
    if index < 2 * SUB:
        return (index << STEP_BITS) + (1 << (STEP_BITS - 1))
    shift = (index >> SUB_BITS) - 1
    low = (index - (shift << SUB_BITS)) << shift
    return ((low << 1) + (1 << shift)) << (STEP_BITS - 1)


class Histogram:
    """Counts of one latency at one venue."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * BUCKETS
        self.total = 0

    @classmethod
    def merged(cls, parts: list[Histogram]) -> Histogram:
        """All of them as one; counts of one grid add up."""
        whole = cls()
        whole.counts = [
            min(COUNT_MAX, sum(counts)) for counts in zip(*(p.counts for p in parts), strict=True)
        ]
        whole.total = sum(whole.counts)
        return whole

    def observe(self, value_ns: int) -> None:
        """Counts one latency; a full bucket stays full."""
        index = bucket(value_ns)
        if self.counts[index] < COUNT_MAX:
            self.counts[index] += 1
            self.total += 1

    def halve(self, times: int) -> None:
        """Halves every count `times` times, rounding down."""
        if self.total:
            self.counts = [count >> min(times, 32) for count in self.counts]
            self.total = sum(self.counts)

    def quantile_ns(self, percent: int) -> int:
        """Middle of the bucket that holds the quantile; 0 where nothing was counted."""
        if not self.total:
            return 0
        left = -(-self.total * percent // 100)
        for index, count in enumerate(self.counts):
            left -= count
            if left <= 0:
                return middle_ns(index)
        return 0
