"""The input records that a change of reference data becomes, each with the full new value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aggregates.reference.items import Activated
from aggregates.reference.terms import ACK_PRIOR_US
from schemas import reference
from schemas.codes import FeeBasis, InputType, KillScope, Liquidity, VenueKind, VenueStatus
from schemas.errors import InputError
from schemas.units import MAX_VENUES, NS_PER_US, price_nanos
from schemas.wire import text
from streams.reference.rules import (
    account_records,
    limits_records,
    policy_records,
    record,
    suspension,
)

Values = dict[str, Any]
RATE_PER_BPS = 100_000
"""1e-9 a basis point."""

LISTED = ("tick", "lot_units", "min_units", "ticket")


@dataclass
class Catalogue:
    """What the input log has told so far: dense ids by key, and the terms behind them.

    `venue_terms` are the last terms of the venues that this store manages, without retired ones.
    """

    venues: dict[str, int] = field(default_factory=dict)
    instruments: dict[str, int] = field(default_factory=dict)
    venue_terms: dict[str, Values] = field(default_factory=dict)

    def fold(self, kind: int, raw: bytes) -> None:
        """Takes a record of the log."""
        if kind == InputType.VENUE:
            venue = reference.VENUE.unpack(raw)
            self.venues[text(venue.key)] = venue.venue
        elif kind == InputType.INSTRUMENT:
            instrument = reference.INSTRUMENT.unpack(raw)
            self.instruments[text(instrument.key)] = instrument.instrument

    def venue(self, key: str) -> int:
        """Dense id of a venue, the next one for a key that is new."""
        found = self.venues.get(key, len(self.venues))
        if found >= MAX_VENUES:
            raise InputError(
                f"venue {key}: {MAX_VENUES} venues are known; retire does not free ids"
            )
        return found

    def instrument(self, key: str) -> int:
        """Dense id of an instrument, the next one for a key that is new."""
        return self.instruments.get(key, len(self.instruments))


def records_of(kind: str, key: str, event: Any, catalogue: Catalogue) -> list[bytes]:
    """Records of an event that changed what is in force; none for what never was.

    What ends is closed, never forgotten: a venue, an instrument or an account is suspended by a
    switch of its own, which a kill by hand neither engages nor lets go; a policy takes no new
    order, limits that retire restrict their instrument.
    """
    make = {
        "venue": venue_records,
        "instrument": instrument_records,
        "policy": policy_records,
        "limits": limits_records,
        "account": account_records,
    }[kind]
    return list(make(key, event, catalogue)) if event.terms else []


def venue_records(key: str, event: Any, catalogue: Catalogue) -> Iterator[bytes]:
    """The venue itself, and what it lists and charges for each instrument."""
    terms, venue = event.terms, catalogue.venue(key)
    yield record(
        reference.VENUE,
        InputType.VENUE,
        venue=venue,
        key=key.encode(),
        mic=(terms["mic"] or "").encode(),
        kind=int(VenueKind[terms["kind"].upper()]),
        is_protected=int(terms["is_protected"]),
        modelled=int(terms["modelled"]),
        status=int(VenueStatus.OPEN),
        name=terms["name"].encode()[:32],
        ack_prior_ns=(terms["ack_prior_us"] or ACK_PRIOR_US[terms["latency_class"]]) * NS_PER_US,
    )
    if event.revision > 1 or not isinstance(event, Activated):
        yield suspension(KillScope.SUSPENDED_VENUE, event, venue=venue)
    if not isinstance(event, Activated):
        return
    before = catalogue.venue_terms.get(key)
    yield from tier_records(terms, venue, before)
    for instrument_key, instrument in sorted(catalogue.instruments.items(), key=lambda kv: kv[1]):
        if is_listed(terms, instrument_key):
            was = before if before and is_listed(before, instrument_key) else None
            yield from listing_records(terms, venue, instrument, was)


def tier_records(terms: Values, venue: int, was: Values | None) -> Iterator[bytes]:
    """FEE_TIER and BILLING records of the whole venue, as far as `was` said otherwise."""
    known = {fee["liquidity"]: fee for fee in was["fees"]} if was else {}
    for fee in terms["fees"]:
        before = known.get(fee["liquidity"], {"tiers": ()})
        if fee == before or not (fee["tiers"] or before["tiers"]):
            continue
        lines = [{**fee, "volume": 0}, *fee["tiers"]]
        # The engine forgets no line: a tier that is gone charges what the last one does.
        lines += [lines[-1]] * (len(before["tiers"]) + 1 - len(lines))
        for tier, line in enumerate(lines):
            yield record(
                reference.FEE_TIER,
                InputType.FEE_TIER,
                venue=venue,
                liquidity=int(Liquidity[fee["liquidity"].upper()]),
                tier=tier,
                volume=line["volume"],
                **charged(line),
            )
    if terms["fee_tier"] != (was["fee_tier"] if was else 0):
        reached = {"prior_tier": terms["fee_tier"], "basis": int(FeeBasis.PRIOR_TIER)}
        yield record(reference.BILLING, InputType.BILLING, venue=venue, **reached)


def charged(line: Values) -> dict[str, int]:
    """Fields of what a fee or one of its tiers charges."""
    return {
        "fixed_nanos": price_nanos(line["per_one"]),
        "rate_e9": round(line["rate_bps"] * RATE_PER_BPS),
    }


def is_listed(terms: Values, instrument: str) -> bool:
    """Whether a venue of these terms trades an instrument."""
    return not terms["instruments"] or instrument in terms["instruments"]


def listing_records(
    terms: Values, venue: int, instrument: int, was: Values | None = None
) -> Iterator[bytes]:
    """LISTING and FEE records of one instrument at one venue, as far as `was` said otherwise."""
    place = {"venue": venue, "instrument": instrument}
    if was is None or any(terms[name] != was[name] for name in LISTED):
        yield record(
            reference.LISTING,
            InputType.LISTING,
            **place,
            tick_nanos=price_nanos(terms["tick"]),
            lot_units=terms["lot_units"],
            min_units=terms["min_units"],
            ticket_nanos=price_nanos(terms["ticket"]),
        )
    for fee in terms["fees"]:
        if was is not None and fee in was["fees"]:
            continue
        yield record(
            reference.FEE,
            InputType.FEE,
            **place,
            liquidity=int(Liquidity[fee["liquidity"].upper()]),
            **charged(fee),
        )


def instrument_records(key: str, event: Any, catalogue: Catalogue) -> Iterator[bytes]:
    """The instrument and where it is listed; out of force it is suspended."""
    terms, was_stopped = event.terms, event.revision > 1 or not isinstance(event, Activated)
    instrument, is_new = catalogue.instrument(key), event.revision == 1
    if isinstance(event, Activated):
        yield record(
            reference.INSTRUMENT,
            InputType.INSTRUMENT,
            instrument=instrument,
            key=key.encode(),
            quote_ccy=terms["quote_ccy"].encode(),
            units_per_one=terms["units_per_one"],
            tick_nanos=price_nanos(terms["tick"]),
            round_lot_units=terms["round_lot_units"],
            default_policy=terms["default_policy"],
            asset_class=terms["asset_class"],
        )
        for venue_key, venue_terms in sorted(catalogue.venue_terms.items()) if is_new else ():
            if is_listed(venue_terms, key):
                yield from listing_records(venue_terms, catalogue.venue(venue_key), instrument)
    if was_stopped:
        yield suspension(KillScope.SUSPENDED_INSTRUMENT, event, instrument=instrument)
