"""Configuration of a Kafka worker: `[kafka]` of the service's TOML."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from streams.config.sections import Section

Seconds = Annotated[float, msgspec.Meta(gt=0.0, le=3600.0)]


class KafkaConfig(Section, frozen=True, kw_only=True):
    """How a worker reaches Kafka and how much it holds.

    `linger_ms` 0 loses no batching: what comes while a request is under way goes with the next.
    `prefix` stands before every topic name, so that installations can share a broker. `shards` is
    fixed when the topics are created. A shard that stands still for `stall_s` although its topic
    has more is read from its place again. `timer_ms` 0 appends no timer inputs. An order that
    waited longer than `shed_after_s` for ingest is refused, 0 = never. A `role` of quality keeps
    the table of venue quality and answers for it on `web_port` instead of routing.
    """

    bootstrap: str = "127.0.0.1:9092"
    group: str = "venuefold"
    prefix: str = ""
    shards: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 64
    core: Literal["native", "reference"] = "native"
    timer_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 100
    snapshot_s: Seconds = 30.0
    snapshot_folder: str = ""
    max_unacked: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 20_000
    max_pending: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000
    linger_ms: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    session_s: Seconds = 10.0
    commit_s: Seconds = 1.0
    stall_s: Seconds = 10.0
    replication: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    data: str = "build/kafka-worker"
    ingest: bool = True
    shed_after_s: Annotated[float, msgspec.Meta(ge=0.0, le=3600.0)] = 5.0
    role: Literal["router", "quality"] = "router"
    web_port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 6066
    metrics_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0

    def name(self, topic: str) -> str:
        """The topic's name on the broker."""
        return self.prefix + topic
