"""What rows look like at the open: their history of the same time of day.

Yesterday's close says little about today's open. So a row keeps, for up to two times of day at
which its venue opens, what it looked like one window after the open, averaged over days that fade;
at the next open at that time of day its sums start there instead of at the close. Only what counts
as an open of the session starts anew: CLOSED, then OPEN, an auction between them or not. A halt
changes nothing (`session.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aggregates.decay import weight
from aggregates.moments import Moments
from aggregates.settings import DAY_NS
from schemas.codes import TimerKind, VenueStatus
from schemas.units import E9

if TYPE_CHECKING:
    from aggregates.quality import Row
    from aggregates.shard import Shard

NEAR_NS = 3600 * E9
"""Opens at times of day no further apart are the same; UTC, so a change of summer time is one."""
SLOTS = 2
MOMENT_SUMS = ("weight", "weight_squares", "total", "squares", "jumps", "last")


class Opening:
    """Sums of one row after the opens at one time of day, over `days` that fade."""

    __slots__ = ("ack", "days", "delay", "fill", "slot_ns", "sums", "then_ns")

    def __init__(self, slot_ns: int, sums: int) -> None:
        self.slot_ns, self.then_ns, self.days = slot_ns, 0, 0.0
        self.sums = [0.0] * sums
        self.delay, self.fill, self.ack = Moments(), Moments(), Moments()


def turn(shard: Shard, venue: int, code: int) -> None:
    """Follows a whole venue's status after its clocks: at the open of a session rows start anew."""
    quality = shard.tables.venues[venue].quality
    if code == VenueStatus.CLOSED:
        quality.closed = True
    elif code == VenueStatus.OPEN and quality.closed:
        quality.closed, quality.opened_ns = False, shard.log_ns
        for book in shard.books:
            key = book.instrument, venue
            kept = _find(shard.openings.get(key, []), shard.log_ns % DAY_NS)
            if kept is not None:
                _start(book.rows[venue], kept, shard.log_ns)
        if shard.tables.settings.open_window_ns:
            due_ns = shard.log_ns + shard.tables.settings.open_window_ns
            shard.schedule(due_ns, TimerKind.OPENING, venue)


def keep(shard: Shard, venue: int) -> None:
    """One window after the open: adds what the venue's rows look like now to their history."""
    settings, quality = shard.tables.settings, shard.tables.venues[venue].quality
    opened_ns = shard.log_ns - settings.open_window_ns
    if quality.closed or quality.opened_ns != opened_ns:
        return
    for book in shard.books:
        row = book.rows[venue]
        book.advance(venue, shard.log_ns, settings)
        if row.observed > 0.0:
            found = shard.openings.setdefault((book.instrument, venue), [])
            slot_ns = opened_ns % DAY_NS
            opening = _find(found, slot_ns) or _place(found, slot_ns, len(row.time_sums()))
            _add(opening, row, shard.log_ns, settings.open_quantum_ns)


def _find(openings: list[Opening], slot_ns: int) -> Opening | None:
    return next((o for o in openings if abs(o.slot_ns - slot_ns) <= NEAR_NS), None)


def _place(openings: list[Opening], slot_ns: int, sums: int) -> Opening:
    """A new time of day; the one unused for the longest makes room."""
    if len(openings) == SLOTS:
        openings.remove(min(openings, key=lambda o: o.then_ns))
    openings.append(Opening(slot_ns, sums))
    return openings[-1]


def _add(opening: Opening, row: Row, now_ns: int, quantum_ns: int) -> None:
    w = weight(now_ns, opening.then_ns, quantum_ns) if opening.days > 0.0 else 0.0
    opening.then_ns, opening.days = now_ns, opening.days * w + 1.0
    opening.sums = [
        kept * w + told for kept, told in zip(opening.sums, row.time_sums(), strict=True)
    ]
    pairs = ((opening.delay, row.delay), (opening.fill, row.fill), (opening.ack, row.ack))
    for kept, told in pairs:
        for name in MOMENT_SUMS[:-1]:
            setattr(kept, name, getattr(kept, name) * w + getattr(told, name))
        kept.last = told.last


def _start(row: Row, opening: Opening, log_ns: int) -> None:
    """The row starts where it stood on an average day; how old that is is forgotten."""
    row.set_time_sums([kept / opening.days for kept in opening.sums])
    now_ns = row.session.at(log_ns)
    pairs = ((opening.delay, row.delay), (opening.fill, row.fill), (opening.ack, row.ack))
    for kept, told in pairs:
        told.then_ns, told.last = now_ns, kept.last
        for name in MOMENT_SUMS[:-1]:
            setattr(told, name, getattr(kept, name) / opening.days)
    row.dirty = row.dirty_execution = True
