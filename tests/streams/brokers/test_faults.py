"""A broker that answers with errors: what a link writes is there once, in its order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from schemas.topics import EVERY, INPUTS, partitions_of
from streams.brokers.frames import seal_frame
from streams.brokers.shard_fold import Outgoing
from streams.runtime_kafka.config import KafkaConfig
from streams.runtime_kafka.link import KafkaLink
from tests.streams.brokers.mock_cluster import (
    FETCH,
    METADATA,
    NOT_LEADER,
    PRODUCE,
    TIMED_OUT,
    UNAVAILABLE,
    MockCluster,
)

FRAMES = 200


@pytest.mark.parametrize(
    ("request_kind", "errors"),
    [
        (PRODUCE, [NOT_LEADER, TIMED_OUT]),
        (PRODUCE, [TIMED_OUT] * 3),
        (FETCH, [NOT_LEADER, UNAVAILABLE]),
        (METADATA, [UNAVAILABLE]),
    ],
)
def test_errors_of_a_broker_lose_nothing_and_double_nothing(
    request_kind: int, errors: Sequence[int]
) -> None:
    with MockCluster({topic: partitions_of(topic, 2) for topic in EVERY}) as cluster:
        config = KafkaConfig(bootstrap=cluster.bootstrap, shards=2)
        sent = [seal_frame(0, number, bytes(64)) for number in range(FRAMES)]
        found = asyncio.run(_write_and_read(config, cluster, sent, request_kind, errors))
    assert found == sent


async def _write_and_read(
    config: KafkaConfig,
    cluster: MockCluster,
    sent: list[bytes],
    request_kind: int,
    errors: Sequence[int],
) -> list[bytes]:
    link = KafkaLink(config)
    try:
        for number, raw in enumerate(sent):
            if number % 50 == 10:
                cluster.fail(request_kind, errors)
            await link.send(Outgoing(INPUTS, 0, 0, b"", raw))
        await link.flush()
        return [said.value for said in await link.history(INPUTS, 0)]
    finally:
        await link.close()
