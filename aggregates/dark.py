"""Dark pools: what may be asked of a venue that shows nothing.

A pool trades at the midpoint of the prevailing best bid and offer. Its child is pegged there, its
limit the midpoint itself, rounded to the passive side of half a tick (where midpoints lie), so
that it never pays more than the decision saw. What may be there is read from what our own children
have taught: the survival table's first size is the zero bin, P(anything at all). What is missed is
expected to pay what the last one costs where all is displayed, and the penalty besides. The move of
the mid after our fills counts against the pool: as adverse selection of what it fills where the mid
comes back, as leakage to what remains where it runs away.

All pools together get at most `dark_percent` of what a decision places, none less than
`dark_min_lots` round lots (smaller children are pings, and its minimum quantity keeps others from
pinging ours), and each is asked once by a parent: asking again would tell it what is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import floor
from typing import Any

from aggregates import fees
from aggregates.book import Book
from aggregates.candidates import Candidate, Level, believe, unwell
from aggregates.order import Order
from aggregates.tables import Tables
from schemas.codes import Liquidity, Reason, VenueKind
from schemas.units import MAX_PRICE_NANOS

PER_BP = 100.0
"""Moves are compared in hundredths of a basis point."""
MOST = 1e15
Best = tuple[int, int, int, int]


def include(
    order: Order, book: Book, tables: Tables, candidates: list[Candidate], best: Best, now_ns: int
) -> int:
    """Turns dark pools among the candidates into offers at the midpoint, or says why not; returns
    what all of them together may get.
    """
    policy = tables.policies[order.policy]
    budget = order.free_units * int(policy.dark_percent) // 100
    mid_x2 = midpoint_x2(best)
    for candidate in candidates:
        if candidate.reason != Reason.NO_QUOTE:
            continue
        if tables.venues[candidate.venue].kind != VenueKind.DARK:
            continue
        candidate.age_ns = 0
        verdict = _exclusion(candidate, order, policy, tables)
        if verdict[0] == Reason.NONE:
            verdict = _offer(candidate, order, book, tables, (mid_x2, budget), now_ns)
        candidate.reason, candidate.value = verdict
    return budget


def midpoint_x2(best: Best) -> int:
    """Twice the midpoint of the protected best, or of the displayed where none is protected; 0
    where a side is missing or there is no room between the two.
    """
    for bid, ask in (best[:2], best[2:]):
        if bid and ask:
            return bid + ask if bid < ask else 0
    return 0


def peg_nanos(mid_x2: int, sign: int, tick_nanos: int) -> int:
    """The midpoint on the passive side of half a tick."""
    if sign > 0:
        return (mid_x2 - mid_x2 % tick_nanos) // 2
    return -(-(mid_x2 + -mid_x2 % tick_nanos) // 2)


def adverse_bps(row: Any, policy: Any, now_ns: int, settings: Any) -> float:
    """Mid move against our fills here, shrunk to none; negative where it runs away from us."""
    if not policy.dark_horizon:
        return 0.0
    moments = row.evidence.mid[policy.dark_horizon - 1]
    move: float = moments.shrunk(
        row.session.at(now_ns), settings.impact_quantum_ns, 0.0, settings.fill_prior_weight
    )
    return move


def _exclusion(
    candidate: Candidate, order: Order, policy: Any, tables: Tables
) -> tuple[Reason, int]:
    if not policy.dark_percent:
        return Reason.DARK_NOT_ALLOWED, 0
    # What must be whole is sent only where it is seen to be there.
    if order.whole or order.least_units:
        return Reason.DARK_NOT_ALLOWED, 1
    if candidate.venue in order.visited:
        return Reason.ALREADY_VISITED, order.visited[candidate.venue]
    if tables.settings.health_ns:
        return unwell(tables.venues[candidate.venue].quality.health, policy)
    return Reason.NONE, 0


def _offer(
    candidate: Candidate,
    order: Order,
    book: Book,
    tables: Tables,
    limits: tuple[int, int],
    now_ns: int,
) -> tuple[Reason, int]:
    """Fills in price, size and quality values; `limits` are twice the midpoint and the budget."""
    row, policy, (mid_x2, budget) = candidate.row, tables.policies[order.policy], limits
    price = peg_nanos(mid_x2, order.sign, row.tick_nanos)
    if not mid_x2 or not 0 < price <= MAX_PRICE_NANOS:
        return Reason.NO_MIDPOINT, mid_x2
    if order.sign * price > order.sign * order.limit_nanos:
        return Reason.BEYOND_LIMIT, price
    line = tables.fees.find(candidate.venue, order.record.account, book.instrument, Liquidity.MID)
    if line is None and not row.fee_known >> Liquidity.MID & 1:
        return Reason.FEE_UNKNOWN, int(Liquidity.MID)
    candidate.adverse_bps = adverse_bps(row, policy, now_ns, tables.settings)
    hundredths = floor(min(max(candidate.adverse_bps * PER_BP, -MOST), MOST))
    if policy.dark_toxic_cbps and abs(hundredths) > policy.dark_toxic_cbps:
        return Reason.DARK_TOXIC, hundredths
    lot = row.lot_units
    least = max(row.min_units, policy.dark_min_lots * book.round_lot_units, 1)
    candidate.least_units = -(-least // lot) * lot
    candidate.own_units = row.in_flight[order.side_index]
    units = max(0, budget - candidate.own_units)
    units -= units % lot
    if units < candidate.least_units:
        return Reason.DARK_MINIMUM, units
    candidate.is_dark = True
    if line is not None:
        candidate.fee = fees.terms_at(line, price)
        candidate.bounds = fees.bounds_of(line)
    else:
        candidate.fee = row.fee_fixed[Liquidity.MID], row.fee_rate[Liquidity.MID]
    candidate.ticket_nanos = row.ticket_nanos + policy.ticket_nanos
    believe(candidate, policy, tables, now_ns)
    candidate.hidden_units = 0
    fee_nanos = fees.per_one(candidate.fee, price)
    candidate.levels = (Level(price, units, units, fee_nanos),)
    return Reason.NONE, price


def used_units(sizes: dict[int, int], ranks: int) -> int:
    """What the pools of a set of ranks get."""
    return sum(units for rank, units in sizes.items() if ranks >> rank & 1)


def ranks_of(candidates: Iterable[Candidate]) -> int:
    """Mask of the ranks of the pools that may get a child."""
    return sum(1 << c.rank for c in candidates if c.is_dark and not c.reason)
