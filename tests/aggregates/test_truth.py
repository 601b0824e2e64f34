"""Estimates find a known truth, their intervals cover it, and a switch of truth is seen in time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from math import exp, sqrt

import pytest

from aggregates.decay import quantum_ns
from aggregates.moments import Moments
from aggregates.publish import _time_weighted
from aggregates.quality import Row, advance, observe_change, observe_delay
from aggregates.settings import DEFAULT_SETTINGS, read_settings
from schemas.codes import HealthState, Liquidity
from tests.aggregates.truth import Market, Truth
from tests.builders import MS, S

Draw = Callable[[random.Random], Iterator[float]]
"""Endless values whose mean is 0.7."""
MEAN = 0.7
SEEDS = range(60)


def coin(rng: random.Random) -> Iterator[float]:
    """Fills and misses."""
    while True:
        yield float(rng.random() < MEAN)


def latency(rng: random.Random) -> Iterator[float]:
    """Skewed to the right, as latencies are."""
    while True:
        yield rng.expovariate(1.0 / MEAN)


def lognormal(rng: random.Random) -> Iterator[float]:
    """More skewed."""
    while True:
        yield MEAN * exp(rng.gauss(0, 0.5) - 0.125)


def flow(rng: random.Random, correlation: float = 0.1) -> Iterator[float]:
    """Each value leans on the one before."""
    value = rng.gauss(0, 1)
    while True:
        yield MEAN + value
        value = correlation * value + sqrt(1 - correlation**2) * rng.gauss(0, 1)


def coverage(draw: Draw, half_life_ns: int = 60 * S, seeds: range = SEEDS) -> tuple[float, int]:
    """Share of 95 % intervals that hold the truth, taken eight half-lives apart; how many."""
    held = taken = 0
    quantum = quantum_ns(half_life_ns)
    for seed in seeds:
        rng, moments, now_ns = random.Random(seed), Moments(), 0
        values = draw(rng)
        for count in range(1, 36 * 480 + 1):
            now_ns += int(rng.expovariate(1.0) * S)
            moments.observe(next(values), now_ns, quantum)
            if count % 480 == 0:
                taken += 1
                held += abs(moments.mean() - MEAN) <= 1.96 * moments.error(now_ns, quantum)
    return held / taken, taken


@pytest.mark.parametrize("draw", [coin, latency, lognormal])
def test_intervals_of_independent_events(draw: Draw) -> None:
    share, taken = coverage(draw)
    assert taken >= 2000
    assert 0.93 <= share <= 0.97, f"{share:.4f} of {taken}"


@pytest.mark.parametrize("correlation", [0.1, 0.3, 0.5])
def test_intervals_of_autocorrelated_events(correlation: float) -> None:
    share, taken = coverage(lambda rng: flow(rng, correlation), seeds=range(30))
    print(f"lag-1 correlation {correlation}: {share:.4f} of {taken} intervals hold the truth")
    assert taken >= 1000
    assert share >= 0.90, f"{share:.4f} of {taken}"


def time_coverage(seeds: range, correlation: float, repeats: int) -> tuple[float, int]:
    """Like `coverage`, of displayed sizes that stand for a random time, mean 500."""
    settings = read_settings(DEFAULT_SETTINGS)
    held = taken = 0
    for seed in seeds:
        rng, row, now_ns = random.Random(seed), Row(), 1
        lean = [0.0, 0.0]
        for count in range(1, 36 * 480 + 1):
            before = row.bid_nanos[0], row.bid_units[0], row.ask_nanos[0], row.ask_units[0]
            for side, sizes in enumerate((row.bid_units, row.ask_units)):
                fresh = sqrt(1 - correlation**2) * rng.gauss(0, 1)
                lean[side] = correlation * lean[side] + fresh
                sizes[0] = round(500 + 80 * lean[side])
            observe_change(row, before)
            for _ in range(repeats):
                now_ns += int(rng.expovariate(1.0) * S / repeats)
                advance(row, now_ns, False, False, settings)
            if count % 480 == 0:
                values = _time_weighted(row)
                for name in ("bid_units", "ask_units"):
                    taken += 1
                    held += abs(values[name] - 500) <= 1.96 * values[f"{name}_se"]
    return held / taken, taken


def test_intervals_of_sizes_that_stand_for_random_times() -> None:
    share, taken = time_coverage(range(30), 0.0, 1)
    assert taken >= 2000
    assert 0.93 <= share <= 0.97, f"{share:.4f} of {taken}"


@pytest.mark.parametrize("correlation", [0.3, 0.6])
def test_intervals_of_sizes_that_lean_on_the_last_one(correlation: float) -> None:
    share, taken = time_coverage(range(30), correlation, 1)
    assert taken >= 2000
    print(f"lag-1 correlation {correlation}: {share:.4f} of {taken} intervals hold the truth")
    assert share >= 0.90, f"{share:.4f} of {taken}"


TRUTHS = [
    Truth(0.95, 1.0, 2 * MS, 0),
    Truth(0.60, 1.0, 5 * MS, 0),
    Truth(0.50, 0.4, MS, 0),
    Truth(0.90, 1.0, 2 * MS, 20),
    Truth(0.90, 1.0, 2 * MS, 20, Liquidity.ADD),
    Truth(0.90, 1.0, 2 * MS, 0, Liquidity.ADD),
]


def test_the_truth_is_found(core: str) -> None:
    market = Market(core, TRUTHS, seed=4, half_life_ns=3600 * S)
    market.play(250 * len(TRUTHS))
    for venue, truth in enumerate(TRUTHS):
        found, row, costs = market.venues[venue], market.rows[venue], market.executions[venue]
        near(found.fill_ratio, truth.fill_ratio, found.fill_ratio_se)
        near(row.ack_ns, truth.latency_ns, row.ack_ns_se)
        near(costs.first_fill_ns, truth.latency_ns, costs.first_fill_ns_se)
        median_ns = 0.6931 * truth.latency_ns
        assert 0.75 * median_ns < found.ack_p50_ns < 1.3 * median_ns
        passive = truth.liquidity == Liquidity.ADD
        name = "adverse_2_bps" if passive else "impact_2_bps"
        near(getattr(costs, name), truth.toxicity_ticks, getattr(costs, f"{name}_se"))
        other = "impact_2_bps" if passive else "adverse_2_bps"
        assert getattr(costs, f"{other}_n") == 0.0
    assert market.executions[2].available_6 == pytest.approx(0.5, abs=0.12)
    assert market.executions[2].available_5 == 1.0


def near(found: float, truth: float, error: float) -> None:
    """Within four standard errors, which are small enough to tell venues apart."""
    assert abs(found - truth) <= 4 * error + 1e-9, f"{found} is {truth} +- {error}"
    assert error <= 0.15 * truth or error < 0.5


def test_a_switch_of_truth_is_seen_within_two_half_lives(core: str) -> None:
    """Fills, latency and toxicity of one venue of two turn bad; the other one's stay."""
    half_life_ns = 20 * S
    market = Market(core, [Truth(0.95, 1.0, 2 * MS, 0), TRUTHS[0]], 7, half_life_ns)
    market.play(400)
    before, still = market.venues[0], market.venues[1]
    market.truths[0] = Truth(0.30, 1.0, 10 * MS, 20)
    market.play(2 * half_life_ns // (400 * MS))
    after, row, costs = market.venues[0], market.rows[0], market.executions[0]
    assert before.fill_ratio - after.fill_ratio > 0.6 * (0.95 - 0.30)
    assert before.fill_ratio > after.fill_ratio + 1.96 * after.fill_ratio_se
    assert row.ack_ns > 2 * MS + 0.6 * 8 * MS - 1.96 * row.ack_ns_se
    assert costs.impact_1_bps > 0.3 * 20
    assert abs(market.venues[1].fill_ratio - still.fill_ratio) < 0.2
    assert after.health == HealthState.UP


def test_the_ninety_in_a_hundred_delay_is_found() -> None:
    """Within a fifth, after as many ticks as a venue sends in minutes."""
    settings = read_settings(DEFAULT_SETTINGS)
    for seed in range(8):
        rng, row = random.Random(seed), Row()
        for index in range(6000):
            observe_delay(row, index, int(rng.expovariate(1.0 / (3 * MS))), settings)
        assert row.delay_p90_ns == pytest.approx(2.3026 * 3 * MS, rel=0.2)
