"""Builds a native market from its terms, and the reference records that describe it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.codes import InputType, Liquidity, VenueKind, VenueStatus
from schemas.layout import Layout
from schemas.reference import FEE, INSTRUMENT, LISTING, VENUE
from schemas.units import (
    E9,
    INSTRUMENT_NONE,
    NS_PER_MS,
    NS_PER_S,
    NS_PER_US,
    VENUE_NONE,
    price_nanos,
)
from streams.simulator.synthetic import _synthetic
from streams.simulator.synthetic._synthetic import SyntheticMarket
from streams.simulator.synthetic.fault_kinds import FaultKind
from streams.simulator.synthetic.terms import FAMILIES, InstrumentTerms, Preset, VenueTerms
from streams.sources.reference import ReferenceStream

__all__ = ["RESULT", "SyntheticMarket", "market_arguments", "reference_stream", "synthetic_market"]

REPORT_SOURCE = 220
_GLOBALS, _INSTRUMENT, _VENUE, FAULT, RESULT = (
    Layout(name.title(), _synthetic.fields_of(name))
    for name in ("globals", "instrument", "venue", "fault", "result")
)
VENUE_HABITS = _VENUE
"""`FAULT`: kind, venue, since_ns, until_ns, chance. `RESULT`: what became of a parent, prices and
fees in nanos, `notional` in nanos * units, `mid_x2` twice the arrival mid."""

Arguments = tuple[bytes, bytes, bytes, bytes]


def synthetic_market(preset: Preset, seed: int, faults: Sequence[bytes] = ()) -> SyntheticMarket:
    """A market at its start. `faults` are FAULT records, see `faults.fault`."""
    return SyntheticMarket(*market_arguments(preset, seed, faults))


def market_arguments(
    preset: Preset,
    seed: int,
    faults: Sequence[bytes] = (),
    *,
    checks: bool = False,
    child_stream: int = 0,
) -> Arguments:
    """Packed globals, instruments, venues and faults, as both native markets take them.

    Another `child_stream` is other luck of our children in the same market.
    """
    instruments = b"".join(_instrument(terms) for terms in preset.instruments)
    lot = min(terms.lot_units for terms in preset.instruments)
    venues = b"".join(_venue(terms, lot) for terms in preset.venues)
    every = b"".join((*_faults(preset), *faults))
    return _globals(preset, seed, checks, child_stream), instruments, venues, every


def _faults(preset: Preset) -> list[bytes]:
    """The faults that the file itself names."""
    places = {venue.key: at for at, venue in enumerate(preset.venues)}
    start_ns = preset.market.start_ns
    return [
        FAULT.pack(
            kind=int(FaultKind[terms.kind.upper()]),
            venue=places[terms.venue],
            since_ns=start_ns + terms.since_ms * NS_PER_MS,
            until_ns=start_ns + terms.until_ms * NS_PER_MS,
            chance=terms.chance,
        )
        for terms in preset.faults
        if terms.venue in places
    ]


def _globals(preset: Preset, seed: int, checks: bool, child_stream: int) -> bytes:
    terms = preset.market
    return _GLOBALS.pack(
        seed=seed,
        start_ns=terms.start_ns,
        family=FAMILIES.index(terms.family),
        cleanup_ns=terms.cleanup_ms * NS_PER_MS,
        report_source=REPORT_SOURCE,
        checks=int(checks),
        burst_per_hour=terms.burst_per_hour,
        burst_ns=terms.burst_ms * NS_PER_MS,
        burst_factor=terms.burst_factor,
        regime_ns=terms.regime_s * NS_PER_S,
        regime_shift=terms.regime_shift,
        halt_per_hour=terms.halt_per_hour,
        halt_ns=terms.halt_ms * NS_PER_MS,
        auction_ns=terms.auction_ms * NS_PER_MS,
        informed_orders=terms.informed_orders,
        alpha_ticks=terms.alpha_ticks,
        alpha_ns=terms.alpha_ms * NS_PER_MS,
        react_ns=terms.react_us * NS_PER_US,
        heartbeat_ns=terms.heartbeat_ms * NS_PER_MS,
        leak_ticks=terms.leak_ticks,
        child_stream=child_stream,
    )


def _instrument(terms: InstrumentTerms) -> bytes:
    same = (
        "asset_class lot_units depth_units move_hz move_ticks jump_hz jump_ticks trade_hz "
        "sign_persistence impact_ticks"
    )
    return _INSTRUMENT.pack(
        start_nanos=price_nanos(terms.price),
        tick_nanos=price_nanos(terms.tick),
        units_per_one=10**terms.decimals,
        **_picked(terms, same),
    )


def _venue(terms: VenueTerms, lot: int) -> bytes:
    same = (
        "spike update_hz half_spread_ticks depth levels hidden hidden_depth fade fade_keep "
        "sweep_fade reject leak toxicity flow dark_zero dark_alpha tick_multiple"
    )
    return _VENUE.pack(
        kind=1 if terms.kind == "lit" else 2,
        out_ns=terms.out_us * NS_PER_US,
        jitter_ns=terms.jitter_us * NS_PER_US,
        spike_ns=terms.spike_us * NS_PER_US,
        back_ns=terms.back_us * NS_PER_US,
        feed_ns=terms.feed_us * NS_PER_US,
        lag_ns=terms.lag_us * NS_PER_US,
        lot_units=terms.lots * lot,
        min_units=terms.min_lots * terms.lots * lot,
        take_nanos=price_nanos(terms.take),
        take_e9=rate_e9(terms.take_bps),
        add_nanos=price_nanos(terms.add),
        add_e9=rate_e9(terms.add_bps),
        open_after_ns=terms.open_after_ms * NS_PER_MS,
        closed_after_ns=terms.closed_after_ms * NS_PER_MS,
        **_picked(terms, same),
    )


def _picked(terms: msgspec.Struct, names: str) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in names.split()}


def rate_e9(bps: float) -> int:
    """A fee of so many bps of the price."""
    return round(bps * E9 / 10_000)


def reference_stream(preset: Preset) -> ReferenceStream:
    """INSTRUMENT, VENUE, LISTING and FEE records of source 0 as of the start."""
    stream = ReferenceStream(preset.market.start_ns)
    for index, instrument in enumerate(preset.instruments):
        stream.records.append(_instrument_record(stream, index, instrument))
    for index, venue in enumerate(preset.venues):
        stream.records.append(_venue_record(stream, index, venue))
    lot = min(terms.lot_units for terms in preset.instruments)
    for index, venue in enumerate(preset.venues):
        for at, instrument in enumerate(preset.instruments):
            _add_listing(stream, (index, at), instrument, venue, lot)
    return stream


def _instrument_record(stream: ReferenceStream, index: int, terms: InstrumentTerms) -> bytes:
    return INSTRUMENT.pack(
        **stream.header(InputType.INSTRUMENT, VENUE_NONE, index),
        key=terms.key.encode(),
        quote_ccy=terms.quote_ccy.encode(),
        units_per_one=10**terms.decimals,
        tick_nanos=price_nanos(terms.tick),
        round_lot_units=terms.round_lot_units,
        default_policy=1,
        asset_class=terms.asset_class,
    )


def _venue_record(stream: ReferenceStream, index: int, terms: VenueTerms) -> bytes:
    return VENUE.pack(
        **stream.header(InputType.VENUE, index, INSTRUMENT_NONE),
        key=terms.key.encode(),
        mic=terms.mic.encode(),
        kind=int(VenueKind.LIT if terms.kind == "lit" else VenueKind.DARK),
        is_protected=int(terms.is_protected and terms.kind == "lit"),
        modelled=1,
        status=int(VenueStatus.OPEN),
        name=(terms.name or terms.key).encode(),
        ack_prior_ns=(terms.out_us + terms.back_us) * NS_PER_US,
    )


def _add_listing(
    stream: ReferenceStream,
    place: tuple[int, int],
    instrument: InstrumentTerms,
    venue: VenueTerms,
    lot: int,
) -> None:
    stream.records.append(
        LISTING.pack(
            **stream.header(InputType.LISTING, *place),
            tick_nanos=price_nanos(instrument.tick) * venue.tick_multiple,
            lot_units=venue.lots * lot,
            min_units=venue.min_lots * venue.lots * lot,
        )
    )
    take = price_nanos(venue.take), rate_e9(venue.take_bps)
    add = price_nanos(venue.add), rate_e9(venue.add_bps)
    for liquidity, (fixed, rate) in (
        (Liquidity.TAKE, take),
        (Liquidity.ADD, add),
        (Liquidity.MID, take),
    ):
        stream.records.append(
            FEE.pack(
                **stream.header(InputType.FEE, *place),
                liquidity=int(liquidity),
                fixed_nanos=fixed,
                rate_e9=rate,
            )
        )
