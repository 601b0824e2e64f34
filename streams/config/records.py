"""The reference records that a configuration becomes; they follow a dataset's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from aggregates.kernel import GENERATION
from schemas import reference
from schemas.codes import Crossed, InputType, PolicyKind, Protection
from schemas.envelope import HEADER
from schemas.errors import InputError
from schemas.layout import Layout
from schemas.units import (
    E9,
    INSTRUMENT_NONE,
    MAX_UNITS,
    MAX_VENUES,
    NS_PER_MS,
    NS_PER_S,
    VENUE_NONE,
)
from schemas.wire import iter_inputs, text
from streams.config.openings import opening_records
from streams.config.sections import EngineConfig, Health, Markouts, Policy

POLICIES: dict[str, PolicyKind] = {kind.name.lower(): kind for kind in PolicyKind}
"""Policy name -> kind; the kind's number is the policy's id."""

MID_AGES = 2
"""A mid is too old to settle on after so many times the dataset's `stale_ms`."""

DEFAULT_MID_AGE_MS = 10_000
VENUE_TYPE = InputType.VENUE
_IN_HEADER = {name for name, _ in HEADER.fields}
INSTRUMENT_TERMS = [name for name, _ in reference.INSTRUMENT.fields if name not in _IN_HEADER]


class Stream:
    """Records of source 0 that continue a dense source_seq."""

    def __init__(self, source_seq: int, log_ns: int) -> None:
        self.source_seq, self.log_ns = source_seq, log_ns
        self.records: list[bytes] = []

    def add(
        self,
        layout: Layout,
        kind: InputType,
        instrument: int = INSTRUMENT_NONE,
        /,
        **values: object,
    ) -> None:
        """Append one record with the next source_seq."""
        self.records.append(
            layout.pack(
                type=int(kind),
                venue=VENUE_NONE,
                instrument=instrument,
                source_seq=self.source_seq,
                log_ns=self.log_ns,
                **values,
            )
        )
        self.source_seq += 1


def config_records(
    config: EngineConfig,
    dataset_records: bytes,
    *,
    stale_ms: int,
    horizon_ms: int,
    poll_ms: int = 0,
) -> bytes:
    """INSTRUMENT (its policy), POLICY, LIMITS, SETTINGS and ENGINE records of a configuration, and
    INVENTORY records of what accounts hold at the opening, from a source of their own.

    `dataset_records` are the source 0 records before them; the dataset's `stale_ms`, `horizon_ms`
    and `poll_ms` (0 = not polled) stand in where the configuration says 0. InputError for a
    venue, instrument or policy name that does not exist.
    """
    last = HEADER.unpack(_last(dataset_records))
    stream = Stream(last.source_seq + 1, last.log_ns)
    venues = venue_ids(dataset_records)
    for name, kind in POLICIES.items():
        policy: Policy = getattr(config.policies, name)
        _add_policy(stream, name, kind, policy, venues, (stale_ms, horizon_ms))
    instruments = [
        raw for kind, raw in iter_inputs(dataset_records) if kind == InputType.INSTRUMENT
    ]
    _add_instruments(stream, instruments, _policy_id(config.orders.default_policy))
    _add_benchmark(stream, dataset_records)
    _add_postings(stream, config)
    _add_limits(stream, config, instruments)
    _add_settings(stream, config, stale_ms, poll_ms)
    stream.add(reference.ENGINE, InputType.ENGINE, version_hash=GENERATION)
    return b"".join(stream.records) + opening_records(config, dataset_records, last.log_ns)


def config_hash(records: Iterable[bytes]) -> str:
    """SHA-256 over reference records: equal configurations have equal hashes."""
    return hashlib.sha256(b"".join(records)).hexdigest()


def venue_ids(reference_records: bytes) -> dict[str, int]:
    """Venue key -> dense id, from VENUE records."""
    found = {}
    for kind, raw in iter_inputs(reference_records):
        if kind == InputType.VENUE:
            record = reference.VENUE.unpack(raw)
            found[text(record.key)] = record.venue
    return found


def config_dict(config: EngineConfig) -> dict[str, object]:
    """A configuration as plain values, for a manifest."""
    plain: dict[str, object] = msgspec.to_builtins(config)
    return plain


def _last(records: bytes) -> bytes:
    *_, (_, raw) = iter_inputs(records)
    return raw


