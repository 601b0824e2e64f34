"""The routers that are compared, and one run of one of them in one market."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from aggregates import kernel
from schemas.codes import InputType, PolicyKind
from schemas.envelope import HEADER
from schemas.orders import NEW_ORDER
from schemas.reference import POLICY
from schemas.units import E9, NS_PER_MS, NS_PER_S
from schemas.wire import iter_inputs
from streams.config.records import config_records
from streams.config.sections import EngineConfig, Policies, Policy, Quality
from streams.evaluation.decisions import Seen
from streams.evaluation.parents import (
    ONE_TENTH,
    SMALL_TENTHS,
    TENTHS,
    URGENT,
    WARM_UP_NS,
    parent_orders,
)
from streams.evaluation.truth import TrueMarket
from streams.simulator.synthetic.drive import Drive, Watch, ignore, order_times
from streams.simulator.synthetic.market import RESULT, market_arguments, reference_stream
from streams.simulator.synthetic.terms import InstrumentTerms, Preset

HORIZON_MS = 800
RETRY_MS = 10
ATTEMPTS = 40
STALE_MS = 5_000
TOUCH_DEPTHS = 3
"""A usual consolidated touch, in depths of the instrument."""
FIRST_POLICY = 11
"""Policy of the first instrument; each has its own, since penalties are in its ticks, and another
for parents below a touch, which may be sent to dark pools."""

SPLITS = {
    "single best price": 0,
    "equal": 1,
    "pro rata": 2,
    "primary only": 3,
    "fee-blind sweep": 4,
    "re-routing fee-aware sweep": 5,
}
"""Baselines, all of them with the same latency, fees, horizon and re-routing."""
ORACLE_PENALTIES_E9 = (800_000, 1_600_000, 3_200_000, 6_400_000)
RANDOM_SPLIT = 7


class EngineArm(msgspec.Struct, frozen=True, kw_only=True):
    """Our router under a configuration. `frozen` keeps it from learning.

    `miss_ticks`: what missing one unit costs a parent of up to a touch, and a larger one, whose
    remainder pays for what its children give away. `prior_weight` in children. `dark_percent` of
    what a decision places may go to dark pools if its parent is below a touch; a miss costs such
    parents `dark_miss_ticks`; a pool after whose fills the mid moves by `dark_toxic_ticks` is left
    alone.
    """

    name: str = "ours"
    fee_aware: bool = True
    miss_ticks: tuple[float, float] = (0.5, 8.0)
    frozen: bool = False
    max_levels: int = 5
    fill_prior: float = 0.9
    prior_weight: float = 10.0
    fill_half_life_s: int = 10
    dark_percent: int = 0
    dark_prior: float = 0.7
    dark_miss_ticks: float = 0.25
    dark_toxic_ticks: float = 1.0

    def config(self) -> EngineConfig:
        """What the engine is told."""
        policy = Policy(
            fee_aware=self.fee_aware,
            max_levels=self.max_levels,
            max_children=64,
            max_attempts=ATTEMPTS,
            retry_ms=RETRY_MS,
            horizon_ms=HORIZON_MS,
            stale_ms=STALE_MS,
            ack_timeout_ms=200,
            allow_degraded=True,
        )
        quality = Quality(
            fill_prior=self.fill_prior,
            fill_prior_dark=self.dark_prior,
            fill_prior_weight=FROZEN_WEIGHT if self.frozen else self.prior_weight,
            fill_half_life_s=self.fill_half_life_s,
        )
        return EngineConfig(
            policies=Policies(best_price=policy, lowest_cost=policy, fastest=policy),
            quality=quality,
        )

    def penalties_e9(self, terms: InstrumentTerms, *, is_below: bool = False) -> tuple[int, int]:
        """The miss penalties of one instrument in 1e-9 of its price."""
        tick = float(terms.tick) / float(terms.price) * E9
        small, large = self.miss_ticks
        if is_below and self.dark_percent:
            small = self.dark_miss_ticks
        return round(small * tick), round(large * tick)

    def policy_records(self, preset: Preset, told: bytes) -> bytes:
        """Two `lowest_cost` POLICY by instrument, in the order of the reference data `told`."""
        policies = [raw for kind, raw in iter_inputs(told) if kind == InputType.POLICY]
        common = POLICY.unpack(policies[int(PolicyKind.LOWEST_COST) - 1])
        *_, (_, last) = iter_inputs(told)
        first_seq = HEADER.unpack(last).source_seq + 1
        records = []
        for at, (terms, is_below) in enumerate(
            (terms, is_below) for is_below in (False, True) for terms in preset.instruments
        ):
            small, large = self.penalties_e9(terms, is_below=is_below)
            own = {"policy": FIRST_POLICY + at, "source_seq": first_seq + at}
            own |= {"urgency_miss_e9_1": small, "urgency_miss_e9_3": large}
            own |= {"dark_percent": self.dark_percent * is_below}
            toxic = self.dark_toxic_ticks * float(terms.tick) / float(terms.price)
            own |= {"dark_toxic_cbps": round(toxic * HUNDREDTHS_OF_A_BP)}
            records.append(POLICY.pack(**common._replace(**own)._asdict()))
        return b"".join(records)


FROZEN_WEIGHT = 1e6
HUNDREDTHS_OF_A_BP = 1_000_000


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One market and the parents that go through it."""

    preset: Preset
    seed: int
    orders: int
    gap_ms: int = 150
    is_small: bool = False
    is_tenth: bool = False
    child_stream: int = 0

    def market(self) -> TrueMarket:
        """The market at its start, without orders."""
        return TrueMarket(*market_arguments(self.preset, self.seed, child_stream=self.child_stream))

    def parents(self) -> bytes:
        """The NEW_ORDER records of the block."""
        touch = [TOUCH_DEPTHS * terms.depth_units for terms in self.preset.instruments]
        if self.is_small:
            touch = [terms.depth_units // 2 for terms in self.preset.instruments]
        tenths = SMALL_TENTHS if self.is_small else ONE_TENTH if self.is_tenth else TENTHS
        gap_ns = self.gap_ms * NS_PER_MS
        return parent_orders(
            self.preset, touch, self.orders, gap_ns, self.seed, FIRST_POLICY, tenths
        )

    def penalty_of(self, arm: EngineArm) -> Callable[[Seen], float]:
        """Miss penalty of a decision as a fraction of the price, by its parent's urgency."""
        urgency = np.frombuffer(self.parents(), NEW_ORDER.dtype)["urgency"]
        penalties = [
            arm.penalties_e9(terms, is_below=is_below)
            for is_below in (False, True)
            for terms in self.preset.instruments
        ]

        def penalty(one: Seen) -> float:
            small, large = penalties[one.decision.policy - FIRST_POLICY]
            return (large if urgency[one.order - 1] == URGENT else small) / E9

        return penalty

    @property
    def end_ns(self) -> int:
        """When every parent has ended and was cleaned up after."""
        market = self.preset.market
        lasts = WARM_UP_NS + self.orders * self.gap_ms * NS_PER_MS + market.cleanup_ms * NS_PER_MS
        return market.start_ns + lasts + NS_PER_S


def reference_of(preset: Preset, arm: EngineArm) -> bytes:
    """Every reference record an engine needs in this market."""
    records = b"".join(reference_stream(preset).records)
    told = records + config_records(arm.config(), records, stale_ms=STALE_MS, horizon_ms=HORIZON_MS)
    return told + arm.policy_records(preset, told)


def run_engine(setting: Setting, arm: EngineArm, watch: Watch = ignore) -> NDArray[np.void]:
    """Results by parent, dtype RESULT.dtype, of our router."""
    return run_engine_in(setting.market(), setting, arm, watch)


def run_engine_in(
    market: TrueMarket, setting: Setting, arm: EngineArm, watch: Watch = ignore
) -> NDArray[np.void]:
    """As `run_engine`, in a market that the caller can look into."""
    orders = setting.parents()
    market.add_orders(orders)
    engine = kernel.load()
    engine.step(reference_of(setting.preset, arm))
    Drive(engine, market, order_times(orders, NEW_ORDER.size), watch).run(setting.end_ns)
    return np.frombuffer(market.results(), RESULT.dtype)


def run_baseline(
    setting: Setting, split: int, miss_e9: int = 0, stream: int = 1
) -> NDArray[np.void]:
    """Results by parent of a baseline."""
    market = setting.market()
    market.add_orders(setting.parents())
    terms = [split, HORIZON_MS * NS_PER_MS, RETRY_MS * NS_PER_MS, ATTEMPTS, miss_e9, stream]
    market.run_baseline(terms, setting.end_ns)
    return np.frombuffer(market.results(), RESULT.dtype)
