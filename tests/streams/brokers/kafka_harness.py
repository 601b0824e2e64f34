"""A small installation on a real Kafka: topics of its own, worker processes, a reader."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.topics import CONTRACT_OUT, DEAD_LETTERS, INPUTS
from streams.brokers.frames import seal_frame
from streams.runtime_kafka.config import KafkaConfig
from tests.streams.brokers.collected import Collected
from tests.streams.brokers.processes import Processes

_numbers = count(1)
QUIET = {"log_level": 0, "error_cb": lambda _: None}


class Installation(Processes):
    """Config, writer, workers and reader of one test."""

    def __init__(self, bootstrap: str, folder: Path, **settings: Any) -> None:
        prefix = f"t{os.getpid()}-{next(_numbers)}-"
        defaults: dict[str, Any] = {
            "bootstrap": bootstrap,
            "group": f"{prefix}group",
            "prefix": prefix,
            "shards": 4,
            "timer_ms": 0,
            "snapshot_s": 0.5,
            "session_s": 2.0,
            "data": str(folder / "data"),
            "ingest": False,
        }
        self.config = KafkaConfig(**{**defaults, **settings})
        super().__init__(folder, "kafka", self.config)
        self.producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "message.max.bytes": 16 << 20,
                "enable.idempotence": True,  # a retry never overtakes
                **QUIET,
            }
        )
        self.sent: dict[int, int] = {}

    def write(self, shard: int, records: bytes) -> None:
        """A frame to the shard's partition."""
        self.sent[shard] = self.sent.get(shard, 0) + 1
        self.write_raw(INPUTS, shard, seal_frame(shard, self.sent[shard], records))

    def say(self, topic: str, raw: bytes, partition: int = 0) -> None:
        """Bytes as they are; the broker has them afterwards."""
        self.write_raw(topic, partition, raw)
        self.flush()

    def flush(self) -> None:
        """Waits until the broker has all."""
        self.producer.flush(30)

    def write_raw(self, topic: str, partition: int, raw: bytes) -> None:
        """Bytes as they are."""
        while True:
            try:
                self.producer.produce(self.config.name(topic), raw, partition=partition)
                self.producer.poll(0)
                return
            except BufferError:
                self.producer.poll(0.1)


class KafkaOutputs(Collected):
    """Reads every contract topic as a client does."""

    def __init__(self, config: KafkaConfig) -> None:
        super().__init__(config.shards)
        self.config = config
        self.names = {config.name(topic): topic for topic in (*CONTRACT_OUT, DEAD_LETTERS)}
        self.consumer = Consumer(
            {
                "bootstrap.servers": config.bootstrap,
                "group.id": "unused",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.message.max.bytes": 16 << 20,
                **QUIET,
            }
        )
        self.consumer.assign(
            [TopicPartition(name, s, 0) for name in self.names for s in range(config.shards)]
        )

    def poll(self, seconds: float = 0.2) -> None:
        """Takes what has come."""
        for message in self.consumer.consume(2000, seconds):
            if not message.error():
                headers: Any = message.headers() or []
                self.take(self.names[str(message.topic())], message.value() or b"", dict(headers))


def installed(bootstrap: str, folder: Path, **settings: Any) -> Iterator[Installation]:
    """Creates the topics and ends the workers."""
    import asyncio

    from streams.runtime_kafka.admin import create_topics

    install = Installation(bootstrap, folder, **settings)
    asyncio.run(create_topics(install.config))
    try:
        yield install
    finally:
        install.stop()
