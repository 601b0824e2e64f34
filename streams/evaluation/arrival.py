"""Protocol B on a run over recorded data: our split on the books as they were when it arrived.

A child arrives half of the acknowledgement latency after its decision that the decision itself
counted with. It takes what its venue then shows within its limit; what is missed is swept at once
over all that is left on the arrival books, all-in. Regret is that minus the optimum of the same
units on the same books. What the best split by decision-time information would have paid there
says which part of it nobody could avoid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from schemas.codes import InputType
from schemas.events import SmartRoutingDecisionEvent
from schemas.market import QUOTE
from schemas.wire import iter_inputs
from streams.evaluation.solver import Terms

Ladder = list[tuple[int, int]]
"""(price in nanos, units), best first."""
Books = dict[int, Ladder]
"""Ladders of one side by venue."""
Split = dict[int, tuple[int, int]]
"""(units, limit in nanos) by venue."""


@dataclass
class ArrivalScore:
    """Bps of the notional by decision: above the optimum, and of the decision-time best split."""

    regret_bps: list[float] = field(default_factory=list)
    decision_time_bps: list[float] = field(default_factory=list)
    left_out: int = 0


@dataclass
class Pending:
    """A decision whose children are under way; `books` fills as they arrive."""

    decision: SmartRoutingDecisionEvent
    left: int
    books: Books = field(default_factory=dict)

    @property
    def sign(self) -> int:
        """+1 for a buy."""
        return 1 if self.decision.side == "buy" else -1


def score_arrivals(
    inputs: Iterable[Any],
    decisions: list[SmartRoutingDecisionEvent],
    terms: Terms,
    score: ArrivalScore,
) -> None:
    """Adds decisions, in the order of the log, scored against the frames of market inputs."""
    for pending in _arrived(inputs, decisions):
        _score(pending, terms, score)


def _arrived(
    inputs: Iterable[Any], decisions: list[SmartRoutingDecisionEvent]
) -> Iterator[Pending]:
    """Decisions with their books once every venue was reached; those of the log's end are left."""
    books: dict[tuple[int, int, int], Ladder] = defaultdict(lambda: [(0, 0)] * 16)
    due: list[tuple[int, int, int]] = []
    open_: dict[int, Pending] = {}
    upcoming = iter(decisions)
    following = next(upcoming, None)
    for frame in inputs:
        for kind, raw in iter_inputs(frame):
            if kind != InputType.QUOTE:
                continue
            quote = QUOTE.unpack(raw)
            while following is not None and following.log_ns <= quote.log_ns:
                _launch(following, due, open_)
                following = next(upcoming, None)
            while due and due[0][0] < quote.log_ns:
                _, number, venue = heappop(due)
                if done := _reach(open_[number], venue, books):
                    yield done
                    del open_[number]
            level = quote.flags & 15
            for side, price, units in (
                (0, quote.bid_nanos, quote.bid_units),
                (1, quote.ask_nanos, quote.ask_units),
            ):
                books[quote.instrument, quote.venue, side][level] = (price, units)
        if following is None and not open_:
            return


def _launch(
    decision: SmartRoutingDecisionEvent, due: list[tuple[int, int, int]], open_: dict[int, Pending]
) -> None:
    usable = [candidate for candidate in decision.candidates if candidate.levels]
    open_[decision.out_seq] = Pending(decision, len(usable))
    for candidate in usable:
        at_ns = decision.log_ns + candidate.ack_ns // 2
        heappush(due, (at_ns, decision.out_seq, candidate.venue))


def _reach(
    pending: Pending, venue: int, books: dict[tuple[int, int, int], Ladder]
) -> Pending | None:
    side = 1 if pending.sign > 0 else 0
    shown = books[pending.decision.instrument, venue, side]
    pending.books[venue] = [level for level in shown if level[1] > 0]
    pending.left -= 1
    return pending if pending.left == 0 else None


def _score(pending: Pending, terms: Terms, score: ArrivalScore) -> None:
    made, sign = pending.decision, pending.sign
    wanted = made.allocated_units
    best = _sweep(pending, pending.books, wanted, terms)
    ours = {child.venue: (child.units, child.limit_nanos) for child in made.children}
    shown = {
        candidate.venue: [(level.price_nanos, level.units) for level in candidate.levels]
        for candidate in made.candidates
        if candidate.levels
    }
    planned = _planned(_offers(pending, shown, terms), wanted, sign)
    paid = [_pay(pending, split, wanted, terms) for split in (ours, planned)]
    mid = (made.displayed_bid_nanos + made.displayed_ask_nanos) / 2
    if best is None or None in paid or not mid:
        score.left_out += 1  # the books do not hold so much any more
        return
    for cost, into in zip(paid, (score.regret_bps, score.decision_time_bps), strict=True):
        assert cost is not None
        into.append((cost - best) / (wanted * mid) * 1e4)


Offer = tuple[float, int, int, int]
"""(all-in nanos per one, venue, price, units)."""


def _offers(pending: Pending, books: Books, terms: Terms) -> list[Offer]:
    found = []
    for venue, ladder in books.items():
        fixed, rate = terms.fees[pending.decision.instrument, venue]
        for price, units in ladder:
            cost = pending.sign * price + fixed + price * rate / 1e9
            found.append((cost, venue, price, units))
    return sorted(found)


def _sweep(pending: Pending, books: Books, wanted: int, terms: Terms) -> float | None:
    """The least cost of so many units, None where there are not so many."""
    total, left = 0.0, wanted
    for cost, _, _, units in _offers(pending, books, terms):
        take = min(left, units)
        total, left = total + cost * take, left - take
    return total if left == 0 else None


def _planned(offers: list[Offer], wanted: int, sign: int) -> Split:
    """The best split of what was shown, each venue with its deepest price as limit."""
    split: dict[int, tuple[int, int]] = {}
    left = wanted
    for _, venue, price, units in offers:
        take = min(left, units)
        if take:
            before, limit = split.get(venue, (0, price))
            split[venue] = before + take, max(limit, price) if sign > 0 else min(limit, price)
        left -= take
    return split


def _pay(pending: Pending, split: Split, wanted: int, terms: Terms) -> float | None:
    """What a split pays on the arrival books, its misses swept on what is left of them."""
    rest: Books = {venue: list(ladder) for venue, ladder in pending.books.items()}
    total, missed = 0.0, wanted
    for venue, (asked, limit) in split.items():
        units = asked
        fixed, rate = terms.fees[pending.decision.instrument, venue]
        kept: Ladder = []
        for price, there in rest.get(venue, []):
            take = min(units, there) if pending.sign * price <= pending.sign * limit else 0
            total += take * (pending.sign * price + fixed + price * rate / 1e9)
            units, missed = units - take, missed - take
            if there > take:
                kept.append((price, there - take))
        rest[venue] = kept
    swept = _sweep(pending, rest, missed, terms)
    return None if swept is None else total + swept
