"""Protocol A: our split against the exact optimum of the same snapshot, by a formula of its own.

The oracle rebuilds each level's cost from the recorded book, the preset's fees and the quality row
(chances of size, impact): sign * price + fee + P(missing at that size) * penalty * best far touch +
impact on the remainder. Where all venues trade in one lot and show whole ones, taking levels in
order of cost is optimal, for those of a venue only get dearer (an exchange argument); other
decisions are left out and counted.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from schemas.units import price_nanos
from streams.evaluation.decisions import Seen
from streams.simulator.synthetic.market import rate_e9
from streams.simulator.synthetic.terms import Preset

Offer = tuple[float, int, int]
"""(cost per one in nanos, venue, units)."""


SIZES = 8
"""Sizes of the survival table: 1, 2, 4 .. 64 round lots, and more."""
NANOS_OF_ROUNDING = 2.0
"""Costs nearer than this count as tied: the engine keeps each component in whole nanos."""


@dataclass(frozen=True)
class Terms:
    """Lots and taker fees (fixed nanos per one, rate in 1e-9) by (instrument, venue)."""

    lots: dict[tuple[int, int], int]
    fees: dict[tuple[int, int], tuple[int, int]]
    round_lots: dict[int, int]


def preset_terms(preset: Preset) -> Terms:
    """Terms of a synthetic market, from its preset and not from what the engine was told."""
    places = [
        (at, venue) for at in range(len(preset.instruments)) for venue in range(len(preset.venues))
    ]
    lots = {place: preset.venues[place[1]].lots for place in places}
    fees = {}
    for place in places:
        terms = preset.venues[place[1]]
        fees[place] = price_nanos(terms.take), rate_e9(terms.take_bps)
    round_lots = {at: terms.round_lot_units for at, terms in enumerate(preset.instruments)}
    return Terms(lots, fees, round_lots)


@dataclass
class SolverScore:
    """Sums over non-trivial decisions; `trivial` are those that a random split solves too."""

    n: int = 0
    trivial: int = 0
    left_out: int = 0
    overlap: list[float] = field(default_factory=list)
    within: list[bool] = field(default_factory=list)
    random_overlap: list[float] = field(default_factory=list)
    best_price_overlap: list[float] = field(default_factory=list)


def score_solver(
    seen: list[Seen], terms: Terms, penalty: Callable[[Seen], float], score: SolverScore
) -> None:
    """Adds what a run's decisions are worth; `penalty` of missing, as a fraction of the price."""
    for at, one in enumerate(seen):
        if not _is_exact(one, terms) or not one.mid_nanos:
            score.left_out += 1
            continue
        offers = _offers(one, terms, penalty(one))
        units = one.decision.allocated_units
        ours = {child.venue: child.units for child in one.decision.children}
        luck = _in_order(offers, units, random.Random(at))
        best = optimal_cost(offers, units)
        tolerance = _tolerance(one)
        scale = units * one.mid_nanos / 1e4
        score.n += 1
        if (split_cost(offers, luck) - best) / scale <= tolerance:
            score.trivial += 1
            continue
        score.within.append((split_cost(offers, ours) - best) / scale <= tolerance)
        score.overlap.append(best_overlap(offers, ours, units))
        score.random_overlap.append(best_overlap(offers, luck, units))
        score.best_price_overlap.append(best_overlap(offers, _touch_first(one, offers), units))


def _is_exact(one: Seen, terms: Terms) -> bool:
    """Whether all venues trade in one lot, every displayed size is whole in it, and no dark pool is
    asked: what is there is not in the snapshot.
    """
    if any("peg" in child.flags for child in one.decision.children):
        return False
    shown = [candidate for candidate in one.decision.candidates if candidate.levels]
    lots = {terms.lots[one.decision.instrument, candidate.venue] for candidate in shown}
    if len(lots) != 1:
        return False
    lot = lots.pop()
    sizes = [level.units for candidate in shown for level in candidate.levels]
    return all(units % lot == 0 for units in (*sizes, one.decision.allocated_units))


