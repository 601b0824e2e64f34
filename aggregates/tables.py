"""What reference inputs have told the engine, validated before it is believed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aggregates.evidence import HORIZONS
from aggregates.fees import LIQUIDITY_CODES, Fees
from aggregates.health import VenueQuality
from aggregates.policy import MAX_POLICIES, MAX_TICKET_NANOS
from aggregates.policy import is_valid as policy_is_valid
from aggregates.settings import (
    DEFAULT_SETTINGS,
    MAX_DURATION_NS,
    Settings,
    read_settings,
    settings_are_valid,
)
from schemas import reference
from schemas.codes import Reason, SelfMatch, VenueKind, VenueStatus
from schemas.units import E9, MAX_UNITS, MAX_VENUES

MAX_INSTRUMENTS = 65_536
MIN_REST_NS = 1000
MAX_POSTS = 1000
MAX_UNITS_PER_ONE = 10**10
MAX_NOTIONAL_ONES = 10**15
MAX_FEE_FIXED_NANOS = 10**12
NO_PRIOR = -1
"""All shards together know nothing of a venue's fills yet."""


@dataclass(slots=True)
class Venue:
    """A venue and its trading state; until `hold_until_ns` it wants to be left alone."""

    raw: bytes
    key: bytes
    is_protected: bool
    status: int
    ack_prior_ns: int
    kind: int
    killed: int = 0
    self_help: bool = False
    wide_fill_e9: int = NO_PRIOR
    wide_ack_ns: int = 0
    hold_until_ns: int = 0
    quality: VenueQuality = field(default_factory=VenueQuality)


@dataclass(slots=True)
class Tables:
    """Venues, policies and settings; instruments live with their books."""

    venues: list[Venue] = field(default_factory=list)
    rank_order: list[int] = field(default_factory=list)
    policies: dict[int, Any] = field(default_factory=dict)
    policies_raw: dict[int, bytes] = field(default_factory=dict)
    postings: dict[int, Any] = field(default_factory=dict)
    postings_raw: dict[int, bytes] = field(default_factory=dict)
    settings: Settings = field(default_factory=lambda: read_settings(DEFAULT_SETTINGS))
    fees: Fees = field(default_factory=Fees)

    def put_venue(self, venue: int, raw: bytes) -> Reason:
        """Defines or replaces dense venue `venue`; a new one must be the next id."""
        record = reference.VENUE.unpack(raw)
        if venue > len(self.venues):
            return Reason.UNKNOWN_VENUE
        if venue >= MAX_VENUES:
            return Reason.TABLE_FULL
        if not record.key.strip(b"\0") or not _is_status(record.status):
            return Reason.BAD_VALUE
        if not 0 <= record.ack_prior_ns <= MAX_DURATION_NS:
            return Reason.BAD_VALUE
        entry = Venue(
            raw,
            record.key,
            record.is_protected != 0,
            record.status,
            record.ack_prior_ns,
            record.kind,
        )
        if venue == len(self.venues):
            self.venues.append(entry)
        else:
            entry.status = self.venues[venue].status
            entry.killed = self.venues[venue].killed
            entry.self_help = self.venues[venue].self_help
            entry.wide_fill_e9 = self.venues[venue].wide_fill_e9
            entry.wide_ack_ns = self.venues[venue].wide_ack_ns
            entry.hold_until_ns = self.venues[venue].hold_until_ns
            entry.quality = self.venues[venue].quality
            self.venues[venue] = entry
        self.rank_order = sorted(range(len(self.venues)), key=self._rank_key)
        return Reason.NONE

    def fill_prior(self, venue: int) -> float:
        """Filled share believed of an untried venue: that of all shards, or that of its kind."""
        entry, priors = self.venues[venue], self.settings.fill_priors
        if entry.wide_fill_e9 != NO_PRIOR:
            return float(entry.wide_fill_e9) / float(E9)
        return priors.get(entry.kind, priors[VenueKind.LIT])

    def ack_prior_ns(self, venue: int) -> int:
        """Acknowledgement latency believed before any was seen: all shards', or its own terms'."""
        return self.venues[venue].wide_ack_ns or self.venues[venue].ack_prior_ns

    def put_prior(self, venue: int, record: Any) -> Reason:
        """What all shards have learned of a venue."""
        fill_is_valid = NO_PRIOR <= record.fill_ratio_e9 <= E9
        if not fill_is_valid or not 0 <= record.ack_ns <= MAX_DURATION_NS:
            return Reason.BAD_VALUE
        self.venues[venue].wide_fill_e9 = record.fill_ratio_e9
        self.venues[venue].wide_ack_ns = record.ack_ns
        return Reason.NONE

    def put_policy(self, raw: bytes) -> Reason:
        """Defines or replaces the policy named in the record."""
        policy = reference.POLICY.unpack(raw)
        if not policy_is_valid(policy):
            return Reason.BAD_VALUE
        self.policies[policy.policy] = policy
        self.policies_raw[policy.policy] = raw
        return Reason.NONE

    def put_posting(self, raw: bytes) -> Reason:
        """Defines or replaces how the remainders of a policy rest."""
        record = reference.POSTING.unpack(raw)
        if not _posting_is_valid(record):
            return Reason.BAD_VALUE
        self.postings[record.policy] = record
        self.postings_raw[record.policy] = raw
        return Reason.NONE

    def put_settings(self, raw: bytes) -> Reason:
        """Replaces the settings."""
        if not settings_are_valid(reference.SETTINGS.unpack(raw)):
            return Reason.BAD_VALUE
        self.settings = read_settings(raw)
        return Reason.NONE

    def _rank_key(self, venue: int) -> tuple[bytes, int]:
        return self.venues[venue].key, venue


