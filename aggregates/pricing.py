"""Expected all-in cost per unit of every level: price, fee, likely miss, impact, and what else
the policy weighs.

Within a venue it never falls with size: levels get dearer, a fee's rate is below 1, and the chance
that the last unit is missing grows. A level is cut where that chance changes, so every piece has
one cost and taking the cheapest pieces first is optimal.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, sqrt
from typing import Any

from aggregates.arithmetic import scale_e9
from aggregates.book import Book
from aggregates.candidates import Candidate, Offer
from aggregates.decay import weight
from aggregates.evidence import SURVIVAL_SIZES
from aggregates.order import Order
from aggregates.policy import miss_penalty_e9
from aggregates.quality import Row
from aggregates.settings import Settings
from schemas.codes import PolicyKind
from schemas.units import E9, MAX_PRICE_NANOS

MISS_FULL = 65536


@dataclass(slots=True)
class Charges:
    """What a decision charges besides price and fee; `price_nanos` is what fractions are of,
    `last_nanos` the cost of the last one wanted where all is displayed, known where it is needed.
    """

    price_nanos: int
    penalty_nanos: int
    remainder_e9: int
    last_nanos: int = 0


def charge(
    order: Order,
    policy: Any,
    book: Book,
    candidates: list[Candidate],
    wanted: int,
    far_nanos: int,
    now_ns: int,
    settings: Settings,
) -> Charges:
    """Prices the eligible candidates; `far_nanos` is the best displayed far touch."""
    penalty = scale_e9(far_nanos, miss_penalty_e9(policy, order.record.urgency))
    charges = Charges(far_nanos, penalty, 0)
    eligible = [candidate for candidate in candidates if not candidate.reason]
    leaks = policy.dark_horizon and any(candidate.is_dark for candidate in eligible)
    if policy.impact_horizon or leaks:
        charges.remainder_e9 = _remainder_e9(eligible, wanted)
    if policy.impact_horizon:
        _charge_impact(policy, candidates, charges, now_ns, settings)
    if policy.kind == PolicyKind.BALANCED:
        _charge_balance(policy, candidates, charges, now_ns, settings)
    lit = [candidate for candidate in eligible if not candidate.is_dark]
    for candidate in lit:
        candidate.penalty_nanos = penalty
        candidate.offers = _offers(order, policy, candidate, book.round_lot_units)
    if len(lit) < len(eligible) or not policy.split:
        charges.last_nanos = _last_of(wanted, lit, order.sign * far_nanos)
    for candidate in eligible:
        if candidate.is_dark:
            _charge_dark(order, policy, candidate, charges)
            candidate.offers = _offers(order, policy, candidate, book.round_lot_units)
    return charges


def _last_of(wanted: int, lit: list[Candidate], otherwise_nanos: int) -> int:
    """Cost of the last of `wanted` where everything is displayed: what is missed pays that."""
    pieces = sorted((offer.cost_nanos, offer.units) for c in lit for offer in c.offers)
    cost, left = otherwise_nanos, wanted
    for piece in pieces:
        cost, left = piece[0], left - piece[1]
        if left <= 0:
            break
    return cost


def _charge_dark(order: Order, policy: Any, candidate: Candidate, charges: Charges) -> None:
    """A miss pays what the last displayed one costs; the mid's move counts on what is filled where
    it comes back, on what remains where it runs away.
    """
    level = candidate.levels[0]
    rank = order.sign * level.price_nanos + (level.fee_nanos if policy.fee_aware else 0)
    candidate.penalty_nanos = charges.penalty_nanos + max(0, charges.last_nanos - rank)
    move = candidate.adverse_bps * 0.0001 * float(charges.price_nanos)
    filled = _bounded(move) * (MISS_FULL - candidate.misses[0]) >> 16
    candidate.impact_nanos = filled + scale_e9(_bounded(-move), charges.remainder_e9)


def _remainder_e9(eligible: list[Candidate], wanted: int) -> int:
    """Share of what is wanted that is expected to remain: no room for it, or missed."""
    available, expected = 0, 0.0
    for candidate in eligible:
        units = candidate.available_units
        available += units
        expected += candidate.fill_ratio * float(units)
    if not available:
        return E9
    room = float(min(available, wanted)) / float(wanted)
    share = 1.0 - room * (expected / float(available))
    return max(0, min(E9, floor(share * float(E9))))


def impact_bps(row: Row, index: int, pooled: float, now_ns: int, settings: Settings) -> float:
    """Mid move that follows our aggressive fills here, shrunk to that of all venues."""
    moments, prior_weight = row.evidence.removed[index], settings.fill_prior_weight
    w = weight(row.session.at(now_ns), moments.then_ns, settings.impact_quantum_ns)
    return (moments.total * w + pooled * prior_weight) / (moments.weight * w + prior_weight)


def pooled_bps(candidates: list[Candidate], index: int, settings: Settings) -> float:
    """The same of all listed venues together, shrunk to no move at all."""
    total = weighed = 0.0
    for candidate in candidates:
        moments = candidate.row.evidence.removed[index]
        total += moments.total
        weighed += moments.weight
    return total / (weighed + settings.fill_prior_weight)


def _bounded(nanos: float) -> int:
    return max(0, min(MAX_PRICE_NANOS, floor(nanos)))


def _charge_impact(
    policy: Any, candidates: list[Candidate], charges: Charges, now_ns: int, settings: Settings
) -> None:
    """Impact is a cost on what remains of the parent, and never a credit."""
    index = policy.impact_horizon - 1
    pooled = pooled_bps(candidates, index, settings)
    for candidate in candidates:
        if not candidate.reason and not candidate.is_dark:
            move_bps = impact_bps(candidate.row, index, pooled, now_ns, settings)
            whole = _bounded(move_bps * 0.0001 * float(charges.price_nanos))
            candidate.impact_nanos = scale_e9(whole, charges.remainder_e9)


def _charge_balance(
    policy: Any, candidates: list[Candidate], charges: Charges, now_ns: int, settings: Settings
) -> None:
    """Exchange rates for what is in no expected cost: delay, doubt, and toxicity."""
    toxic = policy.toxicity_horizon and not policy.impact_horizon
    index = policy.toxicity_horizon - 1
    pooled = pooled_bps(candidates, index, settings) if toxic else 0.0
    for candidate in candidates:
        if candidate.reason:
            continue
        share = float(policy.latency_e9) * (float(candidate.ack_ns) / 1e6)
        share += float(policy.risk_e9) * doubt(candidate, now_ns, settings)
        if toxic and not candidate.is_dark:
            move_bps = impact_bps(candidate.row, index, pooled, now_ns, settings)
            share += float(policy.toxicity_e9) * max(0.0, move_bps)
        candidate.balance_nanos = _bounded(share / float(E9) * float(charges.price_nanos))


def doubt(candidate: Candidate, now_ns: int, settings: Settings) -> float:
    """Standard error of the fill ratio, the prior counted as so many children."""
    fill, ratio = candidate.row.fill, candidate.fill_ratio
    w = weight(candidate.row.session.at(now_ns), fill.then_ns, settings.fill_quantum_ns)
    variance = ratio * (1.0 - ratio) / (fill.weight * w + settings.fill_prior_weight)
    return sqrt(variance) if variance > 0.0 else 0.0


def _offers(order: Order, policy: Any, candidate: Candidate, lot_units: int) -> tuple[Offer, ...]:
    """Pieces of the levels, cut at the sizes of the survival table."""
    found, place = [], 0
    other = candidate.impact_nanos + candidate.balance_nanos
    for index, level in enumerate(candidate.levels):
        left = level.available_units
        pay = order.sign * level.price_nanos + level.fee_nanos
        rank = pay if policy.fee_aware else pay - level.fee_nanos
        while left:
            bucket = _bucket(place, lot_units)
            units = min(left, _room(candidate.misses, bucket, place, lot_units, left))
            miss = candidate.penalty_nanos * candidate.misses[bucket] >> 16
            found.append(Offer(index, units, pay, miss + other, rank + miss + other))
            place, left = place + units, left - units
    return tuple(found)


def _bucket(place: int, lot_units: int) -> int:
    """Index of the least size of the table that is larger than `place`, the last beyond 64 lots."""
    return next(
        (i for i in range(SURVIVAL_SIZES - 1) if place < lot_units << i), SURVIVAL_SIZES - 1
    )


def _room(misses: tuple[int, ...], bucket: int, place: int, lot_units: int, left: int) -> int:
    """Units from `place` on that are as likely to be missing as the first of them."""
    while bucket < SURVIVAL_SIZES - 1:
        if misses[bucket + 1] != misses[bucket]:
            return (lot_units << bucket) - place
        bucket += 1
    return left
