"""Prometheus metrics from the counters of the service's parts, made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

HISTOGRAMS = {
    "to_decision": ("sor_decision_latency_seconds", "Command received to engine's answer ready"),
    "to_durable": ("sor_durable_latency_seconds", "Command received to durable in the log"),
}
COUNTERS = {
    "ticks": ("sor_ticks", "Market records folded"),
    "seq": ("sor_inputs", "Inputs folded"),
    "syncs": ("sor_log_syncs", "Groups of inputs synced to disk"),
    "snapshots": ("sor_snapshots", "Snapshots taken since the start"),
}
GAUGES = {
    "waiting": ("sor_engine_waiting", "Sends and answers that wait for the disk"),
    "queue_bytes_max": ("sor_log_queue_bytes_max", "Most bytes that waited for the log writer"),
    "uptime_s": ("sor_engine_uptime_seconds", "Since the engine process started"),
}
OWN = {
    "stream_clients": ("sor_stream_clients", "Open event streams"),
    "stream_events": ("sor_stream_events_seen", "Events that the tail has seen"),
    "stream_lost": ("sor_stream_events_lost", "Events that slow streams missed"),
    "cache_hits": ("sor_query_cache_hits", "Lists answered from the cache"),
    "cache_misses": ("sor_query_cache_misses", "Lists that asked the read models"),
}


class Facts:
    """A collector over one set of facts."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.facts = facts

    def collect(self) -> Iterator[Metric]:
        """Every metric."""
        engine: Mapping[str, Any] = self.facts["engine"]
        yield GaugeMetricFamily("sor_up", "Whether the engine answers", int(self.facts["is_up"]))
        for key, (name, about) in OWN.items():
            yield GaugeMetricFamily(name, about, self.facts[key])
        if self.facts.get("projection_lag_ns") is not None:
            lag_s = self.facts["projection_lag_ns"] / 1e9
            yield GaugeMetricFamily("sor_projection_lag_seconds", "Read models behind log", lag_s)
        if engine:
            yield from engine_metrics(engine)


def engine_metrics(engine: Mapping[str, Any]) -> Iterator[Metric]:
    """Metrics of the engine process."""
    for key, (name, about) in COUNTERS.items():
        yield CounterMetricFamily(name, about, engine[key])
    for key, (name, about) in GAUGES.items():
        yield GaugeMetricFamily(name, about, engine[key])
    sync = GaugeMetricFamily("sor_log_sync_seconds_mean", "Mean time of a sync of the input log")
    sync.add_metric([], engine["sync_ns"] / 1e9 / max(1, engine["syncs"]))
    yield sync
    longest = engine["sync_ns_max"] / 1e9
    yield GaugeMetricFamily("sor_log_sync_seconds_max", "Longest sync of the input log", longest)
    lag_s = (engine["now_ns"] - engine["log_ns"]) / 1e9
    yield GaugeMetricFamily("sor_log_lag_seconds", "Clock ahead of the last input", lag_s)
    for key, label, name, about in (
        ("outputs", "type", "sor_outputs", "Outputs by type"),
        ("refusals", "reason", "sor_refusals", "Refusals by reason"),
        ("caches", "what", "sor_engine_cache", "Looks at what is kept at hand, and what was not"),
    ):
        family = CounterMetricFamily(name, about, labels=[label])
        for value, count in engine[key].items():
            family.add_metric([value], count)
        yield family
    health = GaugeMetricFamily(
        "sor_venue_health", "1 for the state a venue is in", labels=["venue", "state"]
    )
    for venue, state in engine["health"].items():
        health.add_metric([str(venue), state], 1)
    yield health
    for key, (name, about) in HISTOGRAMS.items():
        yield histogram(name, about, engine[key])


def histogram(name: str, about: str, told: Mapping[str, Any]) -> Metric:
    """A histogram from bounds, counts and sum."""
    bounds = [*(repr(bound / 1e6) for bound in told["bounds_us"]), "+Inf"]
    total, buckets = 0, []
    for bound, count in zip(bounds, told["counts"], strict=True):
        total += count
        buckets.append((bound, total))
    family = HistogramMetricFamily(name, about)
    family.add_metric([], buckets, told["sum_ns"] / 1e9)
    return family


def render(facts: Mapping[str, Any]) -> bytes:
    """The text that Prometheus scrapes."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Facts(facts))
    return generate_latest(registry)
