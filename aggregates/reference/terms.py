"""What is agreed about a venue, an instrument, a policy, limits or an account: validated values.

Prices, ticks and fees are decimal text, exact to 1e-9. Fractions are in bps. What is not known from
a public source says so: `modelled`, with `source` naming where the rest is from and its date.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from aggregates.fees import MAX_TIERS
from schemas.codes import Crossed, Liquidity, PolicyKind, Protection, SelfMatch, VenueKind
from schemas.errors import InputError
from schemas.units import price_nanos

Key = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9][A-Z0-9._-]{0,15}$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
Note = Annotated[str, msgspec.Meta(max_length=200)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=10**15)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=30_000_000)]
Bps = Annotated[float, msgspec.Meta(ge=0.0, le=10_000.0)]
Share = Annotated[float, msgspec.Meta(ge=-10_000.0, le=10_000.0)]
Rate = Annotated[float, msgspec.Meta(ge=0.0, le=40_000.0)]
Ones = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Day = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]

ACK_PRIOR_US = {"colocated": 100, "metro": 400, "regional": 3_000, "internet": 40_000}
"""Latency class -> acknowledgement time believed before any was seen, in us."""


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all terms; an unknown field is an error."""


class TierTerms(Terms, frozen=True, kw_only=True):
    """What a fee is from a month's `volume` on, in the unit of the venue's schedule."""

    volume: Annotated[int, msgspec.Meta(ge=0, le=10**18)]
    per_one: str = "0"
    rate_bps: Share = 0.0


class FeeTerms(Terms, frozen=True, kw_only=True):
    """A fee by liquidity code: `per_one` is money per whole one, `rate_bps` a share of the price;
    both are negative for a rebate. `tiers` are further volume tiers, the next one first.
    """

    liquidity: str
    per_one: str = "0"
    rate_bps: Share = 0.0
    tiers: Annotated[tuple[TierTerms, ...], msgspec.Meta(max_length=MAX_TIERS - 1)] = ()
    modelled: bool = False


class VenueTerms(Terms, frozen=True, kw_only=True):
    """A venue: `mic` is None for a private code, `calendar` a name of exchange-calendars.

    `instruments` are the keys that it lists, none named = all that there are; `ack_prior_us`
    overrides what its latency class believes; `fee_tier` is the volume tier that we have reached
    there, 0 for the first.
    """

    name: Name
    mic: Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{4}$")] | None = None
    kind: str = "lit"
    is_protected: bool = False
    calendar: Name = "24/7"
    order_types: tuple[Name, ...] = ("limit",)
    latency_class: str = "regional"
    ack_prior_us: Annotated[int, msgspec.Meta(ge=1, le=60_000_000)] | None = None
    lot_units: Positive = 1
    tick: str = "0.01"
    min_units: Annotated[int, msgspec.Meta(ge=0, le=10**15)] = 0
    ticket: str = "0"
    fees: tuple[FeeTerms, ...] = ()
    fee_tier: Annotated[int, msgspec.Meta(ge=0, lt=MAX_TIERS)] = 0
    instruments: tuple[str, ...] = ()
    modelled: bool = False
    source: Note = ""
    as_of: Day | None = None


class InstrumentTerms(Terms, frozen=True, kw_only=True):
    """An instrument: `units_per_one` smallest units make the one that prices are quoted for."""

    quote_ccy: Annotated[str, msgspec.Meta(min_length=1, max_length=8)]
    units_per_one: Annotated[int, msgspec.Meta(ge=1, le=10**10)] = 1
    tick: str = "0.01"
    round_lot_units: Positive = 100
    asset_class: Annotated[int, msgspec.Meta(ge=0, le=255)] = 1
    default_policy: Annotated[int, msgspec.Meta(ge=1, le=255)] = 2


class RestTerms(Terms, frozen=True, kw_only=True):
    """How remainders of a policy rest: of orders up to `max_urgency`, at most `max_posts` times."""

    max_urgency: Annotated[int, msgspec.Meta(ge=0, le=3)] = 0
    horizon: Annotated[int, msgspec.Meta(ge=1, le=4)] = 2
    rest_ms: Annotated[int, msgspec.Meta(ge=1, le=30_000_000)] = 10_000
    min_life_ms: Annotated[int, msgspec.Meta(ge=1, le=30_000_000)] = 100
    check_ms: Annotated[int, msgspec.Meta(ge=1, le=30_000_000)] = 100
    max_posts: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20


