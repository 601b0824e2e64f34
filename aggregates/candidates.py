"""Which venues may get a child, what each has to offer, and why the others are left out."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import Any

from aggregates import availability, fees, quality
from aggregates.book import Book
from aggregates.order import Order
from aggregates.quality import Row
from aggregates.tables import Tables
from schemas.codes import HealthState, Liquidity, Reason, VenueStatus

ACK_MAX_NS = 2**32 - 1


@dataclass(slots=True)
class Level:
    """One price level of a candidate."""

    price_nanos: int
    units: int
    available_units: int
    fee_nanos: int


@dataclass(slots=True)
class Offer:
    """A piece of a level at one expected cost. `cost_nanos` ranks it; `pay_nanos` is price and
    fee, `added_nanos` what is charged besides, each per whole one.
    """

    level: int
    units: int
    pay_nanos: int
    added_nanos: int
    cost_nanos: int


@dataclass(slots=True)
class Candidate:
    """A venue as the decision saw it. `rank` is its place in venue-key order, `penalty_nanos` what
    missing one whole one there costs; a dark pool takes no less than `least_units`;
    `inventory_units` is what its levels were cut to, 0 = they were not; `bounds` is its fee line
    where that has a minimum or a maximum.
    """

    venue: int
    rank: int
    row: Row
    age_ns: int
    reason: Reason = Reason.NONE
    value: int = 0
    levels: tuple[Level, ...] = ()
    own_units: int = 0
    misses: tuple[int, ...] = ()
    ack_ns: int = 0
    fill_ratio: float = 0.0
    fee: tuple[int, int] = (0, 0)
    hidden_units: int = 0
    impact_nanos: int = 0
    balance_nanos: int = 0
    ticket_nanos: int = 0
    penalty_nanos: int = 0
    bounds: Any = None
    is_dark: bool = False
    least_units: int = 0
    adverse_bps: float = 0.0
    offers: tuple[Offer, ...] = ()
    inventory_units: int = 0

    @property
    def available_units(self) -> int:
        """Displayed within the limit and believed to be hidden, less our own in flight."""
        return sum(level.available_units for level in self.levels)


def gather(
    order: Order, book: Book, tables: Tables, now_ns: int, kill_mask: int, permitted: int = ~0
) -> list[Candidate]:
    """One candidate for each listed venue, in venue-key order."""
    policy = tables.policies[order.policy]
    found = []
    for rank, venue in enumerate(tables.rank_order):
        row = book.rows[venue]
        if not row.listed:
            continue
        candidate = Candidate(venue, rank, row, now_ns - row.quote_ns)
        entry = tables.venues[venue]
        line = tables.fees.find(venue, order.record.account, book.instrument, Liquidity.TAKE)
        verdict = _forbidden(candidate, order, entry, kill_mask, permitted, now_ns)
        if verdict[0] == Reason.NONE:
            verdict = _exclusion(candidate, order, policy, entry.status)
        if verdict[0] == Reason.NONE and line is None and not row.fee_known >> Liquidity.TAKE & 1:
            verdict = Reason.FEE_UNKNOWN, 0
        if verdict[0] == Reason.NONE and tables.settings.health_ns:
            verdict = unwell(entry.quality.health, policy)
        if verdict[0] == Reason.NONE:
            candidate.fee = taker_terms(row, line, order)
            candidate.bounds = fees.bounds_of(line)
            verdict = _price(candidate, order, policy, tables, now_ns)
        candidate.reason, candidate.value = verdict
        found.append(candidate)
    return found


def _forbidden(
    candidate: Candidate,
    order: Order,
    entry: Any,
    kill_mask: int,
    permitted: int,
    now_ns: int,
) -> tuple[Reason, int]:
    """Whether somebody has said that the venue must not get this order."""
    venue, record = candidate.venue, order.record
    if not permitted >> venue & 1:
        return Reason.NOT_PERMITTED, venue
    allowed = record.venues_allowed or ~0
    if not allowed >> venue & 1 or record.venues_banned >> venue & 1:
        return Reason.NOT_ALLOWED, venue
    if kill_mask >> venue & 1:
        return Reason.VENUE_KILLED, venue
    if entry.self_help:
        return Reason.SELF_HELP, venue
    if entry.hold_until_ns > now_ns:
        return Reason.RATE_LIMITED, entry.hold_until_ns - now_ns
    return Reason.NONE, 0


def _exclusion(candidate: Candidate, order: Order, policy: Any, status: int) -> tuple[Reason, int]:
    """First reason in the venue's own state that keeps it out before pricing."""
    row, venue = candidate.row, candidate.venue
    if status != VenueStatus.OPEN:
        return Reason.VENUE_NOT_OPEN, status
    if row.status != VenueStatus.OPEN:
        return Reason.VENUE_NOT_OPEN, row.status
    far_units = row.ask_units[0] if order.sign > 0 else row.bid_units[0]
    if not far_units:
        return Reason.NO_QUOTE, 0
    if candidate.age_ns > policy.stale_ns:
        return Reason.STALE_QUOTE, candidate.age_ns
    if 0 < row.ask_nanos[0] < row.bid_nanos[0]:
        return Reason.CROSSED_BOOK, row.bid_nanos[0] - row.ask_nanos[0]
    if order.visited.get(venue, 0) >= row.quote_seq:
        return Reason.ALREADY_VISITED, order.visited[venue]
    return Reason.NONE, 0


