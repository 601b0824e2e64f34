"""Venue quality of one instrument at one venue: decayed sufficient statistics and read-outs.

Time-weighted measures hold a decayed sum of value * ns and the decayed ns behind it; a value
counts for as long as it stood, so ticks of a busy venue do not outweigh a quiet one. Event
measures (feed delay, fill ratio, acknowledgement) hold a decayed sum and a decayed count.
"""

from __future__ import annotations

from aggregates.decay import weight
from aggregates.tables import LIQUIDITY_CODES, Settings
from schemas.codes import VenueStatus
from schemas.units import INT64_MAX, MAX_LEVELS

MAX_TIME_NS = 2**62
UNREFLECTED_MAX = 10**18


class Row:
    """Book, fees and quality of one instrument at one venue. Side index: 0 bid, 1 ask."""

    __slots__ = (
        "ack_sum",
        "ack_then_ns",
        "ack_weight",
        "ask_nanos",
        "ask_time",
        "ask_units",
        "at_ask_time",
        "at_bid_time",
        "bid_nanos",
        "bid_time",
        "bid_units",
        "delay_min_ns",
        "delay_sum",
        "delay_then_ns",
        "delay_weight",
        "dirty",
        "fee_fixed",
        "fee_known",
        "fee_rate",
        "fill_sum",
        "fill_then_ns",
        "fill_weight",
        "fills",
        "in_flight",
        "listed",
        "lot_units",
        "min_units",
        "modelled",
        "observed",
        "quote_ns",
        "quote_seq",
        "quotes",
        "spread_time",
        "status",
        "then_ns",
        "tick_nanos",
        "trades",
        "two_sided_time",
        "unreflected",
    )

    def __init__(self) -> None:
        self.listed = False
        self.status = int(VenueStatus.OPEN)
        self.modelled = False
        self.dirty = False
        self.tick_nanos = self.lot_units = 1
        self.min_units = 0
        self.fee_known = 0
        self.fee_fixed = [0] * LIQUIDITY_CODES
        self.fee_rate = [0] * LIQUIDITY_CODES
        self.bid_nanos, self.bid_units = [0] * MAX_LEVELS, [0] * MAX_LEVELS
        self.ask_nanos, self.ask_units = [0] * MAX_LEVELS, [0] * MAX_LEVELS
        self.quote_ns = self.quote_seq = 0
        self.in_flight, self.unreflected = [0, 0], [0, 0]
        self.quotes = self.trades = self.fills = 0
        self.then_ns = 0
        self.observed = self.bid_time = self.ask_time = 0.0
        self.spread_time = self.two_sided_time = 0.0
        self.at_bid_time = self.at_ask_time = 0.0
        self.delay_then_ns, self.delay_min_ns = 0, INT64_MAX
        self.delay_sum = self.delay_weight = 0.0
        self.fill_then_ns = self.ack_then_ns = 0
        self.fill_sum = self.fill_weight = 0.0
        self.ack_sum = self.ack_weight = 0.0


def advance(row: Row, now_ns: int, at_bid: bool, at_ask: bool, settings: Settings) -> None:
    """Lets the standing quote count until `now_ns`; call it before anything about it changes."""
    then_ns = row.then_ns
    row.then_ns = now_ns
    if then_ns in (0, now_ns):
        return
    w = weight(now_ns, then_ns, settings.liquidity_quantum_ns)
    elapsed = float(now_ns - then_ns)
    bid, ask = row.bid_nanos[0], row.ask_nanos[0]
    two_sided = 0 < bid <= ask
    row.observed = row.observed * w + elapsed
    row.bid_time = row.bid_time * w + float(row.bid_units[0]) * elapsed
    row.ask_time = row.ask_time * w + float(row.ask_units[0]) * elapsed
    spread = float(ask - bid) * elapsed if two_sided else 0.0
    row.spread_time = row.spread_time * w + spread
    row.two_sided_time = row.two_sided_time * w + (elapsed if two_sided else 0.0)
    row.at_bid_time = row.at_bid_time * w + (elapsed if at_bid else 0.0)
    row.at_ask_time = row.at_ask_time * w + (elapsed if at_ask else 0.0)


def observe_delay(row: Row, log_ns: int, venue_ns: int, settings: Settings) -> None:
    """Feed delay of one tick; negative where the venue's clock runs ahead of ours."""
    delay_ns = log_ns - venue_ns
    w = weight(log_ns, row.delay_then_ns, settings.speed_quantum_ns)
    row.delay_sum = row.delay_sum * w + float(delay_ns)
    row.delay_weight = row.delay_weight * w + 1.0
    row.delay_min_ns = min(row.delay_min_ns, delay_ns)
    row.delay_then_ns = log_ns


def observe_ack(row: Row, now_ns: int, latency_ns: int, settings: Settings) -> None:
    """Time from sending a child to its first answer."""
    w = weight(now_ns, row.ack_then_ns, settings.speed_quantum_ns)
    row.ack_sum = row.ack_sum * w + float(latency_ns)
    row.ack_weight = row.ack_weight * w + 1.0
    row.ack_then_ns = now_ns


def observe_fill(row: Row, now_ns: int, filled: int, asked: int, settings: Settings) -> None:
    """Share of min(sent, displayed) that a finished child executed (fade is its complement)."""
    w = weight(now_ns, row.fill_then_ns, settings.fill_quantum_ns)
    row.fill_sum = row.fill_sum * w + float(filled) / float(asked)
    row.fill_weight = row.fill_weight * w + 1.0
    row.fill_then_ns = now_ns


def fill_ratio(row: Row, now_ns: int, settings: Settings) -> float:
    """Expected filled share of a child, shrunk to the prior."""
    w = weight(now_ns, row.fill_then_ns, settings.fill_quantum_ns)
    prior = settings.fill_prior * settings.fill_prior_weight
    return (row.fill_sum * w + prior) / (row.fill_weight * w + settings.fill_prior_weight)


def ack_ns(row: Row, now_ns: int, prior_ns: int, settings: Settings) -> float:
    """Expected acknowledgement latency, shrunk to the venue's prior."""
    w = weight(now_ns, row.ack_then_ns, settings.speed_quantum_ns)
    prior = float(prior_ns) * settings.ack_prior_weight
    return (row.ack_sum * w + prior) / (row.ack_weight * w + settings.ack_prior_weight)