class PolicyTerms(Terms, frozen=True, kw_only=True):
    """A routing policy; its version is the number of times that it was activated.

    The fields are those of the POLICY record; `rest` None lets nothing rest.
    """

    policy: Annotated[int, msgspec.Meta(ge=1, le=255)]
    kind: str
    split: bool = True
    fee_aware: bool = True
    max_levels: Annotated[int, msgspec.Meta(ge=1, le=10)] = 5
    max_children: Annotated[int, msgspec.Meta(ge=1, le=64)] = 24
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    tolerance_bps: Bps = 0.0
    miss_penalty_bps: Bps = 0.0
    stale_ms: Annotated[int, msgspec.Meta(ge=1, le=30_000_000)]
    ack_timeout_ms: Annotated[int, msgspec.Meta(ge=1, le=30_000_000)] = 5_000
    retry_ms: Annotated[int, msgspec.Meta(ge=1, le=30_000_000)]
    horizon_ms: Annotated[int, msgspec.Meta(ge=1, le=30_000_000)]
    allow_degraded: bool = False
    preferred: tuple[Key, ...] = ()
    protection: str = "none"
    crossed: str = "route"
    equalise_arrival: bool = False
    use_hidden: bool = False
    max_delay_us: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 500
    ticket: str = "0"
    impact_horizon: Annotated[int, msgspec.Meta(ge=0, le=4)] = 0
    latency_bps: Rate = 0.0
    risk_bps: Rate = 0.0
    toxicity_bps: Rate = 0.0
    toxicity_horizon: Annotated[int, msgspec.Meta(ge=0, le=4)] = 0
    urgency_miss_bps: tuple[Bps, Bps, Bps] = (0.0, 0.0, 0.0)
    urgency_horizon_ms: tuple[Millis, Millis, Millis] = (0, 0, 0)
    posting: tuple[Annotated[int, msgspec.Meta(ge=0, le=3)], ...] = ()
    dark_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    dark_min_lots: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 1
    dark_horizon: Annotated[int, msgspec.Meta(ge=0, le=4)] = 2
    dark_toxicity_bps: Annotated[float, msgspec.Meta(ge=0.0, le=655.0)] = 2.0
    rest: RestTerms | None = None


class LimitsTerms(Terms, frozen=True, kw_only=True):
    """Pre-trade limits of one instrument; sizes in smallest units, value in whole money.

    With `inventory` an account sells at a venue only what it holds there.
    """

    max_order_units: Positive
    max_notional_ones: Positive
    collar_bps: Annotated[float, msgspec.Meta(gt=0.0, lt=10_000.0)] = 500.0
    restricted: bool = False
    short_restricted: bool = False
    self_match: str = "allowed"
    status_requests: Annotated[int, msgspec.Meta(ge=0, le=255)] = 3
    max_reports: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    duplicate_ms: Millis = 0
    inventory: bool = False


class AccountTerms(Terms, frozen=True, kw_only=True):
    """An account: whose it is, where it may trade (no venue named = everywhere), its limits.

    Limits are those of the ACCOUNT record, 0 = none; money is in whole quote currency.
    """

    client: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    venues: tuple[Key, ...] = ()
    max_gross_ones: Ones = 0
    max_net_ones: Ones = 0
    rate_max: Annotated[int, msgspec.Meta(ge=0, le=1024)] = 0
    rate_ms: Millis = 1_000
    throttle_max: Annotated[int, msgspec.Meta(ge=0, le=1024)] = 0
    throttle_ms: Millis = 1_000


KINDS: dict[str, type[Terms]] = {
    "venue": VenueTerms,
    "instrument": InstrumentTerms,
    "policy": PolicyTerms,
    "limits": LimitsTerms,
    "account": AccountTerms,
}
WORDS: dict[str, tuple[str, ...]] = {
    "liquidity": tuple(code.name.lower() for code in Liquidity if code),
    "latency_class": tuple(ACK_PRIOR_US),
    "protection": tuple(code.name.lower() for code in Protection),
    "crossed": tuple(code.name.lower() for code in Crossed),
    "self_match": tuple(code.name.lower() for code in SelfMatch),
}
KIND_WORDS: dict[str, tuple[str, ...]] = {
    "venue": tuple(kind.name.lower() for kind in VenueKind),
    "policy": tuple(kind.name.lower() for kind in PolicyKind),
}
KEY_BYTES = {"venue": 16, "instrument": 32, "policy": 32, "limits": 32, "account": 16}
PRICES = ("per_one", "tick", "ticket")


def checked(kind: str, values: Any) -> dict[str, Any]:
    """Plain values of terms with every field, after validation; InputError names the field."""
    try:
        terms = msgspec.convert(values, KINDS[kind])
    except msgspec.ValidationError as error:
        raise InputError(f"{kind}: {error}; correct the value") from None
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(terms))
    check_words(kind, plain)
    for number, fee in enumerate(plain.get("fees", ())):
        check_words(f"{kind}: fees[{number}]", fee)
        check_tiers(f"{kind}: fees[{number}]", fee["tiers"])
    return plain


def check_tiers(where: str, tiers: list[dict[str, Any]]) -> None:
    """InputError for tiers that do not ascend."""
    for number, tier in enumerate(tiers):
        check_words(f"{where}.tiers[{number}]", tier)
    volumes = [tier["volume"] for tier in tiers]
    if volumes != sorted(volumes):
        raise InputError(f"{where}: `tiers` must ascend by `volume`; sort them")


def check_words(where: str, values: dict[str, Any]) -> None:
    """InputError for a word that is none of its list, or a price that is no number."""
    for field, value in values.items():
        allowed = KIND_WORDS.get(where) if field == "kind" else WORDS.get(field)
        if allowed and value not in allowed:
            raise InputError(f"{where}: `{field}` {value!r} is none of {', '.join(allowed)}")
        if field in PRICES:
            check_price(where, field, value)


def check_price(where: str, field: str, value: str) -> None:
    """InputError for text that is no price, or a tick that is not above 0."""
    try:
        nanos = price_nanos(value)
    except ValueError as error:
        raise InputError(f"{where}: `{field}`: {error}") from None
    if field == "tick" and nanos <= 0:
        raise InputError(f"{where}: `{field}` {value!r} must be above 0")


def check_key(kind: str, key: str) -> None:
    """InputError for a key that no record could hold."""
    most = KEY_BYTES[kind]
    if not 0 < len(key.encode()) <= most or any(not "!" <= letter <= "~" for letter in key):
        raise InputError(f"{kind}: key {key[:40]!r} must be 1 to {most} printable ASCII letters")
