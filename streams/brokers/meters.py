"""Metrics of a worker on a broker: how far behind each of its shards is, and what waits."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Protocol

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric

AGES_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)


@dataclass
class Ages:
    """How old messages were, in seconds, by the bounds of AGES_S and beyond."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(AGES_S) + 1))
    total_s: float = 0.0

    def take(self, age_s: float) -> None:
        """One more."""
        self.counts[bisect_left(AGES_S, age_s)] += 1
        self.total_s += age_s

    def buckets(self) -> list[tuple[str, float]]:
        """(bound, how many were not older), as Prometheus has them."""
        bounds = [*map(str, AGES_S), "+Inf"]
        return list(zip(bounds, map(float, accumulate(self.counts)), strict=True))


@dataclass(frozen=True)
class ShardFacts:
    """What a worker knows of a shard that it owns."""

    shard: int
    inputs: int
    outputs: int
    dead_letters: int
    behind_messages: int
    behind_s: float
    unacknowledged: int
    unconfirmed: int
    is_refused: bool
    oldest_s: float = 0.0
    decision_ages: Ages = field(default_factory=Ages)


COUNTERS = {
    "inputs": "Input records folded by this worker",
    "outputs": "Output records published by this worker",
    "dead_letters": "Messages set aside with a reason",
}
DECIDED = "From the broker's stamp of an input to the hand-over of the decision that it led to"
GAUGES = {
    "behind_messages": "Messages of the shard that are not folded yet (Kafka)",
    "behind_s": "Age of the newest folded message when it was folded, in seconds",
    "oldest_s": "At most how old the oldest message is that is not folded yet, in seconds (Kafka)",
    "unacknowledged": "Messages folded since the last snapshot; bound max_unacked",
    "unconfirmed": "Outputs that the broker has not confirmed yet; bound max_pending",
    "is_refused": "1 when the shard belongs to another engine version and is not folded",
}


@dataclass(frozen=True)
class IngestFacts:
    """What a worker's ingest has done, and what waits in it."""

    messages: int
    conflated: int
    refused: int
    dead_letters: int
    waiting: int
    behind_s: float


INGEST_COUNTERS = {
    "messages": "Messages of contract topics that were read",
    "conflated": "Quotes left out for a newer one, by the policy in the log",
    "refused": "Orders refused because they waited too long; bound shed_after_s",
    "dead_letters": "Messages of contract topics set aside with a reason",
}
INGEST_GAUGES = {
    "waiting": "Messages on their way into the inputs; bound max_pending",
    "behind_s": "Age of the newest message when ingest met it, in seconds",
}


class Measured(Protocol):
    """A worker that can be asked."""

    def ingest_facts(self) -> IngestFacts | None:
        """Facts of its ingest, now; none where it has none."""

    def facts(self) -> list[ShardFacts]:
        """Facts of every owned shard, now."""


class WorkerMetrics:
    """A Prometheus collector over a worker; each metric has the shard as its label."""

    def __init__(self, worker: Measured) -> None:
        self.worker = worker

    def collect(self) -> Iterator[Metric]:
        """Every metric of every owned shard."""
        found = self.worker.facts()
        yield GaugeMetricFamily("sor_worker_shards", "Shards this worker owns", len(found))
        for name, about in COUNTERS.items():
            counter = CounterMetricFamily(f"sor_shard_{name}", about, labels=["shard"])
            for facts in found:
                counter.add_metric([str(facts.shard)], getattr(facts, name))
            yield counter
        for name, about in GAUGES.items():
            gauge = GaugeMetricFamily(f"sor_shard_{name}", about, labels=["shard"])
            for facts in found:
                gauge.add_metric([str(facts.shard)], float(getattr(facts, name)))
            yield gauge
        ages = HistogramMetricFamily("sor_shard_decision_seconds", DECIDED, labels=["shard"])
        for facts in found:
            said = facts.decision_ages
            ages.add_metric([str(facts.shard)], said.buckets(), said.total_s)
        yield ages
        ingest = self.worker.ingest_facts()
        if ingest is not None:
            for name, about in INGEST_COUNTERS.items():
                value = getattr(ingest, name)
                yield CounterMetricFamily(f"sor_ingest_{name}", about, value=value)
            for name, about in INGEST_GAUGES.items():
                value = float(getattr(ingest, name))
                yield GaugeMetricFamily(f"sor_ingest_{name}", about, value=value)


def serve_metrics(worker: Measured, port: int) -> None:
    """Answers GET /metrics on loopback; 0 in `port` serves none."""
    if port:
        registry = CollectorRegistry()
        registry.register(WorkerMetrics(worker))
        start_http_server(port, addr="127.0.0.1", registry=registry)
