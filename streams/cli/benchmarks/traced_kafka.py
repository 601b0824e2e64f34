"""A Kafka worker that notes when each order passes its hops: `python -m ... FILE.toml`.

A line of `hops.jsonl` in the worker's folder for each decision: ClOrdID, and on the wall clock in
seconds when the reading thread had its order, when the agent had it, and when its decision was
handed to the producer.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, TextIO

from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from schemas.topics import DECISIONS
from schemas.units import NS_PER_S
from streams.brokers.shard_fold import Outgoing
from streams.cli.benchmarks.broker_flow import told_of
from streams.clock import SystemClock
from streams.runtime_kafka.config import KafkaConfig
from streams.runtime_kafka.run import main
from streams.runtime_kafka.worker import OwnedShard, Worker

FILE = "hops.jsonl"


def hops(folder: Path) -> dict[str, list[float]]:
    """Order -> (read, taken, handed over), of its first decision."""
    found: dict[str, list[float]] = {}
    for line in (folder / FILE).read_text().splitlines():
        name, *stamps = json.loads(line)
        found.setdefault(name, stamps)
    return found


class TracedWorker(Worker):
    """A worker that writes a line for each decision, of the message that it is about."""

    def __init__(self, config: KafkaConfig, name: str) -> None:
        super().__init__(config, name)
        self.read_s: dict[tuple[Any, int], float] = {}
        self.passed = [0.0, 0.0]
        self.out: TextIO = (Path(config.data) / FILE).open("w", buffering=1)
        self._watch_reading()

    async def take(self, event: Any) -> None:
        """Notes when the message was read and taken."""
        message = event.message
        self.passed = [self.read_s.pop((message.tp, message.offset), 0.0), self._now_s()]
        await super().take(event)

    async def _send(self, owned: OwnedShard, out: Outgoing) -> None:
        await super()._send(owned, out)
        if out.topic == DECISIONS:
            name, _, _ = told_of(DECISIONS, out.value)
            self.out.write(json.dumps([name, *self.passed, self._now_s()]) + "\n")

    def _now_s(self) -> float:
        return self.wall.now_ns() / NS_PER_S

    def _watch_reading(self) -> None:
        """Stamps records where Faust's reading thread hands them over; there is no hook for it."""
        fetch, read_s, clock = AIOKafkaConsumerThread._fetch_records, self.read_s, SystemClock()

        async def fetched(*args: Any, **more: Any) -> Any:
            records = await fetch(*args, **more)
            now_s = clock.now_ns() / NS_PER_S
            for tp, found in records.items():
                read_s.update({(tp, record.offset): now_s for record in found})
            return records

        AIOKafkaConsumerThread._fetch_records = fetched  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main(TracedWorker))
