"""Venue quality of one instrument at one venue: decayed sufficient statistics and read-outs.

Time-weighted measures hold a decayed sum of value * ns and the decayed ns behind it; a value
counts for as long as it stood, so ticks of a busy venue do not outweigh a quiet one. Event
measures are Moments. All times here are session times of the row, so a halt ages nothing.
"""

from __future__ import annotations

from aggregates.decay import STEPS, weight
from aggregates.evidence import Evidence
from aggregates.fees import LIQUIDITY_CODES
from aggregates.moments import Moments
from aggregates.session import SessionClock
from aggregates.settings import Settings
from schemas.codes import VenueStatus
from schemas.units import INT64_MAX, MAX_LEVELS

MAX_TIME_NS = 2**62
UNREFLECTED_MAX = 10**18
TIME_SUMS = (
    "observed",
    "changes",
    "bid_time",
    "ask_time",
    "bid_square_time",
    "ask_square_time",
    "near_bid_time",
    "near_ask_time",
    "at_bid_time",
    "at_ask_time",
    "spread_time",
    "spread_square_time",
    "bid_jumps",
    "ask_jumps",
    "two_sided_time",
    "spread_jumps",
)
"""Decayed sums over session time; `changes` counts changes of the touch, decayed alike, and
`*_jumps` add the squares of what each change moved a size or the spread by."""


class Row:
    """Book, fees and quality of one instrument at one venue. Side index: 0 bid, 1 ask."""

    __slots__ = (
        *TIME_SUMS,
        "ack",
        "ask_nanos",
        "ask_units",
        "bid_nanos",
        "bid_units",
        "delay",
        "delay_before_ns",
        "delay_min_ns",
        "delay_p90_ns",
        "depleted_nanos",
        "depleted_ns",
        "dirty",
        "dirty_execution",
        "evidence",
        "fee_fixed",
        "fee_known",
        "fee_rate",
        "fill",
        "fills",
        "in_flight",
        "listed",
        "lot_units",
        "min_units",
        "modelled",
        "near_units",
        "quote_ns",
        "quote_seq",
        "quotes",
        "session",
        "status",
        "then_ns",
        "ticket_nanos",
        "tick_nanos",
        "trades",
        "unreflected",
    )

    def __init__(self) -> None:
        self.listed = False
        self.status = int(VenueStatus.OPEN)
        self.modelled = self.dirty = self.dirty_execution = False
        self.tick_nanos = self.lot_units = 1
        self.min_units = self.ticket_nanos = 0
        self.fee_known = 0
        self.fee_fixed = [0] * LIQUIDITY_CODES
        self.fee_rate = [0] * LIQUIDITY_CODES
        self.bid_nanos, self.bid_units = [0] * MAX_LEVELS, [0] * MAX_LEVELS
        self.ask_nanos, self.ask_units = [0] * MAX_LEVELS, [0] * MAX_LEVELS
        self.near_units = [0, 0]
        self.quote_ns = self.quote_seq = 0
        self.in_flight, self.unreflected = [0, 0], [0, 0]
        self.quotes = self.trades = self.fills = 0
        self.session = SessionClock()
        self.then_ns = 0
        self.observed = self.changes = 0.0
        self.bid_time = self.bid_square_time = self.near_bid_time = 0.0
        self.ask_time = self.ask_square_time = self.near_ask_time = 0.0
        self.spread_time = self.spread_square_time = self.two_sided_time = 0.0
        self.at_bid_time = self.at_ask_time = 0.0
        self.bid_jumps = self.ask_jumps = self.spread_jumps = 0.0
        self.delay_min_ns, self.delay_p90_ns = INT64_MAX, 0
        self.delay_before_ns = INT64_MAX
        self.depleted_nanos, self.depleted_ns = [0, 0], [0, 0]
        self.delay, self.fill, self.ack = Moments(), Moments(), Moments()
        self.evidence = Evidence()

    def time_sums(self) -> list[float]:
        """The decayed sums over session time, in the order of TIME_SUMS."""
        return [getattr(self, name) for name in TIME_SUMS]

    def set_time_sums(self, sums: list[float]) -> None:
        """Takes over the decayed sums."""
        for name, value in zip(TIME_SUMS, sums, strict=True):
            setattr(self, name, value)


def advance(row: Row, now_ns: int, at_bid: bool, at_ask: bool, settings: Settings) -> None:
    """Lets the standing quote count until `now_ns`; call it before anything about it changes."""
    then_ns = row.then_ns
    row.then_ns = now_ns
    if then_ns in (0, now_ns):
        return
    w = weight(now_ns, then_ns, settings.liquidity_quantum_ns)
    elapsed = float(now_ns - then_ns)
    bid, ask = row.bid_nanos[0], row.ask_nanos[0]
    bid_units, ask_units = float(row.bid_units[0]), float(row.ask_units[0])
    two_sided = elapsed if 0 < bid <= ask else 0.0
    spread = float(ask - bid)
    row.observed = row.observed * w + elapsed
    row.changes = row.changes * w
    row.bid_time = row.bid_time * w + bid_units * elapsed
    row.bid_square_time = row.bid_square_time * w + bid_units * bid_units * elapsed
    row.ask_time = row.ask_time * w + ask_units * elapsed
    row.ask_square_time = row.ask_square_time * w + ask_units * ask_units * elapsed
    row.near_bid_time = row.near_bid_time * w + float(row.near_units[0]) * elapsed
    row.near_ask_time = row.near_ask_time * w + float(row.near_units[1]) * elapsed
    row.spread_time = row.spread_time * w + spread * two_sided
    row.spread_square_time = row.spread_square_time * w + spread * spread * two_sided
    row.two_sided_time = row.two_sided_time * w + two_sided
    row.at_bid_time = row.at_bid_time * w + (elapsed if at_bid else 0.0)
    row.at_ask_time = row.at_ask_time * w + (elapsed if at_ask else 0.0)
    row.bid_jumps, row.ask_jumps = row.bid_jumps * w, row.ask_jumps * w
    row.spread_jumps = row.spread_jumps * w


