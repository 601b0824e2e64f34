"""Canonical encoding of quality: rows, moments, venues."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from aggregates.cursor import Cursor
from aggregates.evidence import EVENT_FAMILIES, SURVIVAL_SIZES
from aggregates.fees import Fees
from aggregates.hazards import BUCKETS, Hazard
from aggregates.health import DROPS, VenueQuality
from aggregates.histogram import BUCKETS as LATENCIES
from aggregates.histogram import Histogram
from aggregates.moments import Moments
from aggregates.openings import MOMENT_SUMS, Opening
from aggregates.quality import TIME_SUMS, Row
from aggregates.session import SessionClock
from schemas import reference
from schemas.layout import Layout
from schemas.units import MAX_LEVELS

MOMENTS = Layout(
    "MomentsState",
    (
        ("then_ns", "q"),
        ("weight", "d"),
        ("weight_squares", "d"),
        ("total", "d"),
        ("squares", "d"),
        ("jumps", "d"),
        ("last", "d"),
    ),
)
HAZARD = Layout(
    "HazardState",
    (
        ("instrument", "I"),
        ("venue", "I"),
        ("then_ns", "q"),
        *((f"children_{queue}", "d") for queue in range(BUCKETS)),
        *((f"exposure_{cell}", "d") for cell in range(BUCKETS * BUCKETS)),
        *((f"events_{cell}", "d") for cell in range(BUCKETS * BUCKETS)),
        *((f"squares_{cell}", "d") for cell in range(BUCKETS * BUCKETS)),
    ),
)
"""Of a row, or of a venue where the instrument is none."""
FEES = Layout("FeesState", (("lines", "Q"), ("billings", "Q")))
ROW = Layout(
    "RowState",
    (
        ("listed", "B"),
        ("status", "B"),
        ("modelled", "B"),
        ("dirty", "B"),
        ("dirty_execution", "B"),
        ("reserved", "3s"),
        ("fee_known", "Q"),
        ("tick_nanos", "q"),
        ("lot_units", "q"),
        ("min_units", "q"),
        ("ticket_nanos", "q"),
        *((f"fee_{name}_{code}", "q") for code in range(6) for name in ("fixed", "rate")),
        ("quote_ns", "q"),
        ("quote_seq", "Q"),
        ("in_flight_buy", "q"),
        ("in_flight_sell", "q"),
        ("unreflected_buy", "q"),
        ("unreflected_sell", "q"),
        ("near_bid", "q"),
        ("near_ask", "q"),
        ("depleted_bid_nanos", "q"),
        ("depleted_ask_nanos", "q"),
        ("depleted_bid_ns", "q"),
        ("depleted_ask_ns", "q"),
        ("quotes", "Q"),
        ("trades", "Q"),
        ("fills", "Q"),
        ("paused_ns", "q"),
        ("since_ns", "q"),
        ("then_ns", "q"),
        *((name, "d") for name in TIME_SUMS),
        ("delay_min_ns", "q"),
        ("delay_before_ns", "q"),
        ("delay_p90_ns", "q"),
        ("survival_then_ns", "q"),
        *((f"trials_{index}", "d") for index in range(SURVIVAL_SIZES)),
        *((f"success_{index}", "d") for index in range(SURVIVAL_SIZES)),
        ("fee_mismatches", "Q"),
        ("fee_expected_nanos", "q"),
        ("fee_charged_nanos", "q"),
        *(
            (f"{side}_{what}_{level}", "q")
            for level in range(MAX_LEVELS)
            for side in ("bid", "ask")
            for what in ("nanos", "units")
        ),
    ),
)
"""Followed by the row's moments in the order of `row_moments`. The masks of venues at best follow
from the touches."""
VENUE = Layout(
    "VenueQualityState",
    (
        ("paused_ns", "q"),
        ("paused_since_ns", "q"),
        ("since_ns", "q"),
        ("quote_ns", "q"),
        ("opened_ns", "q"),
        ("probe_due_ns", "q"),
        ("probes", "Q"),
        ("rejects_in_row", "Q"),
        ("timeouts_in_row", "Q"),
        ("cancel_timeouts_in_row", "Q"),
        *((f"drops_{place}", "Q") for place in range(DROPS)),
        ("clean", "Q"),
        ("clean_needed", "Q"),
        ("relapses", "Q"),
        ("health", "B"),
        ("changed", "B"),
        ("dirty", "B"),
        ("closed", "B"),
        ("reserved", "4s"),
    ),
)
"""Followed by ack, fill, reject and gap moments, and by the counts (u32 each) of the feed by class
of instrument, of acks and of fills."""
OPENING = Layout(
    "OpeningState",
    (
        ("instrument", "I"),
        ("venue", "I"),
        ("slot_ns", "q"),
        ("then_ns", "q"),
        ("days", "d"),
        *((name, "d") for name in TIME_SUMS),
        *((f"{of}_{name}", "d") for of in ("delay", "fill", "ack") for name in MOMENT_SUMS),
    ),
)
"""A row's history at one time of day, in the order in which the row keeps them."""
COUNTS = struct.Struct(f"<{LATENCIES}I")