def unwell(health: int, policy: Any) -> tuple[Reason, int]:
    """Health keeps a venue out, where the settings have it checked."""
    if health == HealthState.UP or (health == HealthState.DEGRADED and policy.allow_degraded):
        return Reason.NONE, 0
    return Reason.VENUE_HEALTH, health


def _price(
    candidate: Candidate, order: Order, policy: Any, tables: Tables, now_ns: int
) -> tuple[Reason, int]:
    """Fills in levels and quality values; excludes a venue with nothing to offer."""
    row, side = candidate.row, order.side_index
    prices, sizes = (row.bid_nanos, row.bid_units) if side else (row.ask_nanos, row.ask_units)
    touch = prices[0]
    if order.sign * touch > order.sign * order.limit_nanos:
        return Reason.BEYOND_LIMIT, touch
    candidate.own_units = row.in_flight[side] + row.unreflected[side]
    candidate.ticket_nanos = row.ticket_nanos + policy.ticket_nanos
    believe(candidate, policy, tables, now_ns)
    candidate.levels = _levels(candidate, order, policy, prices, sizes)
    available = candidate.available_units
    if available == 0:
        return Reason.NOTHING_AVAILABLE, candidate.own_units
    if available < max(row.lot_units, row.min_units):
        return Reason.BELOW_LOT, available
    return Reason.NONE, touch


def believe(candidate: Candidate, policy: Any, tables: Tables, now_ns: int) -> None:
    """Quality values as used."""
    row, settings = candidate.row, tables.settings
    venue = tables.venues[candidate.venue]
    session_ns, venue_ns = row.session.at(now_ns), venue.quality.session.at(now_ns)
    prior = tables.fill_prior(candidate.venue)
    share = availability.venue_share(venue.quality.fill, venue_ns, prior, settings)
    candidate.fill_ratio = row.fill.shrunk(
        session_ns, settings.fill_quantum_ns, share, settings.fill_prior_weight
    )
    shares = availability.Shares(share, availability.in_steps(prior), candidate.fill_ratio)
    candidate.misses = availability.misses(row, session_ns, shares, settings)
    ack_prior_ns = tables.ack_prior_ns(candidate.venue)
    ack_ns = quality.ack_ns(row, session_ns, venue.quality.ack, venue_ns, ack_prior_ns, settings)
    candidate.ack_ns = min(floor(ack_ns), ACK_MAX_NS)
    if policy.use_hidden:
        candidate.hidden_units = availability.hidden_units(row, session_ns, settings)


def _levels(
    candidate: Candidate, order: Order, policy: Any, prices: list[int], sizes: list[int]
) -> tuple[Level, ...]:
    """Levels within the limit, each strictly worse than the one before; ours is netted first.

    What is believed to be hidden stands at the touch, behind what is displayed there.
    """
    sign = order.sign
    own, previous = candidate.own_units, 0
    found: list[Level] = []
    for price, units in zip(prices[: policy.max_levels], sizes, strict=False):
        if not units or sign * price > sign * order.limit_nanos:
            break
        if previous and sign * price <= sign * previous:
            break
        netted = min(own, units)
        own, previous = own - netted, price
        hidden = 0 if found else candidate.hidden_units
        found.append(Level(price, units, units - netted + hidden, fee_nanos(candidate, price)))
    return tuple(found)


def taker_terms(row: Row, line: Any, order: Order) -> tuple[int, int]:
    """(fixed, rate) for taking, from the schedule or the row, as they are at the touch.

    One book may straddle a sub-dollar threshold; the touch decides for all of it, so that costs
    never fall as one goes deeper.
    """
    if line is None:
        return row.fee_fixed[Liquidity.TAKE], row.fee_rate[Liquidity.TAKE]
    prices = row.bid_nanos if order.side_index else row.ask_nanos
    return fees.terms_at(line, prices[0])


def fee_nanos(candidate: Candidate, price_nanos: int) -> int:
    """Taker fee per whole one at a price, negative for a rebate."""
    return fees.per_one(candidate.fee, price_nanos)