def observe_change(row: Row, before: tuple[int, int, int, int]) -> None:
    """Counts a change of the touch from what it was, and what it moved."""
    after = row.bid_nanos[0], row.bid_units[0], row.ask_nanos[0], row.ask_units[0]
    if after == before:
        return
    row.changes += 1.0
    bid, ask = float(after[1] - before[1]), float(after[3] - before[3])
    row.bid_jumps += bid * bid
    row.ask_jumps += ask * ask
    if 0 < before[0] <= before[2] and 0 < after[0] <= after[2]:
        spread = float((after[2] - after[0]) - (before[2] - before[0]))
        row.spread_jumps += spread * spread


def observe_delay(row: Row, now_ns: int, delay_ns: int, settings: Settings) -> None:
    """Feed delay of one tick; negative where the venue's clock runs ahead of ours."""
    quantum_ns = settings.speed_quantum_ns
    windows = now_ns // quantum_ns // STEPS - row.delay.then_ns // quantum_ns // STEPS
    if windows:
        row.delay_before_ns = row.delay_min_ns if windows == 1 else INT64_MAX
        row.delay_min_ns = INT64_MAX
    row.delay.observe(float(delay_ns), now_ns, quantum_ns)
    row.delay_min_ns = min(row.delay_min_ns, delay_ns)
    # A frugal quantile: nine steps up for one of ten above it, one step down for nine below.
    step = (abs(row.delay_p90_ns) >> 10) + 100
    if delay_ns > row.delay_p90_ns:
        row.delay_p90_ns += 9 * step
    else:
        row.delay_p90_ns -= step


def least_delay_ns(row: Row) -> int:
    """Rolling minimum of the feed delay: of the half-life of the last tick and the one before."""
    return min(row.delay_min_ns, row.delay_before_ns)


def observe_touch(
    row: Row, side: int, old_nanos: int, new_nanos: int, now_ns: int, patience_ns: int
) -> int:
    """Follows a touch that is lost until its price is back; ns it took, 0 while nothing ended.

    Side 0 is the bid, where higher is better; an empty side is worse than any price. One that is
    not back after `patience_ns` has moved away with the market, and is given up.
    """
    lost_nanos = row.depleted_nanos[side]
    if lost_nanos and _worse(side, new_nanos, lost_nanos):
        if now_ns - row.depleted_ns[side] <= patience_ns:
            return 0
        lost_nanos = row.depleted_nanos[side] = 0
    if lost_nanos == 0:
        if old_nanos and _worse(side, new_nanos, old_nanos):
            row.depleted_nanos[side], row.depleted_ns[side] = old_nanos, now_ns
        return 0
    row.depleted_nanos[side] = 0
    return now_ns - row.depleted_ns[side]


def _worse(side: int, price_nanos: int, than_nanos: int) -> bool:
    if price_nanos == 0:
        return True
    return price_nanos > than_nanos if side else price_nanos < than_nanos


def near_units(row: Row, side: int, ticks: int) -> int:
    """Displayed size within `ticks` ticks of the touch on one side."""
    prices, sizes = (row.ask_nanos, row.ask_units) if side else (row.bid_nanos, row.bid_units)
    reach_nanos = ticks * row.tick_nanos
    total = 0
    for price, units in zip(prices, sizes, strict=True):
        if not units or abs(price - prices[0]) > reach_nanos:
            break
        total += units
    return total


def fill_ratio(
    row: Row, now_ns: int, venue_fill: Moments, venue_now_ns: int, prior: float, settings: Settings
) -> float:
    """Expected filled share of a child: row shrunk to venue, venue to the prior of its kind."""
    quantum_ns, prior_weight = settings.fill_quantum_ns, settings.fill_prior_weight
    venue = venue_fill.shrunk(venue_now_ns, quantum_ns, prior, prior_weight)
    return row.fill.shrunk(now_ns, quantum_ns, venue, prior_weight)


def ack_ns(
    row: Row,
    now_ns: int,
    venue_ack: Moments,
    venue_now_ns: int,
    prior_ns: int,
    settings: Settings,
) -> float:
    """Expected acknowledgement latency: row shrunk to venue, venue shrunk to its prior."""
    quantum_ns, prior_weight = settings.speed_quantum_ns, settings.ack_prior_weight
    venue = venue_ack.shrunk(venue_now_ns, quantum_ns, float(prior_ns), prior_weight)
    return row.ack.shrunk(now_ns, quantum_ns, venue, prior_weight)
