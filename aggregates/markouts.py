"""Mid moves after fills, and after moments without our orders as their control.

Each fill waits for its four horizons; a timer settles each on the prevailing mid, the last valid
one (two-sided, not crossed) that is not older than the settings allow. What cannot is counted by
reason. Passive fills give adverse selection, aggressive ones impact net of the control's drift.
"""

from __future__ import annotations

from dataclasses import dataclass

from aggregates.book import Book
from aggregates.evidence import HORIZONS, Evidence
from aggregates.shard import Shard
from schemas.codes import Liquidity, MarkoutDrop, MarkoutKind, TimerKind, VenueStatus
from schemas.units import VENUE_NONE

MAX_MARKOUTS = 65_536
KINDS = {
    Liquidity.ADD: MarkoutKind.ADDED,
    Liquidity.HIDDEN: MarkoutKind.ADDED,
    Liquidity.TAKE: MarkoutKind.REMOVED,
    Liquidity.MID: MarkoutKind.MID,
}


@dataclass(slots=True)
class Markout:
    """A mid move that is being waited for. `sign` is +1 for a buy or a control, -1 for a sell."""

    instrument: int
    venue: int
    kind: int
    sign: int
    price_nanos: int
    mid_x2: int
    start_ns: int


def start_fill(
    shard: Shard, book: Book, venue: int, sign: int, liquidity: int, price_nanos: int
) -> None:
    """Begins to wait for what follows a fill; auctions and unknown liquidity are not followed."""
    kind = KINDS.get(liquidity)  # type: ignore[call-overload]
    if kind is not None:
        _start(shard, book, Markout(book.instrument, venue, int(kind), sign, price_nanos, 0, 0))


def start_controls(shard: Shard) -> None:
    """Begins one control for each instrument that has a mid and none of our orders."""
    for book in shard.books:
        if book.open_children == 0 and valid_mid(shard, book):
            kind = int(MarkoutKind.CONTROL)
            _start(shard, book, Markout(book.instrument, VENUE_NONE, kind, 1, 0, 0, 0))


def _start(shard: Shard, book: Book, markout: Markout) -> None:
    markout.mid_x2, markout.start_ns = valid_mid(shard, book), shard.log_ns
    if not markout.mid_x2:
        drop(shard, markout, MarkoutDrop.STALE_MID if book.mid_x2 else MarkoutDrop.NO_MID)
        return
    if len(shard.markouts) >= MAX_MARKOUTS:
        drop(shard, markout, MarkoutDrop.TABLE_FULL)
        return
    settings = shard.tables.settings
    wanted = [h for h in settings.horizons_ns if h >= settings.resolution_ns]
    if not wanted:
        return
    markout_id = shard.next_markout_id
    shard.next_markout_id += 1
    shard.markouts[markout_id] = markout
    skipped = HORIZONS - len(wanted)
    for index, horizon_ns in enumerate(wanted, start=skipped):
        due_ns = shard.log_ns + horizon_ns
        shard.schedule(due_ns, TimerKind.MARKOUT, markout_id * HORIZONS + index)


def settle(shard: Shard, subject: int) -> None:
    """Settles one horizon of one markout on the mid as of now; the last one forgets it."""
    markout_id, index = divmod(subject, HORIZONS)
    last = index == HORIZONS - 1
    markout = shard.markouts.pop(markout_id) if last else shard.markouts[markout_id]
    book = shard.books[markout.instrument]
    if markout.kind == MarkoutKind.CONTROL:
        if book.open_children or book.fill_ns >= markout.start_ns:
            drop(shard, markout, MarkoutDrop.OWN_ORDER)
            return
    elif not trading(shard, book, markout.venue):
        drop(shard, markout, MarkoutDrop.NOT_TRADING)
        return
    mid_x2 = valid_mid(shard, book)
    if mid_x2:
        _observe(shard, book, markout, index, mid_x2)
    else:
        drop(shard, markout, MarkoutDrop.STALE_MID)


def _observe(shard: Shard, book: Book, markout: Markout, index: int, mid_x2: int) -> None:
    quantum_ns, now_ns = shard.tables.settings.impact_quantum_ns, shard.log_ns
    move_bps = bps(markout.sign * (mid_x2 - markout.mid_x2), markout.mid_x2)
    if markout.kind == MarkoutKind.CONTROL:
        book.drift[index].observe(move_bps, now_ns, quantum_ns)
        return
    row = book.rows[markout.venue]
    row.dirty_execution = True
    now_ns = row.session.at(now_ns)
    evidence: Evidence = row.evidence
    if markout.kind == MarkoutKind.REMOVED:
        drift_bps = float(markout.sign) * book.drift[index].mean()
        evidence.removed[index].observe(move_bps - drift_bps, now_ns, quantum_ns)
    elif markout.kind == MarkoutKind.MID:
        evidence.mid[index].observe(-move_bps, now_ns, quantum_ns)
    else:
        evidence.added[index].observe(-move_bps, now_ns, quantum_ns)
        earned = 2 * markout.sign * (mid_x2 - 2 * markout.price_nanos)
        evidence.realised[index].observe(bps(earned, markout.mid_x2), now_ns, quantum_ns)


def drop(shard: Shard, markout: Markout, reason: int) -> None:
    """Counts a markout that will not settle, by reason and side."""
    place = reason * 2 + (markout.sign < 0)
    shard.markout_drops[place] += 1
    if markout.venue != VENUE_NONE:
        venue = shard.tables.venues[markout.venue].quality
        venue.drops[place] += 1
        venue.dirty = True


def valid_mid(shard: Shard, book: Book) -> int:
    """Twice the last valid mid in nanos; 0 where there was none or it is too old."""
    if shard.log_ns - book.mid_ns > shard.tables.settings.mid_age_ns:
        return 0
    return book.mid_x2


def trading(shard: Shard, book: Book, venue: int) -> bool:
    """Whether the venue trades the instrument now."""
    status = shard.tables.venues[venue].status
    return status == VenueStatus.OPEN == book.rows[venue].status


def bps(part: int, whole: int) -> float:
    """part / whole in basis points."""
    return float(part) / float(whole) * 10000.0
