"""How soon children that rest at a venue are filled: hazards by exposure time and queue.

Every unit of a resting child is at risk from the venue's acknowledgement on. Its exposure counts as
it passes, by how long the child has rested (EXPOSURES_NS) and by what was displayed ahead of it
when it was sent (QUEUE_LOTS), in session time. A fill is an event of the filled share; a cancel,
ours or not, censors, and what is still open is no failure. The hazard of a bucket is its events by
its exposure (occurrence / exposure, the maximum-likelihood rate of a piecewise exponential), and
P(fill by t) = 1 - exp(-cumulative hazard). The exponential is read from the decay table, since
no maths library may decide a bit.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

from aggregates.child import NO_CELL, Child, Trade
from aggregates.decay import STEPS, weight, weight_of_steps
from schemas.codes import ChildState, ExecType, Side
from schemas.units import E9, INSTRUMENT_NONE

if TYPE_CHECKING:
    from aggregates.quality import Row
    from aggregates.shard import Shard

EXPOSURES_NS = (E9, 10 * E9, 60 * E9)
"""Ends of the exposure buckets; the last one has none."""
QUEUE_LOTS = (1, 4, 32)
"""Ends of the queue buckets in round lots ahead; the last one has none."""
BUCKETS = 4
LN_2 = 0.6931471805599453
MAX_STEPS = 1_000_000
LEAST_EXPOSURE_NS = 1e-6
"""What has faded below is forgotten."""
IN_BOOK = frozenset(
    {
        ChildState.ACKNOWLEDGED,
        ChildState.PARTIAL,
        ChildState.CANCEL_PENDING,
        ChildState.REPLACE_PENDING,
    }
)
_STARTS_NS = (0, *EXPOSURES_NS)


class Passive(NamedTuple):
    """A probability of being filled, its standard error and its effective number of children."""

    probability: float
    error: float
    effective: float


class Hazard:
    """Decayed sums of a row, or of a venue over all instruments, as of session time `then_ns`.

    By queue bucket: children that began to rest. By queue * BUCKETS + exposure bucket: exposure in
    ns, weighted with the share of a child that was left, filled shares, and squares of those.
    """

    __slots__ = ("children", "events", "exposure_ns", "squares", "then_ns")

    def __init__(self) -> None:
        self.then_ns = 0
        self.children = [0.0] * BUCKETS
        self.exposure_ns = [0.0] * (BUCKETS * BUCKETS)
        self.events, self.squares = [0.0] * (BUCKETS * BUCKETS), [0.0] * (BUCKETS * BUCKETS)

    def fade(self, now_ns: int, quantum_ns: int) -> None:
        """Brings the sums to `now_ns`."""
        w = weight(now_ns, self.then_ns, quantum_ns)
        self.then_ns = now_ns
        for queue in range(BUCKETS):
            self.children[queue] *= w
        for cell in range(BUCKETS * BUCKETS):
            self.exposure_ns[cell] *= w
            self.events[cell] *= w
            self.squares[cell] *= w * w

    def enter(self, queue: int) -> None:
        """A child begins to rest; its first nanosecond counts, so no event is without exposure."""
        self.children[queue] += 1.0
        self.exposure_ns[queue * BUCKETS] += 1.0

    def expose(self, queue: int, from_ns: int, to_ns: int, share: float) -> None:
        """A share of a child that rested from one age to another."""
        for bucket, start_ns in enumerate(_STARTS_NS):
            end_ns = EXPOSURES_NS[bucket] if bucket < BUCKETS - 1 else to_ns
            passed_ns = min(to_ns, end_ns) - max(from_ns, start_ns)
            if passed_ns > 0:
                self.exposure_ns[queue * BUCKETS + bucket] += share * float(passed_ns)

    def event(self, cell: int, share: float) -> None:
        """A share of a child was filled in a queue and at an age."""
        self.events[cell] += share
        self.squares[cell] += share * share

    def read(
        self, queue: int, horizon_ns: int, now_ns: int, quantum_ns: int
    ) -> tuple[float, float, float]:
        """(P(filled by the horizon), its variance, children behind it as of now).

        A bucket that nobody reached has the hazard of the one before. Where no event was seen, the
        variance is that of one.
        """
        rate = rate_variance = total = variance = 0.0
        for bucket, start_ns in enumerate(_STARTS_NS):
            cell = queue * BUCKETS + bucket
            exposure_ns = self.exposure_ns[cell]
            if exposure_ns > LEAST_EXPOSURE_NS:
                squares = self.squares[cell] if self.squares[cell] > 0.0 else 1.0
                rate = self.events[cell] / exposure_ns
                rate_variance = squares / (exposure_ns * exposure_ns)
            end_ns = EXPOSURES_NS[bucket] if bucket < BUCKETS - 1 else horizon_ns
            span = float(max(0, min(horizon_ns, end_ns) - start_ns))
            total += rate * span
            variance += rate_variance * (span * span)
        survival = weight_of_steps(int(min(total / LN_2 * float(STEPS), float(MAX_STEPS))))
        n = self.children[queue] * weight(now_ns, self.then_ns, quantum_ns)
        return 1.0 - survival, min(survival * survival * variance, 0.25), n


def queue_bucket(ahead_units: int, round_lot_units: int) -> int:
    """Queue bucket of a size that is displayed ahead."""
    return _bucket(QUEUE_LOTS, ahead_units // round_lot_units)


def cell_of(queue: int, age_ns: int) -> int:
    """Place of a queue bucket and an exposure among the sums."""
    return queue * BUCKETS + _bucket(EXPOSURES_NS, age_ns)


def _bucket(ends: tuple[int, ...], value: int) -> int:
    return sum(value >= end for end in ends)


def units_ahead(row: Row, side: int, limit_nanos: int) -> int:
    """What is displayed at a price or better on its own side: an order there queues behind it."""
    prices, sizes = (row.ask_nanos, row.ask_units) if side else (row.bid_nanos, row.bid_units)
    total = 0
    for price, units in zip(prices, sizes, strict=True):
        if not units or (price > limit_nanos if side else price < limit_nanos):
            break
        total += units
    return total


def passive_fill(shard: Shard, instrument: int, venue: int, queue: int, horizon_ns: int) -> Passive:
    """P(a unit that rests at a venue in a queue bucket is filled within `horizon_ns`).

    Shrunk from the row to its venue and from there to the prior of the venue's kind, each of which
    counts as `fill_prior_weight` children. A venue never tried has the prior and its wide error.
    """
    settings, book = shard.tables.settings, shard.books[instrument]
    prior, prior_weight = shard.tables.fill_prior(venue), settings.fill_prior_weight
    p, variance = prior, prior * (1.0 - prior) / (prior_weight + 1.0)
    effective = 0.0
    clocks = (shard.tables.venues[venue].quality.session, book.rows[venue].session)
    for key, clock in zip(((INSTRUMENT_NONE, venue), (instrument, venue)), clocks, strict=True):
        hazard = shard.hazards.get(key)
        if hazard is None:
            effective = 0.0
            continue
        now_ns, quantum_ns = clock.at(shard.log_ns), settings.fill_quantum_ns
        own, own_variance, effective = hazard.read(queue, horizon_ns, now_ns, quantum_ns)
        keep = effective / (effective + prior_weight)
        p = own * keep + p * (1.0 - keep)
        variance = own_variance * (keep * keep) + variance * ((1.0 - keep) * (1.0 - keep))
    return Passive(p, sqrt(variance), effective)


def place(shard: Shard, child: Child) -> None:
    """Remembers the queue that a child is sent to the end of."""
    book = shard.books[child.instrument]
    side = 0 if child.side == Side.BUY else 1
    ahead = units_ahead(book.rows[child.venue], side, child.limit_nanos)
    child.queue = queue_bucket(ahead, book.round_lot_units)


def observe(shard: Shard, child: Child) -> None:
    """Counts what a child at rest has been exposed to since it was last looked at."""
    if not child.rest_ns:
        return
    now_ns = _now_ns(shard, child)
    age_ns = child.age_ns + now_ns - child.rest_ns
    share = float(child.leaves_units) / float(child.units)
    for hazard in _hazards(shard, child):
        hazard.expose(child.queue, child.age_ns, age_ns, share)
    child.rest_ns, child.age_ns = now_ns, age_ns


def observe_report(shard: Shard, child: Child, report: object) -> None:
    """What a report that has been booked means for a child that may rest in a book."""
    exec_type, last_units = report.exec_type, report.last_units  # type: ignore[attr-defined]
    filled = exec_type == ExecType.TRADE
    if exec_type == ExecType.REPLACED:
        child.rest_ns, child.age_ns, child.rested = 0, 0, False
        place(shard, child)
    if not child.rest_ns and child.state in IN_BOOK:
        child.rest_ns = max(1, _now_ns(shard, child))
    if not child.rested and (filled or child.rest_ns):
        child.rested = True
        for hazard in _hazards(shard, child):
            hazard.enter(child.queue)
    if filled:
        cell = cell_of(child.queue, child.age_ns)
        child.trades[report.trade_id].cell = cell  # type: ignore[attr-defined]
        for hazard in _hazards(shard, child):
            hazard.event(cell, _share(last_units, child))
    if child.state not in IN_BOOK:
        forget_place(child)
    shard.books[child.instrument].rows[child.venue].dirty_execution = True


def retract(shard: Shard, child: Child, old: Trade, new: Trade) -> None:
    """A fill at rest that is no more, or of another size: its event is taken back, or changed."""
    if old.cell == NO_CELL:
        return
    was, is_now = _share(old.units, child), _share(new.units, child)
    for hazard, at_ns in zip(_hazards(shard, child), (old.row_ns, old.venue_ns), strict=True):
        w = weight(hazard.then_ns, at_ns, shard.tables.settings.fill_quantum_ns)
        events = hazard.events[old.cell] + (is_now - was) * w
        squares = hazard.squares[old.cell] + (is_now * is_now - was * was) * (w * w)
        hazard.events[old.cell] = max(0.0, events)
        hazard.squares[old.cell] = max(0.0, squares)


def _share(units: int, child: Child) -> float:
    return min(1.0, float(units) / float(child.units))


def forget_place(child: Child) -> None:
    """Nobody knows any more whether a child rests."""
    child.rest_ns = 0


def _now_ns(shard: Shard, child: Child) -> int:
    return shard.books[child.instrument].rows[child.venue].session.at(shard.log_ns)


def _hazards(shard: Shard, child: Child) -> tuple[Hazard, Hazard]:
    """The child's row and its venue, as of now."""
    quantum_ns = shard.tables.settings.fill_quantum_ns
    row = shard.hazards.setdefault((child.instrument, child.venue), Hazard())
    row.fade(_now_ns(shard, child), quantum_ns)
    venue = shard.hazards.setdefault((INSTRUMENT_NONE, child.venue), Hazard())
    venue.fade(shard.tables.venues[child.venue].quality.session.at(shard.log_ns), quantum_ns)
    return row, venue