def _tolerance(one: Seen) -> float:
    made = one.decision
    spread_bps = (made.displayed_ask_nanos - made.displayed_bid_nanos) / one.mid_nanos * 1e4
    return max(1e-9, min(0.1, 0.02 * spread_bps))


def _offers(one: Seen, terms: Terms, penalty: float) -> list[Offer]:
    """Levels cut at the sizes of the survival table, each piece at its expected all-in cost."""
    made = one.decision
    far = made.displayed_ask_nanos if one.sign > 0 else made.displayed_bid_nanos
    cuts = [terms.round_lots[made.instrument] << power for power in range(SIZES - 1)]
    found = []
    for candidate in made.candidates:
        fixed, rate = terms.fees[made.instrument, candidate.venue]
        own, place = candidate.own_units, 0
        for level in candidate.levels:
            units = max(0, level.units - own)
            own = max(0, own - level.units)
            pay = one.sign * level.price_nanos + fixed + level.price_nanos * rate / 1e9
            while units:
                bucket = sum(place >= cut for cut in cuts)
                take = min(units, cuts[bucket] - place) if bucket < len(cuts) else units
                missing = 1.0 - candidate.available[bucket]
                cost = pay + missing * penalty * far + candidate.impact_nanos
                found.append((cost, candidate.venue, take))
                place, units = place + take, units - take
    return found


def optimal_cost(offers: list[Offer], units: int) -> float:
    """Least total cost of `units`."""
    left, total = units, 0.0
    for cost, _, available in sorted(offers):
        take = min(left, available)
        total += cost * take
        left -= take
    return total


def split_cost(offers: list[Offer], split: dict[int, int]) -> float:
    """What a split costs, each venue's cheapest levels first."""
    total = 0.0
    left = dict(split)
    for cost, venue, available in sorted(offers):
        take = min(left.get(venue, 0), available)
        total += cost * take
        left[venue] = left.get(venue, 0) - take
    return total


def best_overlap(offers: list[Offer], split: dict[int, int], units: int) -> float:
    """1 - sum |q - q*| / 2Q against the nearest of all optima."""
    left, bound = units, 0.0
    for cost, _, available in sorted(offers):
        bound = cost
        left -= min(left, available)
        if not left:
            break
    near = NANOS_OF_ROUNDING
    sure: dict[int, int] = {}
    spare: dict[int, int] = {}
    for cost, venue, available in offers:
        into = sure if cost < bound - near else spare if cost <= bound + near else None
        if into is not None:
            into[venue] = into.get(venue, 0) + available
    rest, distance, used = units - sum(sure.values()), 0, 0
    for venue in sure.keys() | spare.keys() | split.keys():
        given = split.get(venue, 0) - sure.get(venue, 0)
        wish = min(max(given, 0), spare.get(venue, 0))
        used += wish
        distance += abs(given - wish)
    return 1.0 - (distance + abs(rest - used)) / (2 * units)


def _in_order(offers: list[Offer], units: int, chance: Any) -> dict[int, int]:
    """A random feasible split: venues in a random order, each as far as it goes."""
    venues = sorted({venue for _, venue, _ in offers})
    chance.shuffle(venues)
    return _fill(offers, units, venues)


def _touch_first(one: Seen, offers: list[Offer]) -> dict[int, int]:
    """Everything to the best touch, what it lacks to the next."""
    touch = {c.venue: one.sign * c.value for c in one.decision.candidates if c.levels}
    venues = sorted({venue for _, venue, _ in offers}, key=lambda venue: (touch[venue], venue))
    return _fill(offers, one.decision.allocated_units, venues)


def _fill(offers: list[Offer], units: int, venues: list[int]) -> dict[int, int]:
    split, left = {}, units
    for venue in venues:
        split[venue] = min(left, sum(u for _, where, u in offers if where == venue))
        left -= split[venue]
    return split
