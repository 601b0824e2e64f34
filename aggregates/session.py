"""Session time: log time without the spans in which a venue does not trade."""

from __future__ import annotations

RUNNING = -1


class SessionClock:
    """Decay runs on it: what was learned before a halt is as fresh after it."""

    __slots__ = ("paused_ns", "since_ns")

    def __init__(self) -> None:
        self.paused_ns = 0
        self.since_ns = RUNNING

    @property
    def running(self) -> bool:
        """Whether the venue trades."""
        return self.since_ns == RUNNING

    def at(self, now_ns: int) -> int:
        """Session time at log time `now_ns`."""
        stopped_ns = now_ns if self.since_ns == RUNNING else self.since_ns
        return stopped_ns - self.paused_ns

    def turn(self, running: bool, now_ns: int) -> None:
        """Starts or stops the clock; nothing happens when it already is as asked."""
        if running and not self.running:
            self.paused_ns += now_ns - self.since_ns
            self.since_ns = RUNNING
        elif not running and self.running:
            self.since_ns = now_ns
