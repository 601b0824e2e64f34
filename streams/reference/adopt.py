"""Terms of what a log was begun with, so that a store can govern it from then on.

A run starts with the reference data of its gateway and its configuration. What of it a store does
not know is adopted: the terms are read out of the records, and are in force from the start. Fee
lines of one account or one instrument are not among terms; they stay as the log has them. A venue
whose fees or ticks differ by instrument is adopted with those of the first instrument that it
lists; the others keep theirs until somebody changes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from aggregates.reference.terms import ACK_PRIOR_US
from schemas.codes import (
    Crossed,
    InputType,
    Liquidity,
    PolicyKind,
    Protection,
    SelfMatch,
    VenueKind,
)
from schemas.errors import InputError
from schemas.units import E9, INSTRUMENT_NONE, NS_PER_MS, NS_PER_US, decimal_text
from schemas.wire import INPUTS, code_name, text
from streams.reference.records import RATE_PER_BPS
from streams.reference.rules import RATES, SAME, TIMES
from streams.reference.service import ReferenceService

Values = dict[str, Any]
Found = tuple[str, str, Values, int]
"""Kind, key, terms, and how often they were put in force."""

ACTOR, REASON = "the log", "in force since the log began"
SWITCHES = frozenset({"split", "fee_aware", "allow_degraded", "equalise_arrival", "use_hidden"})


MORE = ("liquidity", "tier", "policy", "account")
"""Fields that tell records of one kind and place apart."""


class Inventory:
    """The newest reference record of each thing."""

    def __init__(self) -> None:
        self.last: dict[tuple[Any, ...], Any] = {}

    def fold(self, kind: int, raw: bytes) -> None:
        """Takes a record of the log."""
        if kind not in INPUTS or kind == InputType.KILL:
            return
        record = INPUTS[kind].unpack(raw)
        more = tuple(getattr(record, name, 0) for name in MORE)
        self.last[kind, record.instrument, record.venue, *more] = record

    def of(self, kind: InputType) -> list[Any]:
        """Records of one kind in the order in which they were first seen."""
        return [record for key, record in self.last.items() if key[0] == kind]

    def items(self) -> Iterator[Found]:
        """Everything that can be governed."""
        venues = {venue.venue: text(venue.key) for venue in self.of(InputType.VENUE)}
        keys = {found.instrument: text(found.key) for found in self.of(InputType.INSTRUMENT)}
        for found in self.of(InputType.INSTRUMENT):
            yield "instrument", text(found.key), instrument_terms(found), 1
        for venue in self.of(InputType.VENUE):
            yield "venue", text(venue.key), self.venue_terms(venue, keys), 1
        rests = {rest.policy: rest for rest in self.of(InputType.POSTING) if rest.enabled}
        for policy in self.of(InputType.POLICY):
            if not policy.ended:
                terms = policy_terms(policy, venues, rests.get(policy.policy))
                yield "policy", text(policy.name), terms, policy.version
        for limits in self.of(InputType.LIMITS):
            yield "limits", keys[limits.instrument], limits_terms(limits), 1
        for account in self.of(InputType.ACCOUNT):
            yield "account", text(account.account), account_terms(account, venues), 1

    def venue_terms(self, venue: Any, keys: dict[int, str]) -> Values:
        """Terms of a venue with what it lists and charges."""
        listings = [found for found in self.of(InputType.LISTING) if found.venue == venue.venue]
        classes = {ack_us: name for name, ack_us in ACK_PRIOR_US.items()}
        ack_us = max(1, venue.ack_prior_ns // NS_PER_US)
        terms: Values = {
            "name": text(venue.name) or text(venue.key),
            "mic": text(venue.mic) or None,
            "kind": code_name(VenueKind, venue.kind),
            "is_protected": bool(venue.is_protected),
            "modelled": bool(venue.modelled),
            "ack_prior_us": None if ack_us in classes else ack_us,
            "latency_class": classes.get(ack_us, "regional"),
        }
        if not listings:
            return terms
        listed = [keys[found.instrument] for found in listings if found.instrument in keys]
        first = listings[0]
        return terms | {
            "tick": decimal_text(first.tick_nanos),
            "lot_units": first.lot_units,
            "min_units": first.min_units,
            "ticket": decimal_text(first.ticket_nanos),
            "instruments": [] if len(listed) == len(keys) else listed,
            "fees": [fee_terms(fee, self.tiers(venue, fee.liquidity)) for fee in self.fees(first)],
            "fee_tier": self.reached(venue),
        }

    def fees(self, listing: Any) -> list[Any]:
        """FEE records of a listing."""
        place = (listing.instrument, listing.venue)
        plain = [f for f in self.of(InputType.FEE) if (f.instrument, f.venue) == place]
        known = {fee.liquidity for fee in plain}
        return plain + [f for f in self.lines(listing.venue, 0) if f.liquidity not in known]

    def lines(self, venue: int, tier: int | None = None) -> list[Any]:
        """FEE_TIER records of everybody and all instruments at a venue, lowest tier first."""
        found = [f for f in self.of(InputType.FEE_TIER) if f.venue == venue and is_general(f)]
        return sorted((f for f in found if tier in (None, f.tier)), key=lambda f: int(f.tier))

    def tiers(self, venue: Any, liquidity: int) -> list[Any]:
        """The lines of a liquidity code above the first."""
        return [f for f in self.lines(venue.venue) if f.liquidity == liquidity and f.tier]

    def reached(self, venue: Any) -> int:
        """The tier that everybody's BILLING record names."""
        found = [b for b in self.of(InputType.BILLING) if b.venue == venue.venue]
        named = [b.prior_tier for b in found if not text(b.account)]
        return int(named[-1]) if named else 0


