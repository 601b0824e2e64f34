"""Catalogue of the benchmarks on real brokers; each starts a broker of its own."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from streams.cli.benchmarks.broker_run import can_run
from streams.cli.benchmarks.timing import Result

ENTRIES = {
    "kafka.ticks": "kafka:kafka_ticks",
    "kafka.order_to_decision": "kafka:kafka_orders",
    "pulsar.ticks": "pulsar:pulsar_ticks",
    "pulsar.order_to_decision": "pulsar:pulsar_orders",
}


def broker_benchmarks(folder: Path, is_full: bool) -> dict[str, Callable[[], list[Result]]]:
    """Benchmarks by name; none where the servers cannot be had."""
    if not can_run():
        return {}
    return {name: _entry(place, folder, is_full) for name, place in ENTRIES.items()}


def _entry(place: str, folder: Path, is_full: bool) -> Callable[[], list[Result]]:
    def run() -> list[Result]:
        module, _, function = place.partition(":")
        folder.mkdir(parents=True, exist_ok=True)
        measure = getattr(import_module(f"streams.cli.benchmarks.{module}"), function)
        found: list[Result] = measure(folder, is_full)
        return found

    return run
