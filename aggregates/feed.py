"""Folds market records: quotes and depth, prints, trading states, time."""

from __future__ import annotations

from typing import Any

from aggregates import health, openings
from aggregates.book import Book
from aggregates.quality import MAX_TIME_NS, least_delay_ns, near_units, observe_delay
from aggregates.shard import ACCEPTED, Refused, Shard
from schemas import market
from schemas.codes import HealthEvent, QuoteFlag, Reason, VenueStatus
from schemas.envelope import HEADER
from schemas.units import INSTRUMENT_NONE, MAX_LEVELS, MAX_PRICE_NANOS, MAX_UNITS

_MODELLED = QuoteFlag.MODELLED_BID | QuoteFlag.MODELLED_ASK


def quote(shard: Shard, header: Any, raw: bytes) -> Refused:
    """One book level of a venue; level 0 moves the displayed best and its time shares."""
    level = header.flags & QuoteFlag.LEVEL_MASK
    if level >= MAX_LEVELS:
        return Reason.BAD_LEVEL, level, 0
    prices = market.QUOTE.struct.unpack(raw)[8:]
    refused = check_place(shard, header)
    refused = refused if refused[0] else _check_quote(prices)
    if refused[0]:
        return refused
    settings = shard.tables.settings
    book = shard.books[header.instrument]
    row = book.rows[header.venue]
    if level == 0:
        book.set_touch(header.venue, prices, shard.log_ns, settings)
        row.modelled = bool(header.flags & _MODELLED)
    else:
        book.set_depth(header.venue, level, prices, shard.log_ns, settings)
    row.near_units[0] = near_units(row, 0, settings.near_ticks)
    row.near_units[1] = near_units(row, 1, settings.near_ticks)
    row.quote_ns, row.quote_seq = shard.log_ns, shard.seq
    row.unreflected[0] = row.unreflected[1] = 0
    row.quotes += 1
    row.dirty = True
    venue = shard.tables.venues[header.venue].quality
    health.observe_quote(venue, shard.log_ns, settings)
    if row.session.running and 0 < header.venue_ns <= MAX_TIME_NS:
        delay_ns = shard.log_ns - header.venue_ns
        observe_delay(row, row.session.at(shard.log_ns), delay_ns, settings)
        histogram = venue.feed_histograms[book.asset_class]
        histogram.observe(delay_ns - least_delay_ns(row))
    shard.quality_seq += 1
    return ACCEPTED


def trade(shard: Shard, header: Any, raw: bytes) -> Refused:
    """A print at a venue."""
    refused = check_place(shard, header)
    if refused[0]:
        return refused
    record = market.TRADE.unpack(raw)
    if not 0 < record.price_nanos <= MAX_PRICE_NANOS:
        return Reason.BAD_PRICE, record.price_nanos, 0
    if not 0 < record.units <= MAX_UNITS:
        return Reason.BAD_SIZE, record.units, 0
    row = shard.books[header.instrument].rows[header.venue]
    row.trades += 1
    row.dirty = True
    shard.quality_seq += 1
    return ACCEPTED


def status(shard: Shard, header: Any, raw: bytes) -> Refused:
    """Trading state of a venue or of one instrument there; leaving OPEN empties the books."""
    code = raw[HEADER.size]
    if not VenueStatus.OPEN <= code <= VenueStatus.DOWN:
        return Reason.BAD_VALUE, code, 0
    if header.venue >= len(shard.tables.venues):
        return Reason.UNKNOWN_VENUE, header.venue, 0
    whole = header.instrument == INSTRUMENT_NONE
    if not whole and header.instrument >= len(shard.books):
        return Reason.UNKNOWN_INSTRUMENT, header.instrument, 0
    if whole:
        venue_status(shard, header.venue, code)
    else:
        book = shard.books[header.instrument]
        book.rows[header.venue].status = code
        _turn(shard, book, header.venue)
    return ACCEPTED


def venue_status(shard: Shard, venue: int, code: int) -> None:
    """A whole venue's trading state: its books, its clocks and its health follow."""
    entry = shard.tables.venues[venue]
    entry.status = code
    if code == VenueStatus.OPEN and not entry.quality.session.running and entry.quality.quote_ns:
        entry.quality.quote_ns = shard.log_ns  # nobody expects a quote while the venue is closed
    entry.quality.session.turn(code == VenueStatus.OPEN, shard.log_ns)
    for book in shard.books:
        _turn(shard, book, venue)
    openings.turn(shard, venue, code)
    settings = shard.tables.settings
    if code == VenueStatus.OPEN:
        health.clean_outcome(entry.quality, shard.log_ns, settings)
    elif code == VenueStatus.DOWN:
        health.fire(entry.quality, HealthEvent.OUTAGE, shard.log_ns, settings)
    elif code == VenueStatus.HALTED:
        health.fire(entry.quality, HealthEvent.HALT, shard.log_ns, settings)


def _turn(shard: Shard, book: Book, venue: int) -> None:
    """Empties the book of a venue that does not trade, and stops or starts its row's clock."""
    row = book.rows[venue]
    trades = shard.tables.venues[venue].status == VenueStatus.OPEN == row.status
    if not trades:
        book.clear(venue, shard.log_ns, shard.tables.settings)
    row.session.turn(trades, shard.log_ns)


def timer(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """Time has moved; the timers that were due have fired."""
    return ACCEPTED


def check_place(shard: Shard, header: Any) -> Refused:
    """Whether the header's venue and instrument are defined."""
    if header.venue >= len(shard.tables.venues):
        return Reason.UNKNOWN_VENUE, header.venue, 0
    if header.instrument >= len(shard.books):
        return Reason.UNKNOWN_INSTRUMENT, header.instrument, 0
    return ACCEPTED


def _check_quote(prices: tuple[int, ...]) -> Refused:
    """Numbers in range; a size needs a price, a price without a size is an empty side."""
    for price, units in (prices[:2], prices[2:]):
        if not 0 <= price <= MAX_PRICE_NANOS or (units > 0 and price == 0):
            return Reason.BAD_PRICE, price, 0
        if not 0 <= units <= MAX_UNITS:
            return Reason.BAD_SIZE, units, 0
    return ACCEPTED
