"""A replay market from the reference records that the run itself starts with.

How to drive one beside an engine: step the engine no further than `earliest_feedback_ns`, stopping
at children; `advance` the market by what the engine consumed; `submit` its children and `cancel`
with the engine's `log_ns` as the sending time; once all input up to `earliest_feedback_ns` is
consumed, `pop_reports` up to there and step the engine over them. After the last market record only
`certain_feedback_ns` is left to wait for: what rests then has nothing to meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from aggregates.fees import EVERYBODY, LIQUIDITY_CODES
from aggregates.fees import Fees as Schedules
from schemas.codes import InputType
from schemas.envelope import HEADER, SLOT, SLOTS
from schemas.errors import InputError
from schemas.reference import BILLING, FEE, FEE_TIER, INSTRUMENT
from schemas.units import INSTRUMENT_NONE
from streams.simulator._market import ReplayMarket

PASSIVE_MODELS = ("traded_through", "queue_depleted")
"""Bounds on what resting children would have got: the first fills least, the second most."""

Fees = dict[tuple[int, int, int], tuple[int, int]]


def replay_market(
    reference: bytes,
    latencies: Sequence[tuple[int, int]],
    *,
    passive_model: str = "traded_through",
    seed: int = 0,
    jitter_ns: int = 0,
) -> ReplayMarket:
    """Market of the instruments, venues and fees in `reference`.

    `latencies`: (way out, way back) in ns by dense venue id. A FEE without an instrument holds for
    all of them; a tier in force that holds for every account comes before it. InputError when a
    venue has no latency or ids are not dense.
    """
    units_per_one: list[int] = []
    venues = 0
    fees: Fees = {}
    for kind, raw in records_of(reference):
        if kind == InputType.INSTRUMENT:
            units_per_one.append(_instrument(raw, len(units_per_one)))
        elif kind == InputType.VENUE:
            venues = max(venues, HEADER.unpack(raw).venue + 1)
    for kind, raw in records_of(reference):
        if kind == InputType.FEE:
            _put_fee(fees, FEE.unpack(raw), len(units_per_one))
    _put_tiers(fees, reference, venues, len(units_per_one))
    if len(latencies) < venues:
        raise InputError(f"{venues} venues but {len(latencies)} latencies; give one pair for each")
    by_venue = latencies[:venues]
    return ReplayMarket(by_venue, fees, units_per_one, passive_model, seed, jitter_ns=jitter_ns)


def records_of(batch: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, bytes) of each input record of a batch."""
    offset = 0
    while offset < len(batch):
        kind = batch[offset]
        size = SLOTS.get(kind, 1) * SLOT  # type: ignore[call-overload]
        yield kind, batch[offset : offset + size]
        offset += size


def _instrument(raw: bytes, expected: int) -> int:
    record = INSTRUMENT.unpack(raw)
    if record.instrument != expected:
        raise InputError(f"instrument {record.instrument} follows {expected - 1}; ids are dense")
    return int(record.units_per_one)


def _put_tiers(fees: Fees, reference: bytes, venues: int, instruments: int) -> None:
    """What the schedules charge everybody, in the tier that the billing records have chosen."""
    schedules = Schedules()
    for kind, raw in records_of(reference):
        if kind == InputType.FEE_TIER:
            schedules.put_line(FEE_TIER.unpack(raw), raw)
        elif kind == InputType.BILLING:
            schedules.put_billing(BILLING.unpack(raw), raw)
    for venue in range(venues):
        for key in product(range(instruments), (venue,), range(LIQUIDITY_CODES)):
            line = schedules.find(venue, EVERYBODY, key[0], key[2])
            if line is not None:
                fees[key] = (line.fixed_nanos, line.rate_e9)


def _put_fee(fees: Fees, record: Any, instruments: int) -> None:
    whole = record.instrument == INSTRUMENT_NONE
    for instrument in range(instruments) if whole else (record.instrument,):
        key = (instrument, record.venue, record.liquidity)
        fees[key] = (record.fixed_nanos, record.rate_e9)
