"""A small installation on a real Pulsar: a namespace of its own, worker processes, a reader."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pulsar

from schemas.topics import CONTRACT_OUT, DEAD_LETTERS, INPUTS
from streams.brokers.frames import seal_frame
from streams.runtime_pulsar.admin import Admin
from streams.runtime_pulsar.config import PulsarConfig
from tests.servers.running import RunningServer
from tests.streams.brokers.collected import Collected
from tests.streams.brokers.processes import Processes

_numbers = count(1)


def client_of(config: PulsarConfig) -> pulsar.Client:
    """A client that keeps its log to itself."""
    quiet = pulsar.FileLogger(pulsar.LoggerLevel.Error, os.devnull)
    return pulsar.Client(config.url, logger=quiet)


class Installation(Processes):
    """Config, writer and workers of one test."""

    def __init__(self, server: RunningServer, folder: Path, **settings: Any) -> None:
        defaults: dict[str, Any] = {
            "url": server.url,
            "admin_url": server.facts["admin_url"],
            "namespace": f"t{os.getpid()}-{next(_numbers)}",
            "shards": 4,
            "timer_ms": 0,
            "snapshot_s": 0.5,
            "ingest": False,
        }
        self.config = PulsarConfig(**{**defaults, **settings})
        super().__init__(folder, "pulsar", self.config)
        Admin(self.config).create()
        self.client = client_of(self.config)
        self.producers: dict[str, pulsar.Producer] = {}
        self.sent: dict[int, int] = {}

    def write(self, shard: int, records: bytes) -> None:
        """A frame to the shard's partition."""
        self.sent[shard] = self.sent.get(shard, 0) + 1
        self.write_raw(shard, seal_frame(shard, self.sent[shard], records))

    def say(self, topic: str, raw: bytes, partition: int = 0) -> None:
        """Bytes as they are; the broker has them afterwards."""
        self.write_raw(partition, raw, topic)
        self.flush()

    def write_raw(self, partition: int, raw: bytes, topic: str = INPUTS) -> None:
        """Bytes as they are."""
        name = self.config.name(topic, partition)
        if name not in self.producers:
            self.producers[name] = self.client.create_producer(
                name, block_if_queue_full=True, batching_enabled=False
            )
        self.producers[name].send_async(raw, callback=lambda *_: None)

    def flush(self) -> None:
        """Waits until the broker has all."""
        for producer in self.producers.values():
            producer.flush()


class PulsarOutputs(Collected):
    """Reads every contract topic as a client does."""

    def __init__(self, install: Installation) -> None:
        super().__init__(install.config.shards)
        self.config = install.config
        self.names = {self.config.name(topic): topic for topic in (*CONTRACT_OUT, DEAD_LETTERS)}
        self.consumer = install.client.subscribe(
            list(self.names), "reader", initial_position=pulsar.InitialPosition.Earliest
        )

    def poll(self, seconds: float = 0.2) -> None:
        """Takes what has come."""
        try:
            while True:
                message = self.consumer.receive(int(seconds * 1000))
                topic = message.topic_name().rpartition("-partition-")[0]
                properties = {k: v.encode() for k, v in message.properties().items()}
                self.take(self.names[topic], message.data(), properties)
                self.consumer.acknowledge(message)
        except pulsar.Timeout:
            return


def installed(server: RunningServer, folder: Path, **settings: Any) -> Iterator[Installation]:
    """Creates the topics and ends the workers."""
    install = Installation(server, folder, **settings)
    try:
        yield install
    finally:
        install.stop()
        install.client.close()
