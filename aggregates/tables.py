"""What reference inputs have told the engine, validated before it is believed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aggregates.decay import quantum_ns
from schemas import reference
from schemas.codes import PolicyKind, Reason, VenueStatus
from schemas.units import E9, MAX_LEVELS, MAX_UNITS, MAX_VENUES

MAX_INSTRUMENTS = 65_536
MAX_POLICIES = 255
LIQUIDITY_CODES = 6
MAX_DURATION_NS = 2**55
MAX_UNITS_PER_ONE = 10**10
MAX_NOTIONAL_ONES = 10**15
MAX_FEE_FIXED_NANOS = 10**12
MIN_HALF_LIFE_NS = 1024

DEFAULT_SETTINGS = reference.SETTINGS.pack(
    type=54,
    liquidity_half_life_ns=60 * E9,
    speed_half_life_ns=60 * E9,
    fill_half_life_ns=600 * E9,
    publish_ns=0,
    identity_window_ns=86_400 * E9,
    linger_ns=60 * E9,
    fill_prior_e9=900_000_000,
    fill_prior_weight_e9=4 * E9,
    ack_prior_weight_e9=4 * E9,
)
"""In force until a SETTINGS input arrives."""


@dataclass(slots=True)
class Venue:
    """A venue and its trading state."""

    raw: bytes
    key: bytes
    is_protected: bool
    status: int
    ack_prior_ns: int
    killed: bool = False


@dataclass(slots=True)
class Settings:
    """How quality decays and how long things are kept; quanta are precomputed."""

    raw: bytes
    liquidity_quantum_ns: int
    speed_quantum_ns: int
    fill_quantum_ns: int
    publish_ns: int
    identity_window_ns: int
    linger_ns: int
    fill_prior: float
    fill_prior_weight: float
    ack_prior_weight: float


@dataclass(slots=True)
class Tables:
    """Venues, policies and settings; instruments live with their books."""

    venues: list[Venue] = field(default_factory=list)
    rank_order: list[int] = field(default_factory=list)
    policies: dict[int, Any] = field(default_factory=dict)
    policies_raw: dict[int, bytes] = field(default_factory=dict)
    settings: Settings = field(default_factory=lambda: read_settings(DEFAULT_SETTINGS))

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
        entry = Venue(raw, record.key, record.is_protected != 0, record.status, record.ack_prior_ns)
        if venue == len(self.venues):
            self.venues.append(entry)
        else:
            entry.killed = self.venues[venue].killed
            self.venues[venue] = entry
        self.rank_order = sorted(range(len(self.venues)), key=self._rank_key)
        return Reason.NONE

    def put_policy(self, raw: bytes) -> Reason:
        """Defines or replaces the policy named in the record."""
        policy = reference.POLICY.unpack(raw)
        if not _policy_is_valid(policy):
            return Reason.BAD_VALUE
        self.policies[policy.policy] = policy
        self.policies_raw[policy.policy] = raw
        return Reason.NONE

    def put_settings(self, raw: bytes) -> Reason:
        """Replaces the settings."""
        if not _settings_are_valid(reference.SETTINGS.unpack(raw)):
            return Reason.BAD_VALUE
        self.settings = read_settings(raw)
        return Reason.NONE

    def _rank_key(self, venue: int) -> tuple[bytes, int]:
        return self.venues[venue].key, venue


def read_settings(raw: bytes) -> Settings:
    """Settings of a validated record."""
    record = reference.SETTINGS.unpack(raw)
    return Settings(
        raw,
        quantum_ns(record.liquidity_half_life_ns),
        quantum_ns(record.speed_half_life_ns),
        quantum_ns(record.fill_half_life_ns),
        record.publish_ns,
        record.identity_window_ns,
        record.linger_ns,
        float(record.fill_prior_e9) / float(E9),
        float(record.fill_prior_weight_e9) / float(E9),
        float(record.ack_prior_weight_e9) / float(E9),
    )


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
    )


def _is_status(status: int) -> bool:
    return VenueStatus.OPEN <= status <= VenueStatus.DOWN


def _policy_is_valid(policy: Any) -> bool:
    durations = (policy.stale_ns, policy.ack_timeout_ns, policy.retry_ns, policy.horizon_ns)
    return bool(
        1 <= policy.policy <= MAX_POLICIES
        and PolicyKind.BEST_PRICE <= policy.kind <= PolicyKind.PREFERRED
        and policy.split <= 1
        and policy.fee_aware <= 1
        and 1 <= policy.max_levels <= MAX_LEVELS
        and 1 <= policy.max_children <= MAX_VENUES
        and 1 <= policy.max_attempts <= 1000
        and 0 <= policy.tolerance_e9 <= E9
        and 0 <= policy.miss_penalty_e9 <= E9
        and all(1 <= duration <= MAX_DURATION_NS for duration in durations)
    )


def _settings_are_valid(record: Any) -> bool:
    half_lives = (
        record.liquidity_half_life_ns,
        record.speed_half_life_ns,
        record.fill_half_life_ns,
    )
    weights = (record.fill_prior_weight_e9, record.ack_prior_weight_e9)
    return (
        all(MIN_HALF_LIFE_NS <= value <= MAX_DURATION_NS for value in half_lives)
        and 0 <= record.publish_ns <= MAX_DURATION_NS
        and 0 <= record.identity_window_ns <= MAX_DURATION_NS
        and 0 <= record.linger_ns <= MAX_DURATION_NS
        and 0 <= record.fill_prior_e9 <= E9
        and all(1 <= value <= MAX_UNITS for value in weights)
    )
