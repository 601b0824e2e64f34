"""Both cores over the very messages of a broker's partition, as another worker would read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pulsar
from confluent_kafka import Consumer, TopicPartition

from schemas.topic_envelope import open_envelope
from schemas.topics import DEAD_LETTERS, INPUTS
from schemas.units import NS_PER_MS
from streams.brokers.shard_fold import ShardFold
from streams.runtime_kafka.config import KafkaConfig

Read = Iterator[tuple[bytes, int]]


def replayed(install: Any, shard: int) -> dict[str, bytes]:
    """Output records by core."""
    read = _kafka if isinstance(install.config, KafkaConfig) else _pulsar
    messages = list(read(install, shard))
    found = {}
    for core in ("native", "reference"):
        fold, outputs = ShardFold(shard, core), b""
        for number, (raw, append_ns) in enumerate(messages):
            for out in fold.fold(raw, (INPUTS, shard, number), append_ns):
                if out.topic != DEAD_LETTERS:
                    outputs += bytes(open_envelope(out.value, out.topic).payload)
        found[core] = outputs
    return found


def _kafka(install: Any, shard: int) -> Read:
    config = install.config
    consumer = Consumer({"bootstrap.servers": config.bootstrap, "group.id": "again"})
    place = TopicPartition(config.name(INPUTS), shard, 0)
    _, end = consumer.get_watermark_offsets(place)
    consumer.assign([place])
    at = 0
    while at < end:
        for message in consumer.consume(1000, 1.0):
            if not message.error() and at < end:
                at = int(message.offset() or 0) + 1
                yield message.value() or b"", message.timestamp()[1] * NS_PER_MS
    consumer.close()


def _pulsar(install: Any, shard: int) -> Read:
    name = install.config.name(INPUTS, shard)
    reader = install.client.create_reader(name, pulsar.MessageId.earliest)
    while reader.has_message_available():
        message = reader.read_next(5_000)
        yield message.data(), message.publish_timestamp() * NS_PER_MS
    reader.close()
