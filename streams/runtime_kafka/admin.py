"""Creates the topics, and refuses an installation whose shards or retention do not fit."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from schemas.errors import InputError
from schemas.topics import COMPACTED, CONTRACT_IN, EVERY, INPUTS, KEPT, partitions_of
from streams.runtime_kafka.config import KafkaConfig

MAX_BYTES = "16777216"
RETENTION = {"retention.ms": str(7 * 86_400_000), "max.message.bytes": MAX_BYTES}
FOR_EVER = {"retention.ms": "-1", "retention.bytes": "-1"}
COMPACT = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}


def topic_settings(topic: str) -> dict[str, str]:
    """Kafka's settings of one topic."""
    if topic in COMPACTED:
        return {**COMPACT, "max.message.bytes": MAX_BYTES}
    if topic in KEPT:
        return {**FOR_EVER, "message.timestamp.type": "LogAppendTime"}
    if topic in (INPUTS, *CONTRACT_IN):  # how long a message waits is told by the broker's clock
        return {**RETENTION, "message.timestamp.type": "LogAppendTime"}
    return RETENTION


def topics_of(config: KafkaConfig) -> list[NewTopic]:
    """Every topic of an installation."""
    return [
        NewTopic(
            config.name(topic),
            partitions_of(topic, config.shards),
            config.replication,
            topic_configs=topic_settings(topic),
        )
        for topic in EVERY
    ]


async def create_topics(config: KafkaConfig) -> None:
    """Creates what is missing; InputError when the inputs have another number of shards."""
    admin = AIOKafkaAdminClient(bootstrap_servers=config.bootstrap)
    await admin.start()
    try:
        answer = await admin.create_topics(topics_of(config))
        for topic, code, *message in answer.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise InputError(f"topic {topic}: {error.__name__} {message}; see the broker")
        (found,) = await admin.describe_topics([config.name(INPUTS)])
        shards = len(found["partitions"])
    finally:
        await admin.close()
    if shards not in (0, config.shards):
        raise InputError(
            f"{config.name(INPUTS)} has {shards} shards and the configuration {config.shards}; "
            "their number is fixed when the topics are created"
        )
