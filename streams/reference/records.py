"""The input records that a change of reference data becomes, each with the full new value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aggregates.reference.items import Activated, Retired, Suspended
from aggregates.reference.terms import ACK_PRIOR_US
from schemas import reference
from schemas.codes import (
    InputType,
    KillScope,
    Liquidity,
    PolicyKind,
    VenueKind,
    VenueStatus,
)
from schemas.errors import InputError
from schemas.layout import Layout
from schemas.orders import KILL
from schemas.units import (
    INSTRUMENT_NONE,
    MAX_VENUES,
    NS_PER_MS,
    NS_PER_US,
    VENUE_NONE,
    price_nanos,
)
from schemas.wire import text
from streams.config.records import e9_from_bps

Values = dict[str, Any]
RATE_PER_BPS = 100_000
"""1e-9 a basis point."""


class Catalogue:
    """What the input log has told so far: dense ids by key, and the terms behind them."""

    def __init__(self) -> None:
        self.venues: dict[str, int] = {}
        self.instruments: dict[str, int] = {}
        self.venue_terms: dict[str, Values] = {}
        """Terms in force of the venues that this store manages."""

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
    """Records of an event that changed what is in force; none where the engine needs none.

    An account has no record of its own yet, and a policy or limits that retire keep their last
    record: orders that name them are the caller's to stop.
    """
    make = {
        "venue": venue_records,
        "instrument": instrument_records,
        "policy": policy_records,
        "limits": limits_records,
    }.get(kind)
    if make is None or not event.terms:
        return []
    return list(make(key, event, catalogue))


def record(layout: Layout, kind: InputType, /, **values: Any) -> bytes:
    """A record without its numbers: whoever appends it sets source_seq and time."""
    place = {"venue": VENUE_NONE, "instrument": INSTRUMENT_NONE}
    return layout.pack(**{**place, "type": int(kind), **values})


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
        status=int(status_after(event)),
        name=terms["name"].encode()[:32],
        ack_prior_ns=ACK_PRIOR_US[terms["latency_class"]] * NS_PER_US,
    )
    if not isinstance(event, Activated):
        return
    for instrument_key, instrument in sorted(catalogue.instruments.items(), key=lambda kv: kv[1]):
        if not terms["instruments"] or instrument_key in terms["instruments"]:
            yield from listing_records(terms, venue, instrument)


def status_after(event: Any) -> VenueStatus:
    """Trading state of a venue that was activated, suspended or retired."""
    if isinstance(event, Suspended):
        return VenueStatus.HALTED
    return VenueStatus.CLOSED if isinstance(event, Retired) else VenueStatus.OPEN


def listing_records(terms: Values, venue: int, instrument: int) -> Iterator[bytes]:
    """LISTING and FEE records of one instrument at one venue."""
    place = {"venue": venue, "instrument": instrument}
    yield record(
        reference.LISTING,
        InputType.LISTING,
        **place,
        tick_nanos=price_nanos(terms["tick"]),
        lot_units=terms["lot_units"],
        min_units=terms["min_units"],
    )
    for fee in terms["fees"]:
        yield record(
            reference.FEE,
            InputType.FEE,
            **place,
            liquidity=int(Liquidity[fee["liquidity"].upper()]),
            fixed_nanos=price_nanos(fee["per_one"]),
            rate_e9=round(fee["rate_bps"] * RATE_PER_BPS),
        )


def instrument_records(key: str, event: Any, catalogue: Catalogue) -> Iterator[bytes]:
    """The instrument and where it is listed; one out of force is killed, one again in force not."""
    terms, was_stopped = event.terms, event.revision > 1 or not isinstance(event, Activated)
    instrument = catalogue.instrument(key)
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
        for venue_key, venue_terms in sorted(catalogue.venue_terms.items()):
            if not venue_terms["instruments"] or key in venue_terms["instruments"]:
                yield from listing_records(venue_terms, catalogue.venue(venue_key), instrument)
    if was_stopped:
        yield record(
            KILL,
            InputType.KILL,
            instrument=instrument,
            scope=int(KillScope.INSTRUMENT),
            engaged=int(not isinstance(event, Activated)),
        )


def policy_records(key: str, event: Any, catalogue: Catalogue) -> Iterator[bytes]:
    """The policy; its version is how often it was activated."""
    if not isinstance(event, Activated):
        return
    terms = event.terms
    ranks = bytearray(MAX_VENUES)
    for rank, venue in enumerate(terms["preferred"], 1):
        if venue not in catalogue.venues:
            raise InputError(f"policy {key}: prefers venue {venue}, which is not in the log yet")
        ranks[catalogue.venues[venue]] = rank
    same = ("split", "fee_aware", "allow_degraded", "max_levels", "max_children", "max_attempts")
    times = ("stale", "ack_timeout", "retry", "horizon")
    yield record(
        reference.POLICY,
        InputType.POLICY,
        name=key.encode(),
        policy=terms["policy"],
        version=event.revision,
        kind=int(PolicyKind[terms["kind"].upper()]),
        preferred=bytes(ranks),
        tolerance_e9=e9_from_bps(terms["tolerance_bps"]),
        miss_penalty_e9=e9_from_bps(terms["miss_penalty_bps"]),
        **{name: int(terms[name]) for name in same},
        **{f"{name}_ns": terms[f"{name}_ms"] * NS_PER_MS for name in times},
    )


def limits_records(key: str, event: Any, catalogue: Catalogue) -> Iterator[bytes]:
    """Limits of the instrument that they are named after."""
    if not isinstance(event, Activated):
        return
    if key not in catalogue.instruments:
        raise InputError(f"limits {key}: no such instrument in the log; activate it first")
    yield record(
        reference.LIMITS,
        InputType.LIMITS,
        instrument=catalogue.instruments[key],
        max_order_units=event.terms["max_order_units"],
        max_notional_ones=event.terms["max_notional_ones"],
        collar_e9=e9_from_bps(event.terms["collar_bps"]),
    )
