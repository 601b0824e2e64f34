"""What the minimum and maximum of a fee line do to the cost of a child, and to the search.

A fill has one price, so a line per fill bounds what each level that a child takes is charged, and
a line per order the sum of the child. How many orders a level is made of is not known: where one
level fills in several trades, each with a minimum, the child is dearer than expected.

A bounded charge is the least of a few curves that only get dearer: one for each level down to
which the child may go, and for whether what is charged last has reached its maximum. Within a
curve units cost no fee where it is paid anyway: below a minimum, at a maximum, and on levels that
are taken whole. The search chooses a curve with each venue; `extra` alone says what sizes cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from aggregates.candidates import Candidate, Offer
from aggregates.fees import bounded

Curve = tuple[Offer, ...]


def extra(candidate: Candidate, units: int, one: int) -> int:
    """What the bounds add to the plain fees of `units`, in nanos * units; negative where they take
    off. What is beyond all levels counts as if it were of the last one.
    """
    return sum(
        bounded(candidate.bounds, charge, one) - charge for charge in _charges(candidate, units)
    )


def _charges(candidate: Candidate, units: int) -> list[int]:
    """Plain fees that are bounded one by one, in nanos * units."""
    found, left, last = [], units, len(candidate.levels) - 1
    for index, level in enumerate(candidate.levels):
        taken = left if index == last else min(left, level.available_units)
        left -= taken
        if taken:
            found.append(level.fee_nanos * taken)
    return [sum(found)] if candidate.bounds.per_order else found


def curves(candidate: Candidate, offers: Iterable[Offer], one: int) -> list[Curve]:
    """The curves of a candidate's offers, in the order of `curve_of`."""
    line = candidate.bounds
    scopes = groupby(offers, key=lambda offer: line.per_order or -1 - offer.level)
    groups = [list(group) for _, group in scopes]
    found: list[Curve] = []
    before: list[Offer] = []
    for group in groups:
        found.append((*before, *_above_least(candidate, group, one)))
        free = [_without_fee(candidate, offer) for offer in group]
        if line.max_nanos:
            found.append((*before, *free))
        before += free
    return found


def curve_of(candidate: Candidate, units: int, one: int) -> int:
    """The curve on which `units` cost what they cost; the first where there are none."""
    line, charges = candidate.bounds, _charges(candidate, units)
    if not units or not line.max_nanos:
        return max(0, len(charges) - 1)
    return 2 * (len(charges) - 1) + int(charges[-1] >= line.max_nanos * one)


def _without_fee(candidate: Candidate, offer: Offer) -> Offer:
    fee_nanos = candidate.levels[offer.level].fee_nanos
    return replace(offer, cost_nanos=offer.cost_nanos - fee_nanos)


def _above_least(candidate: Candidate, group: list[Offer], one: int) -> Iterator[Offer]:
    """Offers without fees until these come to the minimum, which a rebate does not have."""
    fees = [candidate.levels[offer.level].fee_nanos for offer in group]
    free = candidate.bounds.min_nanos * one if min(fees) >= 0 else 0
    for offer, fee_nanos in zip(group, fees, strict=True):
        gratis = min(offer.units, free // fee_nanos) if fee_nanos > 0 else 0
        gratis = offer.units if free and not fee_nanos else gratis
        rest, free = offer.units - gratis, free - gratis * fee_nanos
        if gratis:
            yield replace(offer, units=gratis, cost_nanos=offer.cost_nanos - fee_nanos)
        if rest and free:
            # The unit with which the minimum is reached.
            yield replace(offer, units=1, cost_nanos=offer.cost_nanos - free)
            rest, free = rest - 1, 0
        if rest:
            yield replace(offer, units=rest)
