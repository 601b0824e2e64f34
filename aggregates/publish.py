"""Publishes the quality table on a cadence: every row that changed, with its read-outs."""

from __future__ import annotations

from aggregates import quality
from aggregates.book import Book
from aggregates.decay import weight
from aggregates.shard import Shard
from schemas import decisions
from schemas.codes import OutputType
from schemas.units import INT64_MAX


def next_publish_ns(cadence_ns: int, now_ns: int) -> int:
    """First instant of the cadence's absolute grid after `now_ns`; never for cadence 0."""
    return (now_ns // cadence_ns + 1) * cadence_ns if cadence_ns else INT64_MAX


def publish(shard: Shard, until_ns: int) -> None:
    """Emits changed rows in dense order; instants missed in a quiet time are not repeated."""
    for book in shard.books:
        for venue, row in enumerate(book.rows):
            if row.dirty:
                row.dirty = False
                book.advance(venue, shard.log_ns, shard.tables.settings)
                emit_row(shard, book, venue)
    shard.publish_due_ns = next_publish_ns(shard.tables.settings.publish_ns, until_ns)


def emit_row(shard: Shard, book: Book, venue: int) -> None:
    """Writes one row of the table as of now."""
    row, settings, now_ns = book.rows[venue], shard.tables.settings, shard.log_ns
    speed = settings.speed_quantum_ns
    fill_w = weight(now_ns, row.fill_then_ns, settings.fill_quantum_ns)
    prior_ns = shard.tables.venues[venue].ack_prior_ns
    shard.emit(
        decisions.QUALITY,
        OutputType.QUALITY,
        book.instrument,
        quality_seq=shard.quality_seq,
        quotes=row.quotes,
        trades=row.trades,
        fills=row.fills,
        bid_units=ratio(row.bid_time, row.observed),
        ask_units=ratio(row.ask_time, row.observed),
        spread_nanos=ratio(row.spread_time, row.two_sided_time),
        share_at_bid=ratio(row.at_bid_time, row.observed),
        share_at_ask=ratio(row.at_ask_time, row.observed),
        two_sided_share=ratio(row.two_sided_time, row.observed),
        observed_ns=row.observed,
        feed_delay_ns=ratio(row.delay_sum, row.delay_weight),
        feed_delay_weight=row.delay_weight * weight(now_ns, row.delay_then_ns, speed),
        feed_delay_min_ns=row.delay_min_ns,
        fill_ratio=quality.fill_ratio(row, now_ns, settings),
        fill_weight=row.fill_weight * fill_w,
        ack_ns=quality.ack_ns(row, now_ns, prior_ns, settings),
        ack_weight=row.ack_weight * weight(now_ns, row.ack_then_ns, speed),
        venue=venue,
    )


def ratio(total: float, mass: float) -> float:
    """Mean of a decayed sum; 0 where nothing was observed, which the mass says."""
    return total / mass if mass > 0.0 else 0.0
