"""Fires what is due before an input is folded, in (due_ns, kind, id) order."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from aggregates import children, desk, health, markouts, openings, reports, resting
from aggregates.publish import publish
from aggregates.shard import GRID_KINDS, Shard
from schemas.codes import Reason, TimerKind
from schemas.units import INT64_MAX

_OWN_SUBJECTS: dict[int, Callable[[Shard, int], None]] = {
    TimerKind.ACK_TIMEOUT: reports.time_out,
    TimerKind.MARKOUT: markouts.settle,
    TimerKind.OPENING: openings.keep,
    TimerKind.QUERY: children.query_due,
    TimerKind.RELEASE: resting.release,
    TimerKind.REST: resting.look_at,
}
"""Timers of children, markouts and venues; the others are of parents."""


def start_grids(shard: Shard) -> None:
    """Puts the recurring timers on their grids after the settings changed."""
    for index, period_ns in enumerate(_periods(shard)):
        shard.grid_due_ns[index] = next_on_grid(period_ns, shard.log_ns)


def next_on_grid(period_ns: int, now_ns: int) -> int:
    """First instant of an absolute grid after `now_ns`; never for period 0."""
    return (now_ns // period_ns + 1) * period_ns if period_ns else INT64_MAX


def fire_timers(shard: Shard, until_ns: int) -> None:
    """Fires everything due through `until_ns`, each timer at its own time."""
    while True:
        timer = min(
            (due_ns, int(kind), 0)
            for due_ns, kind in zip(shard.grid_due_ns, GRID_KINDS, strict=True)
        )
        if shard.timers and shard.timers[0] < timer:
            timer = shard.timers[0]
        if timer[0] > until_ns:
            return
        shard.log_ns = timer[0]
        if timer[1] in GRID_KINDS:
            _fire_grid(shard, timer[1], until_ns)
        else:
            heapq.heappop(shard.timers)
            _fire(shard, timer[1], timer[2])


def _periods(shard: Shard) -> tuple[int, int, int, int]:
    settings = shard.tables.settings
    return (
        settings.publish_ns,
        settings.control_ns,
        settings.health_ns,
        settings.speed_half_life_ns,
    )


def _fire_grid(shard: Shard, kind: int, until_ns: int) -> None:
    """One instant of a grid; instants missed in a quiet time are not repeated."""
    index = GRID_KINDS.index(TimerKind(kind))
    period_ns, due_ns = _periods(shard)[index], shard.grid_due_ns[index]
    next_ns = next_on_grid(period_ns, until_ns)
    if kind == TimerKind.PUBLISH:
        publish(shard)
    elif kind == TimerKind.CONTROL:
        markouts.start_controls(shard)
    elif kind == TimerKind.HALVE:
        _halve(shard, (next_ns - due_ns) // period_ns)
    else:
        _check_health(shard)
        # The last instant of a quiet time counts too: a silence must not pass unseen.
        next_ns = max(due_ns + period_ns, next_ns - period_ns)
    shard.grid_due_ns[index] = next_ns


def _halve(shard: Shard, times: int) -> None:
    for venue in shard.tables.venues:
        quality = venue.quality
        feeds = quality.feed_histograms
        for histogram in (*feeds, quality.ack_histogram, quality.fill_histogram):
            histogram.halve(times)


def _check_health(shard: Shard) -> None:
    for venue in shard.tables.venues:
        if venue.quality.session.running:
            health.check(venue.quality, shard.log_ns, shard.tables.settings)


def _fire(shard: Shard, kind: int, subject: int) -> None:
    if kind in _OWN_SUBJECTS:
        _OWN_SUBJECTS[kind](shard, subject)
        return
    order = shard.orders.get(subject)
    if order is None:
        return
    if kind == TimerKind.FORGET:
        desk.forget(shard, order)
    elif kind == TimerKind.EXPIRE and order.expire_due_ns == shard.log_ns and not order.final:
        desk.wind_down(shard, order, Reason.HORIZON)
    elif kind == TimerKind.RETRY and order.retry_due_ns == shard.log_ns and not order.final:
        desk.settle(shard, order)
        desk.emit_order(shard, order)
