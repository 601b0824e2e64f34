"""The routers that are compared, and one run of one of them in one market."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from aggregates import kernel
from schemas.orders import NEW_ORDER
from schemas.units import NS_PER_MS, NS_PER_S
from streams.config.records import config_records
from streams.config.sections import EngineConfig, Policies, Policy, Quality
from streams.evaluation.parents import SMALL_TENTHS, TENTHS, WARM_UP_NS, parent_orders
from streams.evaluation.truth import TrueMarket
from streams.simulator.synthetic.drive import Drive, Watch, ignore, order_times
from streams.simulator.synthetic.market import RESULT, market_arguments, reference_stream
from streams.simulator.synthetic.terms import Preset

HORIZON_MS = 800
RETRY_MS = 10
ATTEMPTS = 40
STALE_MS = 5_000
TOUCH_DEPTHS = 3
"""A usual consolidated touch, in depths of the instrument."""
POLICY = 2

SPLITS = {
    "single best price": 0,
    "equal": 1,
    "pro rata": 2,
    "primary only": 3,
    "fee-blind sweep": 4,
    "re-routing fee-aware sweep": 5,
}
"""Baselines, all of them with the same latency, fees, horizon and re-routing."""
ORACLE_PENALTIES_E9 = (200_000, 400_000, 800_000, 1_600_000, 3_200_000)
RANDOM_SPLIT = 7


class EngineArm(msgspec.Struct, frozen=True, kw_only=True):
    """Our router under a configuration. `frozen` keeps it from learning."""

    name: str = "ours"
    fee_aware: bool = True
    miss_penalty_bps: float = 1.0
    frozen: bool = False
    max_levels: int = 5

    def config(self) -> EngineConfig:
        """What the engine is told."""
        policy = Policy(
            fee_aware=self.fee_aware,
            miss_penalty_bps=self.miss_penalty_bps,
            max_levels=self.max_levels,
            max_children=64,
            max_attempts=ATTEMPTS,
            retry_ms=RETRY_MS,
            horizon_ms=HORIZON_MS,
            stale_ms=STALE_MS,
            ack_timeout_ms=200,
            allow_degraded=True,
        )
        weight = 1e6 if self.frozen else 4.0
        quality = msgspec.structs.replace(Quality(), **_prior_weight(weight))
        return EngineConfig(
            policies=Policies(best_price=policy, lowest_cost=policy, fastest=policy),
            quality=quality,
        )


def _prior_weight(weight: float) -> dict[str, Any]:
    """The prior's weight under whichever type the configuration gives it."""
    kind = type(Quality().fill_prior_weight)
    return {"fill_prior_weight": kind(weight)}


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One market and the parents that go through it."""

    preset: Preset
    seed: int
    orders: int
    gap_ms: int = 150
    is_small: bool = False

    def parents(self) -> bytes:
        """The NEW_ORDER records of the block."""
        touch = [TOUCH_DEPTHS * terms.depth_units for terms in self.preset.instruments]
        if self.is_small:
            touch = [terms.depth_units // 2 for terms in self.preset.instruments]
        tenths = SMALL_TENTHS if self.is_small else TENTHS
        gap_ns = self.gap_ms * NS_PER_MS
        return parent_orders(self.preset, touch, self.orders, gap_ns, self.seed, POLICY, tenths)

    @property
    def end_ns(self) -> int:
        """When every parent has ended and was cleaned up after."""
        market = self.preset.market
        lasts = WARM_UP_NS + self.orders * self.gap_ms * NS_PER_MS + market.cleanup_ms * NS_PER_MS
        return market.start_ns + lasts + NS_PER_S


def reference_of(preset: Preset, arm: EngineArm) -> bytes:
    """Every reference record an engine needs in this market."""
    records = b"".join(reference_stream(preset).records)
    told = config_records(arm.config(), records, stale_ms=STALE_MS, horizon_ms=HORIZON_MS)
    return records + told


def run_engine(setting: Setting, arm: EngineArm, watch: Watch = ignore) -> NDArray[np.void]:
    """Results by parent, dtype RESULT.dtype, of our router."""
    market = TrueMarket(*market_arguments(setting.preset, setting.seed))
    return run_engine_in(market, setting, arm, watch)


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
    market = TrueMarket(*market_arguments(setting.preset, setting.seed))
    market.add_orders(setting.parents())
    terms = [split, HORIZON_MS * NS_PER_MS, RETRY_MS * NS_PER_MS, ATTEMPTS, miss_e9, stream]
    market.run_baseline(terms, setting.end_ns)
    return np.frombuffer(market.results(), RESULT.dtype)