_SCALARS = (
    "dirty_execution",
    "fee_known",
    "tick_nanos",
    "lot_units",
    "min_units",
    "ticket_nanos",
    "quote_ns",
    "quote_seq",
    "quotes",
    "trades",
    "fills",
    "then_ns",
    *TIME_SUMS,
    "delay_min_ns",
    "delay_before_ns",
    "delay_p90_ns",
    "listed",
    "status",
    "modelled",
    "dirty",
)
_BOOLEANS = ("listed", "modelled", "dirty", "dirty_execution")
_PAIRS = {
    "in_flight": ("in_flight_buy", "in_flight_sell"),
    "unreflected": ("unreflected_buy", "unreflected_sell"),
    "near_units": ("near_bid", "near_ask"),
    "depleted_nanos": ("depleted_bid_nanos", "depleted_ask_nanos"),
    "depleted_ns": ("depleted_bid_ns", "depleted_ask_ns"),
}
_LADDERS = ("bid_nanos", "bid_units", "ask_nanos", "ask_units")
_VENUE_SCALARS = (
    "since_ns",
    "quote_ns",
    "opened_ns",
    "probe_due_ns",
    "probes",
    "rejects_in_row",
    "timeouts_in_row",
    "cancel_timeouts_in_row",
    "clean",
    "clean_needed",
    "relapses",
    "health",
)


def encode_row(row: Row) -> bytes:
    """Canonical bytes of a row."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _SCALARS}
    evidence = row.evidence
    for code in range(6):
        values[f"fee_fixed_{code}"] = row.fee_fixed[code]
        values[f"fee_rate_{code}"] = row.fee_rate[code]
    for name, (first, second) in _PAIRS.items():
        values[first], values[second] = getattr(row, name)
    for name in _LADDERS:
        for level, value in enumerate(getattr(row, name)):
            values[f"{name}_{level}"] = value
    for index in range(SURVIVAL_SIZES):
        values[f"trials_{index}"] = evidence.trials[index]
        values[f"success_{index}"] = evidence.success[index]
    head = ROW.pack(
        paused_ns=row.session.paused_ns,
        since_ns=row.session.since_ns,
        survival_then_ns=evidence.survival_then_ns,
        fee_mismatches=evidence.fee_mismatches,
        fee_expected_nanos=evidence.fee_expected_nanos,
        fee_charged_nanos=evidence.fee_charged_nanos,
        **values,
    )
    return head + b"".join(map(encode_moments, row_moments(row)))


def decode_row(cursor: Cursor) -> Row:
    """The row at the cursor."""
    values, row = cursor.read(ROW), Row()
    for name in _SCALARS:
        setattr(row, name, getattr(values, name))
    for name in _BOOLEANS:
        setattr(row, name, bool(getattr(row, name)))
    for code in range(6):
        row.fee_fixed[code] = getattr(values, f"fee_fixed_{code}")
        row.fee_rate[code] = getattr(values, f"fee_rate_{code}")
    for name, (first, second) in _PAIRS.items():
        setattr(row, name, [getattr(values, first), getattr(values, second)])
    for name in _LADDERS:
        levels = range(MAX_LEVELS)
        setattr(row, name, [getattr(values, f"{name}_{level}") for level in levels])
    evidence = row.evidence
    for index in range(SURVIVAL_SIZES):
        evidence.trials[index] = getattr(values, f"trials_{index}")
        evidence.success[index] = getattr(values, f"success_{index}")
    evidence.survival_then_ns = values.survival_then_ns
    evidence.fee_mismatches = values.fee_mismatches
    evidence.fee_expected_nanos = values.fee_expected_nanos
    evidence.fee_charged_nanos = values.fee_charged_nanos
    _decode_clock(row.session, values.paused_ns, values.since_ns)
    for moments in row_moments(row):
        decode_moments(moments, cursor)
    return row


def row_moments(row: Row) -> Iterator[Moments]:
    """A row's moments in canonical order."""
    evidence = row.evidence
    yield from (row.delay, row.fill, row.ack)
    yield from (getattr(evidence, name) for name in EVENT_FAMILIES)
    for horizons in (evidence.added, evidence.realised, evidence.removed, evidence.mid):
        yield from horizons


def encode_fees(fees: Fees) -> bytes:
    """Canonical bytes of fee schedules: how many lines and accounts, then each by rising key."""
    lines = [fees.lines_raw[key] for key in sorted(fees.lines_raw)]
    billings = [fees.billings_raw[key] for key in sorted(fees.billings_raw)]
    head = FEES.pack(lines=len(lines), billings=len(billings))
    return head + b"".join(lines) + b"".join(billings)


def decode_fees(fees: Fees, cursor: Cursor) -> None:
    """Fills fee schedules from the cursor."""
    head = cursor.read(FEES)
    for _ in range(head.lines):
        raw = cursor.raw(reference.FEE_TIER.size)
        fees.put_line(reference.FEE_TIER.unpack(raw), raw)
    for _ in range(head.billings):
        raw = cursor.raw(reference.BILLING.size)
        fees.put_billing(reference.BILLING.unpack(raw), raw)


