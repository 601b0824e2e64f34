"""Counters of one shard of the engine process, kept off the decision path as plain integers."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Any

from schemas.codes import HealthState, OutputType, Reason
from schemas.decisions import REFUSAL, VENUE_QUALITY
from schemas.wire import code_name

BOUNDS_US = (50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 102_400)
"""Upper bounds of the latency histograms' buckets; one more holds what is longer."""


class Buckets:
    """A histogram of latencies in fixed buckets."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_US) + 1)
        self.sum_ns = 0

    def add(self, latency_ns: int) -> None:
        """Counts one latency."""
        self.counts[bisect_left(BOUNDS_US, latency_ns / 1_000)] += 1
        self.sum_ns += latency_ns

    def as_dict(self) -> dict[str, Any]:
        """Bounds, counts and sum as plain values."""
        return {"bounds_us": BOUNDS_US, "counts": list(self.counts), "sum_ns": self.sum_ns}


class Meters:
    """What the engine process has seen."""

    def __init__(self) -> None:
        self.ticks = 0
        self.outputs: Counter[int] = Counter()
        self.refusals: Counter[int] = Counter()
        self.health: dict[int, int] = {}
        self.to_decision, self.to_durable = Buckets(), Buckets()

    def count(self, kind: int, raw: Any) -> None:
        """Counts one output record."""
        self.outputs[kind] += 1
        if kind == OutputType.REFUSAL:
            self.refusals[REFUSAL.unpack(raw).reason] += 1
        elif kind == OutputType.VENUE_QUALITY:
            row = VENUE_QUALITY.unpack(raw)
            self.health[row.venue] = row.health

    def decided(self, latency_ns: int) -> None:
        """A command's way from the socket to the engine's answer."""
        self.to_decision.add(latency_ns)

    def answered(self, latency_ns: int) -> None:
        """A command's way from the socket to durable."""
        self.to_durable.add(latency_ns)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "ticks": self.ticks,
            "outputs": {code_name(OutputType, k): n for k, n in sorted(self.outputs.items())},
            "refusals": {code_name(Reason, k): n for k, n in sorted(self.refusals.items())},
            "health": {v: code_name(HealthState, h) for v, h in sorted(self.health.items())},
            "to_decision": self.to_decision.as_dict(),
            "to_durable": self.to_durable.as_dict(),
        }
