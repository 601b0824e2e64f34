"""What each figure is to reach, as a multiple of it, and what bounds those that do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Mapping[str, Any]]
"""Results by name, as plain values."""


@dataclass(frozen=True)
class Goal:
    """`figure` of the result `name` is to be at most (or, with `is_least`, at least) `bound`.

    `finding` names the section of ARCHITECTURE.md and the benchmark that show what bounds it.
    """

    name: str
    bound: float
    figure: str = "value"
    is_least: bool = False
    finding: str = ""


@dataclass(frozen=True)
class Floor:
    """The result `name` is to be at most `bound` times the result `floor`, in native code."""

    name: str
    floor: str
    bound: float = 2.5
    figure: str = "value"


FOLD = "its own arithmetic and the cache lines of its row; see `fold.500x24.instructions`"
DECISION = "its memory (`floor.decide.24.cold`) and its instructions (`decide.24.stages`)"
DEVICE = "the disk: `order_to_durable.fdatasync` is its own time in the same run"
GOALS = (
    Goal("fold.500x24.native", 25, finding=FOLD),
    Goal("decide.24.native", 0.6, "p50", finding=DECISION),
    Goal("decide.24.native", 1.5, "p99", finding=DECISION),
    Goal("decide.24", 1, "p50", finding=DECISION),
    Goal("decide.24", 2, "p99", finding=DECISION),
    Goal("decide.50", 4, "p99", finding=DECISION),
    Goal("decide.24.allocations", 0, "p99"),
    Goal(
        "response.24", 25, "p99", finding="the host: `response.24.load_lateness` is the load's own"
    ),
    Goal("pipeline.durable", 1e6, is_least=True),
    Goal("log.durable", 1e6, is_least=True),
    Goal("log.bytes_per_tick", 40),
    Goal("order_to_durable.ratio", 2.5, finding=DEVICE),
    Goal("recovery.10m", 2, "p50", finding="folding the tail behind the newest snapshot"),
    Goal("verify", 3e6, is_least=True),
    Goal("verify", 5e6, is_least=True, finding="the fold, one core; see `fold.500x24.native`"),
    Goal(
        "whatif.decisions",
        2e5,
        is_least=True,
        finding="reports and markouts of fills, then one decision",
    ),
)
FLOORS = (
    Floor("fold.500x24.native", "floor.fold.12000"),
    Floor("decide.24.native", "floor.decide.24"),
    Floor("decide.24.native", "floor.decide.24", figure="p99"),
    Floor("decide.50.native", "floor.decide.50"),
    # What the same sweep takes once its books have to come from memory, as a router's do.
    Floor("decide.24.native", "floor.decide.24.cold"),
    Floor("decide.24.native", "floor.decide.24.cold", figure="p99"),
)
COMPUTE = ("decide.24.native", "decide.24", "response.24")
ROUND_TRIP = ("order_to_durable", "kafka.order_to_decision", "pulsar.order_to_decision")


def goal_lines(figures: Figures) -> list[str]:
    """A line for each goal whose figure was measured."""
    lines = []
    for goal in GOALS:
        value = figures.get(goal.name, {}).get(goal.figure)
        if value is None:
            continue
        is_met = value >= goal.bound if goal.is_least else value <= goal.bound
        what = f"`{goal.name}` {goal.figure} {value:,.6g} {figures[goal.name]['unit']}"
        asked = f"goal {'>=' if goal.is_least else '<='} {goal.bound:,.6g}"
        if goal.bound:
            asked += f" ({value / goal.bound:.2f} x)"
        end = "met" if is_met else f"not met: bound by {goal.finding or 'see ARCHITECTURE.md'}"
        lines.append(f"{what}, {asked}: {end}")
    return lines


def floor_lines(figures: Figures) -> list[str]:
    """Each native figure as a multiple of the least that any router must do."""
    lines = []
    for one in FLOORS:
        value, least = (figures.get(n, {}).get(one.figure) for n in (one.name, one.floor))
        if value is None or not least:
            continue
        times = value / least
        end = "met" if times <= one.bound else "not met"
        lines.append(
            f"`{one.name}` {one.figure} is {times:.1f} times `{one.floor}` "
            f"(goal <= {one.bound:g}: {end})"
        )
    return lines


def latency_lines(figures: Figures) -> list[str]:
    """Both latencies, always together: computing in us, order in to durable or on a topic in ms."""
    compute = [_quantiles(figures[name], "us") for name in COMPUTE if name in figures]
    whole = [_quantiles(figures[name], "ms") for name in ROUND_TRIP if name in figures]
    if not compute and not whole:
        return []
    return [
        f"engine compute: {'; '.join(compute) or 'not measured in this run'}",
        f"order in to durable and released: {'; '.join(whole) or 'not measured in this run'}",
    ]


def _quantiles(result: Mapping[str, Any], unit: str) -> str:
    return f"`{result['name']}` p50 {result['p50']:,.3g} p99 {result['p99']:,.3g} {unit}"