def instrument_is_valid(record: Any) -> bool:
    """Whether an INSTRUMENT record's numbers can be believed."""
    return bool(
        record.key.strip(b"\0")
        and 1 <= record.units_per_one <= MAX_UNITS_PER_ONE
        and 1 <= record.tick_nanos <= MAX_UNITS
        and 1 <= record.round_lot_units <= MAX_UNITS
    )


def listing_is_valid(record: Any) -> bool:
    """Whether a LISTING record's numbers can be believed."""
    return bool(
        1 <= record.tick_nanos <= MAX_UNITS
        and 1 <= record.lot_units <= MAX_UNITS
        and 0 <= record.min_units <= MAX_UNITS
        and 0 <= record.ticket_nanos <= MAX_TICKET_NANOS
    )


def fee_is_valid(record: Any) -> bool:
    """Whether a FEE record's numbers can be believed."""
    return bool(
        record.liquidity < LIQUIDITY_CODES
        and -MAX_FEE_FIXED_NANOS <= record.fixed_nanos <= MAX_FEE_FIXED_NANOS
        and -E9 < record.rate_e9 < E9
    )


def limits_are_valid(record: Any) -> bool:
    """Whether a LIMITS record's numbers can be believed."""
    return bool(
        0 <= record.max_order_units <= MAX_UNITS
        and 0 <= record.max_notional_ones <= MAX_NOTIONAL_ONES
        and 1 <= record.collar_e9 < E9
        and record.restricted <= 1
        and record.short_restricted <= 1
        and record.self_match <= SelfMatch.CANCEL_BOTH
        and 0 <= record.duplicate_ns <= MAX_DURATION_NS
    )


def _posting_is_valid(record: Any) -> bool:
    durations = (record.rest_ns, record.min_life_ns, record.check_ns)
    return bool(
        1 <= record.policy <= MAX_POLICIES
        and record.enabled <= 1
        and record.improve == 0
        and 1 <= record.horizon <= HORIZONS
        and record.max_posts <= MAX_POSTS
        and all(MIN_REST_NS <= duration <= MAX_DURATION_NS for duration in durations)
    )


def _is_status(status: int) -> bool:
    return VenueStatus.OPEN <= status <= VenueStatus.DOWN