def encode_hazard(key: tuple[int, int], hazard: Hazard) -> bytes:
    """Canonical bytes of hazards with the place they are of."""
    sums = (*hazard.children, *hazard.exposure_ns, *hazard.events, *hazard.squares)
    return HAZARD.struct.pack(*key, hazard.then_ns, *sums)


def decode_hazard(hazards: dict[tuple[int, int], Hazard], cursor: Cursor) -> None:
    """Adds the hazards at the cursor to those by place."""
    instrument, venue, then_ns, *sums = cursor.read(HAZARD)
    hazard = hazards[(instrument, venue)] = Hazard()
    cells = BUCKETS * BUCKETS
    hazard.then_ns, hazard.children = then_ns, sums[:BUCKETS]
    hazard.exposure_ns = sums[BUCKETS : BUCKETS + cells]
    hazard.events = sums[BUCKETS + cells : BUCKETS + 2 * cells]
    hazard.squares = sums[BUCKETS + 2 * cells :]


def encode_openings(key: tuple[int, int], openings: list[Opening]) -> bytes:
    """Canonical bytes of a row's openings with the place they are of."""
    parts = []
    for opening in openings:
        moments = [
            getattr(of, name)
            for of in (opening.delay, opening.fill, opening.ack)
            for name in MOMENT_SUMS
        ]
        head = (opening.slot_ns, opening.then_ns, opening.days)
        parts.append(OPENING.struct.pack(*key, *head, *opening.sums, *moments))
    return b"".join(parts)


def decode_opening(openings: dict[tuple[int, int], list[Opening]], cursor: Cursor) -> None:
    """Adds the opening at the cursor to those by place."""
    instrument, venue, slot_ns, then_ns, days, *sums = cursor.read(OPENING)
    opening = Opening(slot_ns, len(TIME_SUMS))
    opening.then_ns, opening.days = then_ns, days
    opening.sums, moments = sums[: len(TIME_SUMS)], iter(sums[len(TIME_SUMS) :])
    for of in (opening.delay, opening.fill, opening.ack):
        for name in MOMENT_SUMS:
            setattr(of, name, next(moments))
    openings.setdefault((instrument, venue), []).append(opening)


def encode_moments(moments: Moments) -> bytes:
    """Canonical bytes of moments."""
    return MOMENTS.pack(
        then_ns=moments.then_ns,
        weight=moments.weight,
        weight_squares=moments.weight_squares,
        total=moments.total,
        squares=moments.squares,
        jumps=moments.jumps,
        last=moments.last,
    )


def decode_moments(moments: Moments, cursor: Cursor) -> None:
    """Fills moments from the cursor."""
    values = cursor.read(MOMENTS)
    moments.then_ns, moments.weight = values.then_ns, values.weight
    moments.weight_squares = values.weight_squares
    moments.total, moments.squares = values.total, values.squares
    moments.jumps, moments.last = values.jumps, values.last


def encode_venue(quality: VenueQuality) -> bytes:
    """Canonical bytes of a venue's quality and health."""
    head = VENUE.pack(
        paused_ns=quality.session.paused_ns,
        paused_since_ns=quality.session.since_ns,
        changed=quality.changed,
        dirty=quality.dirty,
        closed=quality.closed,
        **{f"drops_{place}": count for place, count in enumerate(quality.drops)},
        **{name: getattr(quality, name) for name in _VENUE_SCALARS},
    )
    moments = b"".join(map(encode_moments, _venue_moments(quality)))
    counts = b"".join(COUNTS.pack(*item.counts) for item in _histograms(quality))
    return head + moments + counts


def decode_venue(quality: VenueQuality, cursor: Cursor) -> None:
    """Fills a venue's quality and health from the cursor."""
    values = cursor.read(VENUE)
    for name in _VENUE_SCALARS:
        setattr(quality, name, getattr(values, name))
    quality.changed, quality.dirty = bool(values.changed), bool(values.dirty)
    quality.closed = bool(values.closed)
    quality.drops = [getattr(values, f"drops_{place}") for place in range(DROPS)]
    _decode_clock(quality.session, values.paused_ns, values.paused_since_ns)
    for moments in _venue_moments(quality):
        decode_moments(moments, cursor)
    for histogram in _histograms(quality):
        histogram.counts = list(COUNTS.unpack(cursor.raw(COUNTS.size)))
        histogram.total = sum(histogram.counts)


def _venue_moments(quality: VenueQuality) -> tuple[Moments, ...]:
    return quality.ack, quality.fill, quality.reject, quality.gap


def _histograms(quality: VenueQuality) -> tuple[Histogram, ...]:
    return *quality.feed_histograms, quality.ack_histogram, quality.fill_histogram


def _decode_clock(clock: SessionClock, paused_ns: int, since_ns: int) -> None:
    clock.paused_ns, clock.since_ns = paused_ns, since_ns
