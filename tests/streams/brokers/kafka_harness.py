"""A small installation on a real Kafka: topics of its own, worker processes, a reader."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.topic_envelope import Envelope
from schemas.topics import CONTRACT_OUT, DEAD_LETTERS, INPUTS
from streams.brokers.frames import seal_frame
from streams.brokers.read_side import OnceReader
from streams.runtime_kafka.config import KafkaConfig

_numbers = count(1)
QUIET = {"log_level": 0, "error_cb": lambda _: None}


class Installation:
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
            "session_s": 6.0,
            "data": str(folder / "data"),
            "ingest": False,
            "quality_table": False,
        }
        self.config = KafkaConfig(**{**defaults, **settings})
        self.folder = folder
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 16 << 20, **QUIET})
        self.sent: dict[int, int] = {}

    def start(self, name: str) -> None:
        """Starts a worker process."""
        file = self.folder / "kafka.toml"
        values = msgspec.to_builtins(self.config)
        lines = [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in values.items()]
        file.write_text("[kafka]\n" + "\n".join(lines) + "\n")
        command = [sys.executable, "-m", "streams.runtime_kafka.run", str(file), "--name", name]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.workers[name] = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def kill(self, name: str) -> None:
        """SIGKILL."""
        worker = self.workers.pop(name)
        worker.kill()
        worker.wait()

    def stop(self) -> None:
        """Ends all workers."""
        for worker in self.workers.values():
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers.values():
            try:
                worker.wait(15)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def write(self, shard: int, records: bytes) -> None:
        """A frame to the shard's partition."""
        self.sent[shard] = self.sent.get(shard, 0) + 1
        self.write_raw(INPUTS, shard, seal_frame(shard, self.sent[shard], records))

    def write_raw(self, topic: str, partition: int, raw: bytes) -> None:
        """Bytes as they are."""
        while True:
            try:
                self.producer.produce(self.config.name(topic), raw, partition=partition)
                self.producer.poll(0)
                return
            except BufferError:
                self.producer.poll(0.1)

    def logs(self) -> str:
        """The end of every worker's log."""
        found = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in found)


class OutputCollector:
    """Reads every contract topic as a client does, and keeps each record once."""

    def __init__(self, config: KafkaConfig) -> None:
        self.config = config
        self.readers = {config.name(topic): OnceReader(topic, check=True) for topic in CONTRACT_OUT}
        self.records: dict[int, dict[int, bytes]] = {s: {} for s in range(config.shards)}
        self.dead: list[tuple[bytes, dict[str, bytes]]] = []
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
        topics = [*CONTRACT_OUT, DEAD_LETTERS]
        places = [
            TopicPartition(config.name(topic), shard, 0)
            for topic in topics
            for shard in range(config.shards)
        ]
        self.consumer.assign(places)

    def poll(self, seconds: float = 0.2) -> None:
        """Takes what has come."""
        for message in self.consumer.consume(2000, seconds):
            if message.error():
                continue
            value = message.value() or b""
            if message.topic() == self.config.name(DEAD_LETTERS):
                headers: Any = message.headers() or []
                self.dead.append((value, dict(headers)))
                continue
            taken = self.readers[str(message.topic())].take(value)
            if taken is not None:
                self._keep(taken)

    def _keep(self, taken: Envelope) -> None:
        self.records[taken.shard][taken.id] = bytes(taken.payload)

    def outputs(self, shard: int) -> bytes:
        """All records of a shard in order; fails at a hole."""
        found = self.records[shard]
        assert sorted(found) == list(range(1, len(found) + 1))
        return b"".join(found[number] for number in sorted(found))

    @property
    def repeated(self) -> int:
        """Messages that came again."""
        return sum(reader.repeated for reader in self.readers.values())

    @property
    def differing(self) -> int:
        """Messages that came again with other bytes."""
        return sum(reader.differing for reader in self.readers.values())

    def until(self, wanted: dict[int, int], patience_s: float, install: Installation) -> None:
        """Polls until each shard has its number of records."""
        import time

        end = time.monotonic() + patience_s
        while any(len(self.records[shard]) < count for shard, count in wanted.items()):
            self.poll()
            dead = [worker for worker in install.workers.values() if worker.poll() is not None]
            if dead or time.monotonic() > end:
                have = {shard: len(found) for shard, found in self.records.items()}
                raise AssertionError(f"have {have} of {wanted}\n{install.logs()}")


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
