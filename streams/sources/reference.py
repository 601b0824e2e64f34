"""Reference records of a dataset: instruments, venues, listings and fees in dense-id order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from schemas.codes import FeeBasis, InputType, Liquidity, VenueKind, VenueStatus
from schemas.reference import BILLING, FEE, FEE_TIER, INSTRUMENT, LISTING, VENUE
from schemas.units import INSTRUMENT_NONE, NS_PER_US, VENUE_NONE, price_nanos, units_from_text
from streams.sources.config import Billing, Dataset, Fee, Tier, Venue
from streams.sources.names import listing_for, lot_units, tick_nanos

KINDS = {"lit": VenueKind.LIT, "dark": VenueKind.DARK, "wholesaler": VenueKind.WHOLESALER}


class Priced(Protocol):
    """A venue with a fee schedule."""

    @property
    def tiers(self) -> tuple[Tier, ...]: ...

    @property
    def billing(self) -> Billing | None: ...


class ReferenceStream:
    """Collects records of source 0 with a dense source_seq; `next_seq` is the next free one."""

    def __init__(self, log_ns: int) -> None:
        self.log_ns = log_ns
        self.next_seq = 1
        self.records: list[bytes] = []

    def header(self, kind: InputType, venue: int, instrument: int) -> dict[str, int]:
        """Header fields of the next record."""
        self.next_seq += 1
        return {
            "type": int(kind),
            "venue": venue,
            "instrument": instrument,
            "source_seq": self.next_seq - 1,
            "log_ns": self.log_ns,
        }


def reference_stream(dataset: Dataset, instruments: Sequence[str], log_ns: int) -> ReferenceStream:
    """INSTRUMENT, VENUE, LISTING and FEE records as of `log_ns`."""
    stream = ReferenceStream(log_ns)
    for index, key in enumerate(instruments):
        stream.records.append(_instrument(stream, dataset, index, key))
    for index, venue in enumerate(dataset.venues):
        stream.records.append(_venue(stream, index, venue))
    for index, venue in enumerate(dataset.venues):
        if venue.is_listed:
            _add_listings(stream, dataset, index, instruments)
            _add_fees(stream, index, venue, len(instruments))
            add_tiers(stream, index, venue)
    return stream


def add_tiers(stream: ReferenceStream, index: int, venue: Priced) -> None:
    """FEE_TIER records of all instruments and accounts, and the BILLING that chooses among them."""
    for liquidity, side in ((Liquidity.TAKE, "taker"), (Liquidity.ADD, "maker")):
        fees = [(tier.volume, getattr(tier, side)) for tier in venue.tiers]
        told = [(volume, fee) for volume, fee in fees if fee is not None]
        for number, (volume, fee) in enumerate(told):
            stream.records.append(
                FEE_TIER.pack(
                    **stream.header(InputType.FEE_TIER, index, INSTRUMENT_NONE),
                    liquidity=int(liquidity),
                    tier=number,
                    volume=volume,
                    fixed_nanos=price_nanos(fee.fixed),
                    rate_e9=price_nanos(fee.rate),
                )
            )
    if venue.billing is not None:
        billing = venue.billing
        stream.records.append(
            BILLING.pack(
                **stream.header(InputType.BILLING, index, INSTRUMENT_NONE),
                basis=int(FeeBasis[billing.basis.upper()]),
                prior_tier=billing.prior_tier,
                forecast=billing.forecast,
                month_to_date=billing.month_to_date,
            )
        )


def _instrument(stream: ReferenceStream, dataset: Dataset, index: int, key: str) -> bytes:
    measures = dataset.instruments
    return INSTRUMENT.pack(
        **stream.header(InputType.INSTRUMENT, VENUE_NONE, index),
        key=key.encode(),
        quote_ccy=measures.quote_ccy.encode(),
        units_per_one=10**measures.decimals,
        tick_nanos=price_nanos(measures.tick),
        round_lot_units=units_from_text(measures.round_lot, measures.decimals),
        default_policy=1,
        asset_class=measures.asset_class,
    )


def _venue(stream: ReferenceStream, index: int, venue: Venue) -> bytes:
    return VENUE.pack(
        **stream.header(InputType.VENUE, index, INSTRUMENT_NONE),
        key=venue.key.encode(),
        mic=venue.mic.encode(),
        kind=int(KINDS[venue.kind]),
        is_protected=int(venue.is_protected),
        modelled=1,
        status=int(VenueStatus.OPEN),
        name=venue.name.encode()[:32],
        ack_prior_ns=venue.ack_prior_us * NS_PER_US,
    )


def _add_listings(
    stream: ReferenceStream, dataset: Dataset, index: int, instruments: Sequence[str]
) -> None:
    for instrument, key in enumerate(instruments):
        listing = listing_for(dataset, dataset.venues[index].key, key)
        least = units_from_text(listing.min or "0", dataset.instruments.decimals)
        lot = lot_units(dataset, listing)
        stream.records.append(
            LISTING.pack(
                **stream.header(InputType.LISTING, index, instrument),
                tick_nanos=tick_nanos(dataset, listing),
                lot_units=lot,
                min_units=max(lot, least),
            )
        )


def _add_fees(stream: ReferenceStream, index: int, venue: Venue, instruments: int) -> None:
    for instrument in range(instruments):
        for liquidity, fee in ((Liquidity.TAKE, venue.taker), (Liquidity.ADD, venue.maker)):
            header = stream.header(InputType.FEE, index, instrument)
            stream.records.append(_fee(header, liquidity, fee))


def _fee(header: dict[str, int], liquidity: Liquidity, fee: Fee) -> bytes:
    return FEE.pack(
        **header,
        liquidity=int(liquidity),
        fixed_nanos=price_nanos(fee.fixed),
        rate_e9=price_nanos(fee.rate),
    )
