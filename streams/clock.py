"""The one place that reads time."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time and elapsed time, both in ns."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970 UTC, never less than before."""

    def elapsed_ns(self) -> int:
        """Nanoseconds of a clock that nobody sets."""

    def sleep_ns(self, duration_ns: int) -> None:
        """Waits; not at all for a duration below 0."""


class SystemClock:
    """The machine's clock, kept from stepping back."""

    def __init__(self) -> None:
        self._last_ns = 0

    def now_ns(self) -> int:
        self._last_ns = max(self._last_ns, time.time_ns())
        return self._last_ns

    def elapsed_ns(self) -> int:
        return time.perf_counter_ns()

    def sleep_ns(self, duration_ns: int) -> None:
        if duration_ns > 0:
            time.sleep(duration_ns / 1e9)


class ManualClock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, start_ns: int = 0) -> None:
        self.time_ns = start_ns

    def now_ns(self) -> int:
        return self.time_ns

    def elapsed_ns(self) -> int:
        return self.time_ns

    def sleep_ns(self, duration_ns: int) -> None:
        self.time_ns += max(0, duration_ns)
