"""A venue's health by the rules as they are told to a desk, one `if` after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.codes import HealthState as S


@dataclass(slots=True)
class RawHealth:
    """State, what is in a row, and how long a clean run must be."""

    settings: Any = None
    state: int = int(S.UP)
    since_ns: int = 0
    rejects: int = 0
    timeouts: int = 0
    cancel_timeouts: int = 0
    clean: int = 0
    needed: int = 0
    relapses: int = 0

    def fault(self, now_ns: int) -> None:
        """Something is wrong: a working venue is degraded, a cooling one is down again."""
        self.clean = 0
        if self.state == S.UP:
            self._go(S.DEGRADED, now_ns)
        elif self.state == S.COOLING:
            self._relapse(now_ns)

    def outage(self, now_ns: int) -> None:
        """The venue is gone."""
        self.clean = 0
        if self.state == S.COOLING:
            self._relapse(now_ns)
        elif self.state != S.DOWN:
            self._go(S.DOWN, now_ns)

    def halt(self, now_ns: int) -> None:
        """The venue says that it is halted."""
        self.clean = 0
        if self.state != S.HALTED:
            self._go(S.HALTED, now_ns)

    def good(self, now_ns: int) -> None:
        """A sign of good order: life for who was away, a step of a clean run for who is ill."""
        if self.state in (S.HALTED, S.DOWN):
            self._go(S.COOLING, now_ns)
        elif self.state in (S.DEGRADED, S.COOLING):
            self.clean += 1
            if self.clean >= self._least():
                needed = max(self._least() // 2, self.settings.clean_run)
                self._go(S.UP, now_ns)
                self.needed = needed

    def reject(self, now_ns: int) -> None:
        """A child was refused."""
        self.rejects += 1
        self._burst(self.rejects, self.settings.reject_burst, now_ns)

    def timeout(self, now_ns: int) -> None:
        """A child was not answered."""
        self.timeouts += 1
        self._burst(self.timeouts, self.settings.timeout_burst, now_ns)

    def cancel_timeout(self, now_ns: int) -> None:
        """A cancel was not answered."""
        self.cancel_timeouts += 1
        self._burst(self.cancel_timeouts, self.settings.timeout_burst, now_ns)

    def answer(self, rejected: bool, now_ns: int) -> None:
        """A child came to its end."""
        self.timeouts = 0
        if rejected:
            self.reject(now_ns)
        else:
            self.rejects = 0
            self.good(now_ns)

    def silence(self, silence_ns: int, usual_ns: float, now_ns: int) -> None:
        """A health check: how long no quote came, against the usual gap between quotes."""
        allowed_ns = max(usual_ns * self.settings.stale_multiple, self.settings.stale_floor_ns)
        if silence_ns > 10 * allowed_ns:
            self.outage(now_ns)
        elif silence_ns > allowed_ns:
            self.fault(now_ns)
        else:
            self.good(now_ns)

    def _least(self) -> int:
        return int(max(self.needed, self.settings.clean_run))

    def _burst(self, in_row: int, burst: int, now_ns: int) -> None:
        self.clean = 0
        if in_row >= 2 * burst or (in_row >= burst and self.state == S.COOLING):
            self.outage(now_ns)
        elif in_row == burst:
            self.fault(now_ns)

    def _relapse(self, now_ns: int) -> None:
        bound = max(self.settings.clean_run_max, self.settings.clean_run)
        needed = min(2 * self._least(), bound)
        self._go(S.DOWN, now_ns)
        self.relapses += 1
        self.needed = needed

    def _go(self, state: int, now_ns: int) -> None:
        """A change starts the clean run anew, and one for the better every count."""
        self.needed = self._least()
        self.state, self.since_ns, self.clean = int(state), now_ns, 0
        if state in (S.COOLING, S.UP):
            self.rejects = self.timeouts = self.cancel_timeouts = 0
