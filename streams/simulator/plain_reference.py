"""Reference records of a plain market."""

from __future__ import annotations

from schemas.codes import InputType, Liquidity, VenueKind, VenueStatus
from schemas.reference import FEE, INSTRUMENT, LISTING, VENUE
from schemas.units import INSTRUMENT_NONE, VENUE_NONE
from streams.simulator.plain_config import TICK_NANOS, PlainConfig
from streams.simulator.plain_venues import PlainVenue, plain_traits, plain_venues
from streams.sources.reference import ReferenceStream

EQUITY = 1


def instrument_keys(count: int) -> list[str]:
    """Invented symbols."""
    names = ("ALFA", "BRAVO", "COBALT", "DELTA", "ECHO", "FJORD", "GAMMA", "HELIX")
    return [names[n] if n < len(names) else f"SYM{n:03d}" for n in range(count)]


def plain_reference(config: PlainConfig) -> ReferenceStream:
    """INSTRUMENT, VENUE, LISTING and FEE records as of the start."""
    stream = ReferenceStream(config.start_ns)
    keys, venues = instrument_keys(config.instruments), plain_venues(config.venues)
    traits = plain_traits(config)
    for index, key in enumerate(keys):
        stream.records.append(_instrument(stream, index, key))
    for index, venue in enumerate(venues):
        ack_ns = int(traits.out_ns[index] + traits.back_ns[index])
        stream.records.append(_venue(stream, index, venue, ack_ns))
    for index, venue in enumerate(venues):
        for instrument in range(config.instruments):
            _add_listing(stream, index, instrument, venue)
    return stream


def _instrument(stream: ReferenceStream, index: int, key: str) -> bytes:
    return INSTRUMENT.pack(
        **stream.header(InputType.INSTRUMENT, VENUE_NONE, index),
        key=key.encode(),
        quote_ccy=b"USD",
        units_per_one=1,
        tick_nanos=TICK_NANOS,
        round_lot_units=100,
        default_policy=1,
        asset_class=EQUITY,
    )


def _venue(stream: ReferenceStream, index: int, venue: PlainVenue, ack_ns: int) -> bytes:
    return VENUE.pack(
        **stream.header(InputType.VENUE, index, INSTRUMENT_NONE),
        key=venue.key.encode(),
        mic=venue.mic.encode(),
        kind=int(VenueKind.LIT),
        is_protected=int(venue.mic != ""),
        modelled=1,
        status=int(VenueStatus.OPEN),
        name=venue.name.encode(),
        ack_prior_ns=ack_ns,
    )


def _add_listing(stream: ReferenceStream, index: int, instrument: int, venue: PlainVenue) -> None:
    stream.records.append(
        LISTING.pack(
            **stream.header(InputType.LISTING, index, instrument),
            tick_nanos=TICK_NANOS,
            lot_units=1,
            min_units=1,
        )
    )
    for liquidity, fee in ((Liquidity.TAKE, venue.take_nanos), (Liquidity.ADD, venue.add_nanos)):
        stream.records.append(
            FEE.pack(
                **stream.header(InputType.FEE, index, instrument),
                liquidity=int(liquidity),
                fixed_nanos=fee,
            )
        )