def _policy_id(name: str) -> int:
    if name not in POLICIES:
        raise InputError(f"`orders.default_policy` = {name!r}; use one of {', '.join(POLICIES)}")
    return int(POLICIES[name])


def _add_policy(
    stream: Stream,
    name: str,
    kind: PolicyKind,
    policy: Policy,
    venues: dict[str, int],
    from_dataset: tuple[int, int],
) -> None:
    stale_ms = policy.stale_ms or from_dataset[0]
    horizon_ms = policy.horizon_ms or from_dataset[1]
    retry_ms = policy.retry_ms or max(1, horizon_ms // policy.max_attempts)
    stream.add(
        reference.POLICY,
        InputType.POLICY,
        name=name.encode(),
        policy=int(kind),
        version=policy.version,
        kind=int(kind),
        split=policy.split,
        fee_aware=policy.fee_aware,
        max_levels=policy.max_levels,
        max_children=policy.max_children,
        max_attempts=policy.max_attempts,
        allow_degraded=policy.allow_degraded,
        tolerance_e9=e9_from_bps(policy.tolerance_bps),
        miss_penalty_e9=e9_from_bps(policy.miss_penalty_bps),
        stale_ns=stale_ms * NS_PER_MS,
        ack_timeout_ns=policy.ack_timeout_ms * NS_PER_MS,
        retry_ns=retry_ms * NS_PER_MS,
        horizon_ns=horizon_ms * NS_PER_MS,
        preferred=_ranks(name, policy.preferred, venues),
        **_charges(policy),
    )


def _charges(policy: Policy) -> dict[str, int]:
    """Fields of POLICY that most policies leave alone."""
    urgent = {
        f"urgency_miss_e9_{urgency}": e9_from_bps(bps)
        for urgency, bps in enumerate(policy.urgency_miss_bps, start=1)
    } | {
        f"urgency_horizon_ms_{urgency}": horizon_ms
        for urgency, horizon_ms in enumerate(policy.urgency_horizon_ms, start=1)
    }
    return urgent | {
        "protection": int(Protection[policy.protection.upper()]),
        "crossed": int(Crossed[policy.crossed.upper()]),
        "equalise_arrival": policy.equalise_arrival,
        "max_delay_us": policy.max_delay_us,
        "use_hidden": policy.use_hidden,
        "ticket_nanos": policy.ticket_nanos,
        "impact_horizon": policy.impact_horizon,
        "latency_e9": e9_from_bps(policy.latency_bps),
        "risk_e9": e9_from_bps(policy.risk_bps),
        "toxicity_e9": e9_from_bps(policy.toxicity_bps),
        "toxicity_horizon": policy.toxicity_horizon,
        "posting": sum(1 << urgency for urgency in set(policy.posting)),
        "dark_percent": policy.dark_percent,
        "dark_min_lots": policy.dark_min_lots,
        "dark_horizon": policy.dark_horizon,
        "dark_toxic_cbps": round(policy.dark_toxicity_bps * 100),
    }


def _ranks(name: str, preferred: Sequence[str], venues: dict[str, int]) -> bytes:
    ranks = bytearray(MAX_VENUES)
    for rank, key in enumerate(preferred, start=1):
        if key not in venues:
            known = ", ".join(sorted(venues))
            raise InputError(f"`policies.{name}.preferred`: no venue {key!r}; venues are {known}")
        ranks[venues[key]] = rank
    return bytes(ranks)


def _add_instruments(stream: Stream, instruments: list[bytes], policy_id: int) -> None:
    """The same instruments with the configured policy; each record carries the full new value."""
    for raw in instruments:
        record = reference.INSTRUMENT.unpack(raw)._replace(default_policy=policy_id)
        terms = {name: getattr(record, name) for name in INSTRUMENT_TERMS}
        stream.add(reference.INSTRUMENT, InputType.INSTRUMENT, record.instrument, **terms)


def _add_benchmark(stream: Stream, dataset_records: bytes) -> None:
    """Where no venue is protected by rule, all of them make the best that arrival is judged by."""
    venues = [reference.VENUE.unpack(r) for k, r in iter_inputs(dataset_records) if k == VENUE_TYPE]
    if any(venue.is_protected for venue in venues):
        return
    for venue in venues:
        header = {"source_seq": stream.source_seq, "log_ns": stream.log_ns, "is_protected": 1}
        record = venue._replace(**header)
        stream.records.append(reference.VENUE.struct.pack(*record))
        stream.source_seq += 1


def _add_limits(stream: Stream, config: EngineConfig, instruments: list[bytes]) -> None:
    for raw in instruments:
        record = reference.INSTRUMENT.unpack(raw)
        stream.add(
            reference.LIMITS,
            InputType.LIMITS,
            record.instrument,
            max_order_units=min(MAX_UNITS, config.limits.max_order_ones * record.units_per_one),
            max_notional_ones=config.limits.max_notional_ones,
            collar_e9=e9_from_bps(config.limits.collar_bps),
            status_requests=config.limits.status_requests,
            inventory=config.limits.inventory,
        )


def _add_postings(stream: Stream, config: EngineConfig) -> None:
    """How remainders rest, for each policy that lets some urgency rest."""
    rule = config.posting
    for name in POLICIES:
        policy: Policy = getattr(config.policies, name)
        if policy.posting:
            stream.add(
                reference.POSTING,
                InputType.POSTING,
                policy=_policy_id(name),
                enabled=1,
                max_urgency=max(policy.posting),
                horizon=rule.horizon,
                rest_ns=rule.rest_ms * NS_PER_MS,
                min_life_ns=rule.min_life_ms * NS_PER_MS,
                check_ns=rule.check_ms * NS_PER_MS,
                max_posts=rule.max_posts,
            )


def _add_settings(stream: Stream, config: EngineConfig, stale_ms: int, poll_ms: int) -> None:
    quality, orders = config.quality, config.orders
    stream.add(
        reference.SETTINGS,
        InputType.SETTINGS,
        liquidity_half_life_ns=quality.liquidity_half_life_s * NS_PER_S,
        speed_half_life_ns=quality.speed_half_life_s * NS_PER_S,
        fill_half_life_ns=quality.fill_half_life_s * NS_PER_S,
        publish_ns=quality.publish_s * NS_PER_S,
        identity_window_ns=orders.identity_window_s * NS_PER_S,
        linger_ns=orders.linger_s * NS_PER_S,
        fill_prior_e9=round(quality.fill_prior * E9),
        fill_prior_dark_e9=round(quality.fill_prior_dark * E9),
        fill_prior_wholesaler_e9=round(quality.fill_prior_wholesaler * E9),
        fill_prior_weight_e9=round(quality.fill_prior_weight * E9),
        ack_prior_weight_e9=round(quality.ack_prior_weight * E9),
        cost_half_life_ns=quality.cost_half_life_s * NS_PER_S,
        impact_half_life_ns=quality.impact_half_life_s * NS_PER_S,
        near_ticks=quality.near_ticks,
        open_window_ns=quality.open_window_s * NS_PER_S,
        open_half_life_days=quality.open_half_life_days,
        conflate_ms=quality.conflate_ms,
        fee_tolerance_nanos=quality.fee_tolerance_nanos,
        **_markout_terms(config.markouts, stale_ms, poll_ms),
        **_health_terms(config.health, stale_ms),
    )


def _markout_terms(markouts: Markouts, stale_ms: int, poll_ms: int) -> dict[str, int]:
    """Fields of SETTINGS; what nobody set follows from the dataset."""
    horizons = {
        f"horizon_{number}_ns": horizon_ms * NS_PER_MS
        for number, horizon_ms in enumerate(markouts.horizons_ms, start=1)
    }
    mid_age_ms = markouts.mid_age_ms or MID_AGES * stale_ms or DEFAULT_MID_AGE_MS
    return horizons | {
        "resolution_ns": (markouts.resolution_ms or poll_ms) * NS_PER_MS,
        "mid_age_ns": mid_age_ms * NS_PER_MS,
        "control_ns": markouts.control_s * NS_PER_S,
        "mid_crossed_e9": markouts.mid_crossed_bps * E9 // 10_000,
    }


def _health_terms(health: Health, stale_ms: int) -> dict[str, int]:
    return {
        "health_ns": health.check_ms * NS_PER_MS,
        "stale_floor_ns": (health.stale_floor_ms or stale_ms) * NS_PER_MS,
        "stale_multiple": health.stale_multiple,
        "reject_burst": health.reject_burst,
        "timeout_burst": health.timeout_burst,
        "clean_run": health.clean_run,
        "clean_run_max": health.clean_run_max,
        "probes_per_minute": health.probes_per_minute,
        "probe_children": health.probe_children,
    }


def e9_from_bps(bps: float) -> int:
    """A fraction in 1e-9 from basis points."""
    return round(bps * (E9 // 10_000))