def is_general(line: Any) -> bool:
    """Whether a fee line is everybody's, for all instruments."""
    return line.instrument == INSTRUMENT_NONE and not text(line.account)


def fee_terms(fee: Any, tiers: list[Any]) -> Values:
    """Terms of a fee."""
    return {
        "liquidity": code_name(Liquidity, fee.liquidity),
        **charge_terms(fee),
        "tiers": [{"volume": line.volume, **charge_terms(line)} for line in tiers],
    }


def charge_terms(line: Any) -> Values:
    """Terms of what a line charges."""
    return {
        "per_one": decimal_text(line.fixed_nanos),
        "rate_bps": line.rate_e9 / RATE_PER_BPS,
    }


def instrument_terms(found: Any) -> Values:
    """Terms of an instrument."""
    same = ("units_per_one", "round_lot_units", "asset_class", "default_policy")
    terms = {name: getattr(found, name) for name in same}
    quoted = {"quote_ccy": text(found.quote_ccy) or "NONE"}
    return {**terms, **quoted, "tick": decimal_text(found.tick_nanos)}


def policy_terms(policy: Any, venues: dict[int, str], rest: Any | None) -> Values:
    """Terms of a policy."""
    ranked = sorted((rank, venue) for venue, rank in enumerate(policy.preferred) if rank)
    terms = {name: getattr(policy, name) for name in SAME}
    return {
        **{name: bool(v) if name in SWITCHES else v for name, v in terms.items()},
        **{f"{name}_ms": getattr(policy, f"{name}_ns") // NS_PER_MS for name in TIMES},
        **{f"{name}_bps": bps(getattr(policy, f"{name}_e9")) for name in RATES},
        "policy": policy.policy,
        "kind": code_name(PolicyKind, policy.kind),
        "preferred": [venues[venue] for _, venue in ranked],
        "protection": code_name(Protection, policy.protection),
        "crossed": code_name(Crossed, policy.crossed),
        "ticket": decimal_text(policy.ticket_nanos),
        "dark_toxicity_bps": policy.dark_toxic_cbps / 100,
        "posting": [urgency for urgency in range(4) if policy.posting >> urgency & 1],
        "urgency_miss_bps": [bps(getattr(policy, f"urgency_miss_e9_{u}")) for u in (1, 2, 3)],
        "urgency_horizon_ms": [getattr(policy, f"urgency_horizon_ms_{u}") for u in (1, 2, 3)],
        "rest": None if rest is None else rest_terms(rest),
    }


def rest_terms(rest: Any) -> Values:
    """Terms of how remainders rest."""
    times = {f"{name}_ms": getattr(rest, f"{name}_ns") for name in ("rest", "min_life", "check")}
    same = {name: getattr(rest, name) for name in ("max_urgency", "horizon", "max_posts")}
    return same | {name: max(1, value // NS_PER_MS) for name, value in times.items()}


def limits_terms(limits: Any) -> Values:
    """Terms of limits."""
    same = ("max_order_units", "max_notional_ones", "status_requests", "max_reports")
    return {
        **{name: getattr(limits, name) for name in same},
        "collar_bps": bps(limits.collar_e9),
        "restricted": bool(limits.restricted),
        "short_restricted": bool(limits.short_restricted),
        "self_match": code_name(SelfMatch, limits.self_match),
        "duplicate_ms": limits.duplicate_ns // NS_PER_MS,
        "inventory": bool(limits.inventory),
    }


def account_terms(account: Any, venues: dict[int, str]) -> Values:
    """Terms of an account; the log does not say whose it is."""
    permitted = [key for venue, key in venues.items() if account.venues_permitted >> venue & 1]
    same = ("max_gross_ones", "max_net_ones", "rate_max", "throttle_max")
    return {
        **{name: getattr(account, name) for name in same},
        "client": text(account.account),
        "venues": permitted,
        "rate_ms": account.rate_ns // NS_PER_MS,
        "throttle_ms": account.throttle_ns // NS_PER_MS,
    }


def bps(fraction_e9: int) -> float:
    """Basis points of a fraction in 1e-9."""
    return fraction_e9 / (E9 // 10_000)


def adopt(service: ReferenceService, found: Iterable[Found]) -> tuple[list[str], list[str]]:
    """Adopts what the store does not know: what it was, and what has no valid terms."""
    known = {(item.kind, item.key) for item in service.items()}
    done: list[str] = []
    left: list[str] = []
    for kind, key, terms, revision in found:
        if (kind, key) in known:
            continue
        try:
            service.adopt(kind, key, terms, revision, ACTOR, REASON)
            done.append(f"{kind} {key}")
        except InputError as error:
            left.append(str(error))
    return done, left
