"""The reference records that a configuration becomes, and what the engine makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from aggregates import kernel
from schemas.codes import InputType, OutputType
from schemas.errors import InputError
from schemas.wire import INPUTS, iter_inputs, iter_raw_outputs
from streams.config.load import load_config
from streams.config.records import config_hash, config_records, e9_from_bps
from streams.config.sections import EngineConfig
from streams.simulator.plain import PlainMarket
from streams.simulator.plain_config import PlainConfig

MS = 10**6
DATASET = PlainMarket(PlainConfig(venues=4, instruments=2)).reference()


def records(config: EngineConfig, dataset: bytes = DATASET) -> list[tuple[int, Any]]:
    """(type, record) of a configuration's records."""
    raw = config_records(config, dataset, stale_ms=1_000, horizon_ms=8_000)
    return [(kind, INPUTS[kind].unpack(record)) for kind, record in iter_inputs(raw)]


def settings(*assignments: str, stale_ms: int = 1_000, poll_ms: int = 0) -> Any:
    """The SETTINGS record of a configuration."""
    config = load_config(None, {}, assignments)
    raw = config_records(config, DATASET, stale_ms=stale_ms, horizon_ms=8_000, poll_ms=poll_ms)
    (found,) = [r for kind, r in iter_inputs(raw) if kind == InputType.SETTINGS]
    return INPUTS[InputType.SETTINGS].unpack(found)


def policies(config: EngineConfig) -> dict[int, Any]:
    """POLICY records by id."""
    return {r.policy: r for kind, r in records(config) if kind == InputType.POLICY}


def test_they_continue_the_datasets_own_stream() -> None:
    *_, (_, last) = [(k, INPUTS[k].unpack(raw)) for k, raw in iter_inputs(DATASET)]
    made = [record for _, record in records(EngineConfig())]
    assert [r.source_seq for r in made] == [last.source_seq + 1 + n for n in range(len(made))]
    assert {(r.source, r.log_ns) for r in made} == {(0, last.log_ns)}


@pytest.mark.parametrize("core", ["native", "reference"])
def test_the_engine_takes_all_of_them(core: str) -> None:
    engine = kernel.load(core)
    raw = DATASET + config_records(EngineConfig(), DATASET, stale_ms=1_000, horizon_ms=8_000)
    consumed, outputs = engine.step(raw)
    assert consumed == len(raw)
    refused = [kind for kind, _ in iter_raw_outputs(outputs) if kind == OutputType.REFUSAL]
    assert refused == []


def test_policies_have_their_ids_and_take_the_datasets_times() -> None:
    made = policies(EngineConfig())
    assert [made[i].name.rstrip(b"\0") for i in (1, 2, 3, 4)] == [
        b"best_price",
        b"lowest_cost",
        b"fastest",
        b"preferred",
    ]
    assert {p.stale_ns for p in made.values()} == {1_000 * 10**6}
    assert {p.horizon_ns for p in made.values()} == {8_000 * 10**6}
    assert {p.retry_ns for p in made.values()} == {400 * 10**6}, "20 attempts over the horizon"
    assert (made[1].fee_aware, made[2].fee_aware) == (0, 1)


def test_a_policy_may_have_its_own_times() -> None:
    settings = (
        "policies.fastest.stale_ms=5",
        "policies.fastest.horizon_ms=600",
        "policies.fastest.retry_ms=7",
    )
    fastest = policies(load_config(None, {}, settings))[3]
    times = (fastest.stale_ns, fastest.horizon_ns, fastest.retry_ns)
    assert times == (5 * 10**6, 600 * 10**6, 7 * 10**6)


def test_preferred_venues_are_ranked_by_key() -> None:
    config = load_config(None, {}, ('policies.preferred.preferred=["XCHI", "XNYS"]',))
    assert policies(config)[4].preferred[:4] == bytes([2, 0, 1, 0])
    wrong = load_config(None, {}, ('policies.preferred.preferred=["XXXX"]',))
    with pytest.raises(InputError, match=r"policies.preferred.preferred.*no venue 'XXXX'"):
        records(wrong)


def test_an_unknown_default_policy_is_named() -> None:
    with pytest.raises(InputError, match=r"orders.default_policy.*best_price, lowest_cost"):
        records(load_config(None, {}, ("orders.default_policy=cheapest",)))


def test_only_a_policy_that_says_so_goes_to_degraded_venues() -> None:
    made = policies(load_config(None, {}, ("policies.fastest.allow_degraded=true",)))
    assert {i: made[i].allow_degraded for i in made} == {1: 0, 2: 0, 3: 1, 4: 0, 5: 0}


def test_settings_have_their_defaults_in_ns() -> None:
    made = settings()
    horizons = [getattr(made, f"horizon_{n}_ns") for n in (1, 2, 3, 4)]
    assert horizons == [50 * MS, 1_000 * MS, 15_000 * MS, 60_000 * MS]
    assert made.cost_half_life_ns == made.impact_half_life_ns == 600_000 * MS
    assert (made.control_ns, made.health_ns) == (10_000 * MS, 1_000 * MS)
    assert (made.stale_multiple, made.near_ticks) == (20, 5)
    assert (made.reject_burst, made.timeout_burst) == (3, 2)
    assert (made.clean_run, made.clean_run_max) == (10, 160)
    assert made.fee_tolerance_nanos == 10_000_000, "a cent"


def test_settings_that_nobody_gave_follow_from_the_dataset() -> None:
    made = settings(stale_ms=30_000, poll_ms=3_700)
    assert (made.stale_floor_ns, made.mid_age_ns) == (30_000 * MS, 60_000 * MS)
    assert made.resolution_ns == 3_700 * MS
    assert settings().resolution_ns == 0, "what is not polled has no interval"
    assert settings(stale_ms=0).mid_age_ns == 10_000 * MS
    own = ("markouts.resolution_ms=7", "markouts.mid_age_ms=8", "health.stale_floor_ms=9")
    made = settings(*own, stale_ms=30_000, poll_ms=3_700)
    times = (made.resolution_ns, made.mid_age_ns, made.stale_floor_ns)
    assert times == (7 * MS, 8 * MS, 9 * MS)


def test_limits_are_in_units_of_each_instrument() -> None:
    made = [r for kind, r in records(EngineConfig()) if kind == InputType.LIMITS]
    assert [r.instrument for r in made] == [0, 1]
    assert made[0].collar_e9 == 50_000_000
    assert made[0].max_order_units == 10_000_000


def test_venues_are_made_the_benchmark_only_where_none_is_protected() -> None:
    venues = [r for kind, r in records(EngineConfig()) if kind == InputType.VENUE]
    assert venues == [], "the plain market has protected venues"
    bare = bytearray()
    for kind, raw in iter_inputs(DATASET):
        record = INPUTS[kind].unpack(raw)
        if kind == InputType.VENUE:
            record = record._replace(is_protected=0)
        bare += INPUTS[kind].struct.pack(*record)
    made = [r for kind, r in records(EngineConfig(), bytes(bare)) if kind == InputType.VENUE]
    assert [(r.venue, r.is_protected) for r in made] == [(0, 1), (1, 1), (2, 1), (3, 1)]


def test_equal_configurations_have_equal_hashes() -> None:
    def hashed(*settings: str) -> str:
        config = load_config(None, {}, settings)
        return config_hash([config_records(config, DATASET, stale_ms=1, horizon_ms=2)])

    assert hashed() == hashed("quality.publish_s=60") != hashed("quality.publish_s=61")


def test_basis_points() -> None:
    assert e9_from_bps(500.0) == 50_000_000
    assert e9_from_bps(0.01) == 1_000
