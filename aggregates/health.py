"""Venue health: a transition table with hysteresis that one good reply cannot buy.

FAULT is a burst of rejects, of time-outs of children or of cancels, or a stale feed; OUTAGE a
burst twice as long, a feed stale ten times as long, or the venue's own word; HALT the venue's own
word. So a venue that turns bad is DEGRADED at its `reject_burst`-th refusal (or `timeout_burst`-th
time-out) in a row and DOWN at twice as many. EVIDENCE is any sign of life; a CLEAN_RUN is
`clean_needed` clean outcomes in a row. A relapse from COOLING doubles what the next run needs, up
to a bound; each run that succeeds halves it again, down to the base.
"""

from __future__ import annotations

from aggregates.histogram import Histogram
from aggregates.moments import Moments
from aggregates.session import SessionClock
from aggregates.settings import Settings
from schemas.codes import HealthEvent as E
from schemas.codes import HealthState as S
from schemas.decisions import FEED_CLASSES

TRANSITIONS: dict[tuple[int, int], int] = {
    (S.UP, E.FAULT): S.DEGRADED,
    (S.UP, E.OUTAGE): S.DOWN,
    (S.UP, E.HALT): S.HALTED,
    (S.DEGRADED, E.OUTAGE): S.DOWN,
    (S.DEGRADED, E.HALT): S.HALTED,
    (S.DEGRADED, E.CLEAN_RUN): S.UP,
    (S.HALTED, E.EVIDENCE): S.COOLING,
    (S.HALTED, E.OUTAGE): S.DOWN,
    (S.DOWN, E.EVIDENCE): S.COOLING,
    (S.DOWN, E.HALT): S.HALTED,
    (S.COOLING, E.FAULT): S.DOWN,
    (S.COOLING, E.OUTAGE): S.DOWN,
    (S.COOLING, E.HALT): S.HALTED,
    (S.COOLING, E.CLEAN_RUN): S.UP,
}
OUTAGE_FACTOR = 2
DROPS = 8
"""Markouts dropped for another reason than our own orders, by reason and side."""
STALE_OUTAGE_FACTOR = 10


class VenueQuality:
    """Rolled-up quality and health of one venue; feed delay by class of instrument."""

    __slots__ = (
        "ack",
        "ack_histogram",
        "cancel_timeouts_in_row",
        "changed",
        "clean",
        "clean_needed",
        "closed",
        "dirty",
        "drops",
        "feed_histograms",
        "fill",
        "fill_histogram",
        "gap",
        "health",
        "opened_ns",
        "probe_due_ns",
        "probes",
        "quote_ns",
        "reject",
        "rejects_in_row",
        "relapses",
        "session",
        "since_ns",
        "timeouts_in_row",
    )

    def __init__(self) -> None:
        self.session = SessionClock()
        self.health = int(S.UP)
        self.since_ns = self.quote_ns = 0
        self.rejects_in_row = self.timeouts_in_row = self.cancel_timeouts_in_row = 0
        self.drops = [0] * DROPS
        self.clean = self.clean_needed = self.relapses = 0
        self.changed = self.dirty = self.closed = False
        self.opened_ns = self.probe_due_ns = self.probes = 0
        self.ack, self.fill, self.reject, self.gap = Moments(), Moments(), Moments(), Moments()
        self.feed_histograms = [Histogram() for _ in FEED_CLASSES]
        self.ack_histogram, self.fill_histogram = Histogram(), Histogram()


def fire(quality: VenueQuality, event: int, now_ns: int, settings: Settings) -> None:
    """Moves the venue's health; events without a transition only spoil a clean run."""
    before = quality.health
    after = TRANSITIONS.get((before, event), before)
    if event in (E.FAULT, E.OUTAGE, E.HALT):
        quality.clean = 0
    if after == before:
        return
    base = settings.clean_run
    needed = max(quality.clean_needed, base)
    if before == S.COOLING and after == S.DOWN:
        quality.relapses += 1
        needed = min(needed * 2, max(settings.clean_run_max, base))
    elif event == E.CLEAN_RUN:
        needed = max(needed // 2, base)
    quality.clean_needed, quality.clean = needed, 0
    if event in (E.EVIDENCE, E.CLEAN_RUN):
        quality.rejects_in_row = quality.timeouts_in_row = 0
        quality.cancel_timeouts_in_row = 0
    quality.health, quality.since_ns = int(after), now_ns
    quality.changed = quality.dirty = True


def clean_outcome(quality: VenueQuality, now_ns: int, settings: Settings) -> None:
    """A sign of good order: an acknowledgement, a fill, a fresh feed at a health check."""
    if quality.health in (S.HALTED, S.DOWN):
        fire(quality, E.EVIDENCE, now_ns, settings)
        return
    if quality.health == S.UP:
        return
    quality.clean += 1
    if quality.clean >= max(quality.clean_needed, settings.clean_run):
        fire(quality, E.CLEAN_RUN, now_ns, settings)


def observe_reject(quality: VenueQuality, now_ns: int, settings: Settings) -> None:
    """A refused child; a burst of them is a fault, one twice as long an outage."""
    quality.rejects_in_row += 1
    _burst(quality, quality.rejects_in_row, settings.reject_burst, now_ns, settings)


def observe_timeout(quality: VenueQuality, now_ns: int, settings: Settings) -> None:
    """A child that was not answered in time."""
    quality.timeouts_in_row += 1
    _burst(quality, quality.timeouts_in_row, settings.timeout_burst, now_ns, settings)


def observe_cancel_timeout(quality: VenueQuality, now_ns: int, settings: Settings) -> None:
    """A cancel that was not answered in time: orders that go well must not hide it."""
    quality.cancel_timeouts_in_row += 1
    _burst(quality, quality.cancel_timeouts_in_row, settings.timeout_burst, now_ns, settings)


def _burst(q: VenueQuality, in_row: int, burst: int, now_ns: int, settings: Settings) -> None:
    q.clean = 0
    if in_row >= burst * OUTAGE_FACTOR or (in_row >= burst and q.health == S.COOLING):
        fire(q, E.OUTAGE, now_ns, settings)
    elif in_row == burst:
        fire(q, E.FAULT, now_ns, settings)


def observe_answer(quality: VenueQuality, rejected: bool, now_ns: int, settings: Settings) -> None:
    """The outcome of a child: order after order in a row counts, one good reply heals nothing."""
    quality.timeouts_in_row = 0
    if rejected:
        observe_reject(quality, now_ns, settings)
    else:
        quality.rejects_in_row = 0
        clean_outcome(quality, now_ns, settings)


def observe_quote(quality: VenueQuality, now_ns: int, settings: Settings) -> None:
    """A quote of any instrument: the venue's usual gap, and life after a silence."""
    if quality.quote_ns:
        gap = float(now_ns - quality.quote_ns)
        quality.gap.observe(gap, quality.session.at(now_ns), settings.speed_quantum_ns)
    quality.quote_ns = now_ns
    quality.dirty = True


def check(quality: VenueQuality, now_ns: int, settings: Settings) -> None:
    """Staleness against the venue's own usual gap; a fresh feed is a clean outcome."""
    if quality.quote_ns == 0:
        return
    usual = quality.gap.mean() * float(settings.stale_multiple)
    allowed = max(usual, float(settings.stale_floor_ns))
    silence = float(now_ns - quality.quote_ns)
    if silence > allowed * float(STALE_OUTAGE_FACTOR):
        fire(quality, E.OUTAGE, now_ns, settings)
    elif silence > allowed:
        fire(quality, E.FAULT, now_ns, settings)
    else:
        clean_outcome(quality, now_ns, settings)
