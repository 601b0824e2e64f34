"""The synthetic market alone, and with our routing in the same process."""

from __future__ import annotations

import time

from aggregates import kernel
from schemas.orders import NEW_ORDER
from schemas.units import NS_PER_S
from streams.cli.benchmarks.timing import Result, rate
from streams.evaluation.arms import EngineArm, Setting, reference_of
from streams.evaluation.worlds import Shape, drawn_preset
from streams.simulator.synthetic.drive import Drive, order_times
from streams.simulator.synthetic.market import synthetic_market

VENUES = 24
SECONDS, SECONDS_FULL = 20, 300
WHOLE = 1 << 40


def alone(is_full: bool) -> Result:
    """Input records a second of 24 venues and three instruments, nobody routing."""
    preset = drawn_preset(Shape(venues=VENUES), 1)
    market = synthetic_market(preset, 1)
    seconds = SECONDS_FULL if is_full else SECONDS
    started_ns = time.perf_counter_ns()
    batch = market.pull(preset.market.start_ns + seconds * NS_PER_S, WHOLE)
    elapsed_ns = time.perf_counter_ns() - started_ns
    return rate("market", "records/s", len(batch) // 64, elapsed_ns)


def routed(is_full: bool) -> Result:
    """The same with the native engine folding every record and routing seven parents a second."""
    preset = drawn_preset(Shape(venues=VENUES), 1)
    seconds = SECONDS_FULL if is_full else SECONDS
    setting = Setting(preset=preset, seed=1, orders=seconds * 1000 // 150)
    market = synthetic_market(preset, 1)
    orders = setting.parents()
    market.add_orders(orders)
    engine = kernel.load()
    engine.step(reference_of(preset, EngineArm()))
    drive = Drive(engine, market, order_times(orders, NEW_ORDER.size))
    first_seq = engine.seq
    started_ns = time.perf_counter_ns()
    drive.run(setting.end_ns)
    elapsed_ns = time.perf_counter_ns() - started_ns
    found = rate("market.routed", "inputs/s", engine.seq - first_seq, elapsed_ns)
    found.more = hit_rates(engine.counters())
    return found


def hit_rates(counters: dict[str, int]) -> dict[str, float]:
    """Share of looks at a row's beliefs that found them standing, in percent."""
    looks = max(1, counters["belief_looks"])
    return {
        f"{what}_hit_percent": round(100 * (1 - counters[f"belief_{what}_found"] / looks), 2)
        for what in ("sizes", "acks")
    }
