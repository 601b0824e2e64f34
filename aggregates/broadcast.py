"""Folds reference inputs: each carries the full new value of what it names."""

from __future__ import annotations

from typing import Any

from aggregates import accounts, fees, tables
from aggregates.book import Book
from aggregates.feed import check_place, venue_status
from aggregates.quality import Row
from aggregates.shard import ACCEPTED, Refused, Shard
from aggregates.timers import start_grids
from schemas import reference
from schemas.codes import Reason, VenueStatus
from schemas.envelope import HEADER
from schemas.units import INSTRUMENT_NONE


def instrument(shard: Shard, header: Any, raw: bytes) -> Refused:
    """Defines the next dense instrument id, or changes a defined one."""
    books, record = shard.books, reference.INSTRUMENT.unpack(raw)
    if header.instrument > len(books):
        return Reason.UNKNOWN_INSTRUMENT, header.instrument, 0
    if header.instrument >= tables.MAX_INSTRUMENTS:
        return Reason.TABLE_FULL, header.instrument, 0
    if not tables.instrument_is_valid(record):
        return Reason.BAD_VALUE, header.instrument, 0
    if header.instrument == len(books):
        books.append(Book(header.instrument))
        books[-1].rows = [_new_row(shard, venue) for venue in range(len(shard.tables.venues))]
    books[header.instrument].describe(record, raw)
    return ACCEPTED


def venue(shard: Shard, header: Any, raw: bytes) -> Refused:
    """Defines the next dense venue id, or changes a defined one.

    The record's status is where a new venue begins; afterwards only the feed and the kill
    switches say whether it trades, so that new terms never open what somebody has stopped.
    """
    before = len(shard.tables.venues)
    reason = shard.tables.put_venue(header.venue, raw)
    if len(shard.tables.venues) > before:
        for book in shard.books:
            book.rows.append(_new_row(shard, header.venue))
        venue_status(shard, header.venue, shard.tables.venues[header.venue].status)
    return reason, header.venue, 0


def venue_prior(shard: Shard, header: Any, raw: bytes) -> Refused:
    """What all shards have learned of a venue, in place of the prior of its kind."""
    record = reference.VENUE_PRIOR.unpack(raw)
    if header.venue >= len(shard.tables.venues):
        return Reason.UNKNOWN_VENUE, header.venue, 0
    return shard.tables.put_prior(header.venue, record), header.venue, 0


def _new_row(shard: Shard, venue: int) -> Row:
    """An empty row, whose clock stands still where the venue does not trade."""
    row = Row()
    trades = shard.tables.venues[venue].status == VenueStatus.OPEN
    row.session.turn(trades, shard.log_ns)
    return row


def listing(shard: Shard, header: Any, raw: bytes) -> Refused:
    """An instrument trades at a venue."""
    record = reference.LISTING.unpack(raw)
    refused = check_place(shard, header)
    if refused[0]:
        return refused
    if not tables.listing_is_valid(record):
        return Reason.BAD_VALUE, header.venue, 0
    row = shard.books[header.instrument].rows[header.venue]
    row.listed = True
    row.tick_nanos, row.lot_units = record.tick_nanos, record.lot_units
    row.min_units, row.ticket_nanos = record.min_units, record.ticket_nanos
    return ACCEPTED


def fee(shard: Shard, header: Any, raw: bytes) -> Refused:
    """What one liquidity code costs for an instrument at a venue."""
    record = reference.FEE.unpack(raw)
    refused = check_place(shard, header)
    if refused[0]:
        return refused
    if not tables.fee_is_valid(record):
        return Reason.BAD_VALUE, record.liquidity, 0
    row = shard.books[header.instrument].rows[header.venue]
    row.fee_known |= 1 << record.liquidity
    row.fee_fixed[record.liquidity] = record.fixed_nanos
    row.fee_rate[record.liquidity] = record.rate_e9
    return ACCEPTED


def fee_tier(shard: Shard, header: Any, raw: bytes) -> Refused:
    """One line of a fee schedule."""
    record = reference.FEE_TIER.unpack(raw)
    if header.venue >= len(shard.tables.venues):
        return Reason.UNKNOWN_VENUE, header.venue, 0
    if header.instrument >= len(shard.books) and header.instrument != INSTRUMENT_NONE:
        return Reason.UNKNOWN_INSTRUMENT, header.instrument, 0
    if not fees.line_is_valid(record):
        return Reason.BAD_VALUE, record.liquidity, 0
    return shard.tables.fees.put_line(record, raw), header.venue, 0


def billing(shard: Shard, header: Any, raw: bytes) -> Refused:
    """What chooses a billing account's volume tier."""
    record = reference.BILLING.unpack(raw)
    if header.venue >= len(shard.tables.venues):
        return Reason.UNKNOWN_VENUE, header.venue, 0
    if not fees.billing_is_valid(record):
        return Reason.BAD_VALUE, record.prior_tier, 0
    return shard.tables.fees.put_billing(record, raw), header.venue, 0


def policy(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """A new version of a routing policy."""
    return shard.tables.put_policy(raw), 0, 0


def limits(shard: Shard, header: Any, raw: bytes) -> Refused:
    """Pre-trade limits of an instrument."""
    record = reference.LIMITS.unpack(raw)
    if header.instrument >= len(shard.books):
        return Reason.UNKNOWN_INSTRUMENT, header.instrument, 0
    if not tables.limits_are_valid(record):
        return Reason.BAD_VALUE, header.instrument, 0
    book = shard.books[header.instrument]
    book.limits, book.limits_raw = record, raw
    return ACCEPTED


def account(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """Limits of an account."""
    return accounts.put_account(shard, raw), 0, 0


def posting(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """How the remainders of a policy rest."""
    return shard.tables.put_posting(raw), 0, 0


def settings(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """Half-lives, publication cadence, windows."""
    reason = shard.tables.put_settings(raw)
    if not reason:
        start_grids(shard)
    return reason, 0, 0


def engine(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """From here on the shard belongs to the engine generation named."""
    shard.activated = raw[HEADER.size :]
    return ACCEPTED
