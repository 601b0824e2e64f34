"""Resting a parent's remainder at the touch of one venue, and when to withdraw it.

A unit posted at venue k is worth P(fill) * (distance from the mid + rebate - adverse selection);
of the venues at the best price, the one of the highest worth gets the remainder, if it is worth
anything. P(fill) within the longest time to rest is read from the hazards measured at the venue
(`hazards`) behind what is displayed there now; what has never been measured is the settings' prior.
One venue at a time; a split over several queues would choose here.
"""

from __future__ import annotations

from aggregates import accounts, hazards, inventory
from aggregates.allocation import Allocation, Plan
from aggregates.book import Book
from aggregates.candidates import Candidate
from aggregates.child import Child
from aggregates.fees import per_one, terms_at
from aggregates.order import Order
from aggregates.policy import may_post
from aggregates.quality import Row
from aggregates.shard import Shard
from schemas.codes import AllocationFlag, HealthState, Liquidity, Reason, VenueStatus

Best = tuple[int, int, int, int]


def may_rest(shard: Shard, order: Order) -> bool:
    """Whether policy, urgency, the order itself and the message-to-fill bound allow resting."""
    posting = shard.tables.postings.get(order.policy)
    return bool(
        posting is not None
        and may_post(shard.tables.policies[order.policy], order.record.urgency)
        and posting.enabled
        and order.record.post_permission
        and order.record.urgency <= posting.max_urgency
        and not order.immediate
        and order.posts < posting.max_posts
    )


def choose(
    shard: Shard, order: Order, book: Book, best: Best, candidates: list[Candidate], kills: int
) -> tuple[Candidate, int, int] | None:
    """(candidate, units, price) of the place that is worth most, or None."""
    found, most = None, 0.0
    for candidate in candidates:
        if _reason_against(shard, order, book, candidate.venue, kills):
            continue
        price = post_price(order, candidate.row, best)
        units = _units(shard, order, candidate)
        if not price or not units:
            continue
        ahead_units = hazards.units_ahead(candidate.row, order.side_index, price)
        queue = hazards.queue_bucket(ahead_units, book.round_lot_units)
        worth = _worth(shard, order, book, candidate.venue, best, price, queue)
        ahead = found is not None and order.sign * (price - found[2])
        if worth > 0.0 and (found is None or ahead > 0 or (ahead == 0 and worth > most)):
            found, most = (candidate, units, price), worth
    return found


def _reason_against(shard: Shard, order: Order, book: Book, venue: int, kills: int) -> Reason:
    """Why nothing of the parent may rest at a venue now; NONE where it may."""
    row, entry = book.rows[venue], shard.tables.venues[venue]
    record, settings = order.record, shard.tables.settings
    allowed = (record.venues_allowed or ~0) & ~record.venues_banned
    allowed &= accounts.permitted_venues(shard, record.account)
    if not allowed >> venue & 1 or kills >> venue & 1 or entry.self_help:
        return Reason.NOT_ALLOWED
    if entry.status != VenueStatus.OPEN or row.status != VenueStatus.OPEN:
        return Reason.VENUE_STOPPED
    policy = shard.tables.policies[order.policy]
    if not row.quote_ns or shard.log_ns - row.quote_ns > policy.stale_ns:
        return Reason.STALE_QUOTE
    health = entry.quality.health
    well = health == HealthState.UP or (health == HealthState.DEGRADED and policy.allow_degraded)
    if settings.health_ns and not well:
        return Reason.UNHEALTHY_VENUE
    known = add_fee(shard, order, book, venue, 1) is not None
    return Reason.NONE if known else Reason.FEE_UNKNOWN


def add_fee(shard: Shard, order: Order, book: Book, venue: int, price: int) -> int | None:
    """Maker fee per whole one at a price, negative for a rebate; None where nobody has said it."""
    row, code = book.rows[venue], Liquidity.ADD
    line = shard.tables.fees.find(venue, order.record.account, book.instrument, code)
    if line is not None:
        return per_one(terms_at(line, price), price)
    if not row.fee_known >> code & 1:
        return None
    return per_one((row.fee_fixed[code], row.fee_rate[code]), price)


def post_price(order: Order, row: Row, best: Best) -> int:
    """The venue's touch, or our limit; inside every protected and displayed far price; 0 = none."""
    side, tick = order.side_index, row.tick_nanos
    near, far = (
        (row.ask_nanos[0], row.bid_nanos[0]) if side else (row.bid_nanos[0], row.ask_nanos[0])
    )
    if not near:
        return 0
    far_protected = best[0] if side else best[1]
    if side == 0:
        price = min(near, order.limit_nanos)
        for bound in (far, far_protected):
            price = min(price, bound - tick) if bound else price
        return max(0, price - price % tick)
    price = max(near, order.limit_nanos)
    for bound in (far, far_protected):
        price = max(price, bound + tick) if bound else price
    return price + -price % tick


def _units(shard: Shard, order: Order, candidate: Candidate) -> int:
    """Whole lots of the remainder, no more than may be displayed or sold there."""
    row = candidate.row
    units = min(order.free_units, inventory.free_units(shard, order, candidate.venue))
    if order.record.display_units:
        units = min(units, order.record.display_units)
    units -= units % row.lot_units
    return units if units >= row.min_units else 0


def _worth(
    shard: Shard, order: Order, book: Book, venue: int, best: Best, price: int, queue: int
) -> float:
    """Expected gain per whole one in nanos of a place in a queue, a fill's chance included."""
    mid_x2 = best[0] + best[1] if best[0] and best[1] else book.mid_x2
    fee = add_fee(shard, order, book, venue, price) or 0
    row = book.rows[venue]
    posting = shard.tables.postings[order.policy]
    adverse_bps = float(row.evidence.added[posting.horizon - 1].mean())
    adverse = adverse_bps * float(price) / 10000.0
    gain = float(order.sign * (mid_x2 - 2 * price)) / 2.0 - float(fee) - adverse
    chance = hazards.passive_fill(shard, book.instrument, venue, queue, posting.rest_ns)
    return chance.probability * gain


def why_withdraw(shard: Shard, order: Order, child: Child, best: Best, kills: int) -> Reason:
    """Why a resting child should leave its queue; NONE while it should stay."""
    book = shard.books[child.instrument]
    reason = _reason_against(shard, order, book, child.venue, kills)
    if reason:
        return reason
    if inventory.is_short(shard, order, child.venue):
        return Reason.NO_INVENTORY
    posting = shard.tables.postings.get(order.policy)
    if posting is None or shard.log_ns - child.sent_ns >= posting.rest_ns:
        return Reason.REST_TIME
    if post_price(order, book.rows[child.venue], best) != child.limit_nanos:
        return Reason.TOUCH_MOVED
    limit_nanos, queue = child.limit_nanos, child.queue
    worth = _worth(shard, order, book, child.venue, best, limit_nanos, queue)
    return Reason.NONE if worth > 0.0 else Reason.QUEUE_VALUE


def plan_post(
    shard: Shard, order: Order, book: Book, best: Best, candidates: list[Candidate], kills: int
) -> Plan:
    """The remainder as one child that rests, or nothing."""
    found = choose(shard, order, book, best, candidates, kills) if may_rest(shard, order) else None
    if found is None:
        return Plan()
    candidate, units, price = found
    fee = add_fee(shard, order, book, candidate.venue, price) or 0
    part = Allocation(candidate, units=units, limit_nanos=price)
    part.flags, part.cost = int(AllocationFlag.POST), (order.sign * price + fee) * units
    return Plan([part], units, part.cost)
