"""How quality decays, when it is published, what counts as sick: the SETTINGS input in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aggregates.decay import quantum_ns
from schemas import reference
from schemas.codes import VenueKind
from schemas.units import E9, MAX_UNITS

MAX_DURATION_NS = 2**55
MIN_HALF_LIFE_NS = 1024
MAX_RUN = 1_000_000
MAX_NEAR_TICKS = 1000
MAX_PROBES = 600
"""A minute and venue."""
MAX_DAYS = 1000
DAY_NS = 86_400 * E9

DEFAULT_SETTINGS = reference.SETTINGS.pack(
    type=54,
    liquidity_half_life_ns=60 * E9,
    speed_half_life_ns=60 * E9,
    fill_half_life_ns=600 * E9,
    publish_ns=0,
    cost_half_life_ns=600 * E9,
    impact_half_life_ns=600 * E9,
    horizon_1_ns=50 * 10**6,
    horizon_2_ns=E9,
    horizon_3_ns=15 * E9,
    horizon_4_ns=60 * E9,
    mid_age_ns=10 * E9,
    stale_floor_ns=5 * E9,
    fee_tolerance_nanos=10**7,
    stale_multiple=20,
    reject_burst=3,
    timeout_burst=2,
    clean_run=10,
    clean_run_max=160,
    near_ticks=5,
    identity_window_ns=86_400 * E9,
    linger_ns=60 * E9,
    fill_prior_e9=900_000_000,
    fill_prior_weight_e9=4 * E9,
    ack_prior_weight_e9=4 * E9,
    open_window_ns=1800 * E9,
    open_half_life_days=5,
)
"""In force until a SETTINGS input arrives."""


@dataclass(slots=True)
class Settings:
    """How quality decays and how long things are kept; quanta are precomputed."""

    raw: bytes
    liquidity_quantum_ns: int
    speed_quantum_ns: int
    fill_quantum_ns: int
    cost_quantum_ns: int
    impact_quantum_ns: int
    publish_ns: int
    identity_window_ns: int
    linger_ns: int
    fill_priors: dict[int, float]
    fill_prior_weight: float
    ack_prior_weight: float
    speed_half_life_ns: int
    horizons_ns: tuple[int, int, int, int]
    resolution_ns: int
    mid_age_ns: int
    control_ns: int
    health_ns: int
    stale_floor_ns: int
    fee_tolerance_nanos: int
    stale_multiple: int
    reject_burst: int
    timeout_burst: int
    clean_run: int
    clean_run_max: int
    near_ticks: int
    mid_crossed_e9: int
    probes_per_minute: int
    probe_children: int
    open_window_ns: int
    open_quantum_ns: int


def read_settings(raw: bytes) -> Settings:
    """Settings of a validated record."""
    record = reference.SETTINGS.unpack(raw)
    return Settings(
        raw,
        quantum_ns(record.liquidity_half_life_ns),
        quantum_ns(record.speed_half_life_ns),
        quantum_ns(record.fill_half_life_ns),
        quantum_ns(record.cost_half_life_ns),
        quantum_ns(record.impact_half_life_ns),
        record.publish_ns,
        record.identity_window_ns,
        record.linger_ns,
        _fill_priors(record),
        float(record.fill_prior_weight_e9) / float(E9),
        float(record.ack_prior_weight_e9) / float(E9),
        record.speed_half_life_ns,
        (record.horizon_1_ns, record.horizon_2_ns, record.horizon_3_ns, record.horizon_4_ns),
        record.resolution_ns,
        record.mid_age_ns,
        record.control_ns,
        record.health_ns,
        record.stale_floor_ns,
        record.fee_tolerance_nanos,
        record.stale_multiple,
        record.reject_burst,
        record.timeout_burst,
        record.clean_run,
        record.clean_run_max,
        record.near_ticks,
        record.mid_crossed_e9,
        record.probes_per_minute,
        record.probe_children,
        record.open_window_ns,
        open_quantum_ns(record.open_half_life_days),
    )


def open_quantum_ns(half_life_days: int) -> int:
    """Grid step of a half-life in days, in log time."""
    return quantum_ns(half_life_days * DAY_NS)


def _fill_priors(record: Any) -> dict[int, float]:
    """Filled share that is believed of a venue by its kind."""
    told = {
        VenueKind.LIT: record.fill_prior_e9,
        VenueKind.DARK: record.fill_prior_dark_e9 or record.fill_prior_e9,
        VenueKind.WHOLESALER: record.fill_prior_wholesaler_e9 or record.fill_prior_e9,
    }
    return {int(kind): float(prior) / float(E9) for kind, prior in told.items()}


def settings_are_valid(record: Any) -> bool:
    """Whether a SETTINGS record's numbers can be believed."""
    half_lives = (
        record.liquidity_half_life_ns,
        record.speed_half_life_ns,
        record.fill_half_life_ns,
        record.cost_half_life_ns,
        record.impact_half_life_ns,
    )
    durations = (
        record.publish_ns,
        record.identity_window_ns,
        record.linger_ns,
        record.resolution_ns,
        record.mid_age_ns,
        record.control_ns,
        record.health_ns,
        record.stale_floor_ns,
        record.open_window_ns,
    )
    weights = (record.fill_prior_weight_e9, record.ack_prior_weight_e9)
    runs = (
        record.stale_multiple,
        record.reject_burst,
        record.timeout_burst,
        record.clean_run,
        record.clean_run_max,
        record.near_ticks,
    )
    return (
        all(MIN_HALF_LIFE_NS <= value <= MAX_DURATION_NS for value in half_lives)
        and all(0 <= value <= MAX_DURATION_NS for value in durations)
        and 0 <= record.fill_prior_e9 <= E9
        and max(record.fill_prior_dark_e9, record.fill_prior_wholesaler_e9) <= E9
        and all(1 <= value <= MAX_UNITS for value in weights)
        and all(1 <= value <= MAX_RUN for value in runs)
        and record.near_ticks <= MAX_NEAR_TICKS
        and record.probes_per_minute <= MAX_PROBES
        and record.probe_children <= MAX_RUN
        and record.open_half_life_days <= MAX_DAYS
        and record.mid_crossed_e9 <= E9
        and 0 <= record.fee_tolerance_nanos <= MAX_UNITS
        and _horizons_rise(record)
    )


def _horizons_rise(record: Any) -> bool:
    return bool(
        0
        < record.horizon_1_ns
        < record.horizon_2_ns
        < record.horizon_3_ns
        < record.horizon_4_ns
        <= MAX_DURATION_NS
    )
