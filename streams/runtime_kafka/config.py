"""Configuration of a Kafka worker: `[kafka]` of a TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from schemas.errors import InputError

Seconds = Annotated[float, msgspec.Meta(gt=0.0, le=3600.0)]


class KafkaConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a worker reaches Kafka and how much it holds.

    `prefix` stands before every topic name, so that installations can share a broker. `shards` is
    fixed when the topics are created. `timer_ms` 0 appends no timer inputs.
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
    linger_ms: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 1
    session_s: Seconds = 10.0
    commit_s: Seconds = 1.0
    replication: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    data: str = "build/kafka-worker"
    ingest: bool = True
    quality_table: bool = True
    mirror: str = ""

    def name(self, topic: str) -> str:
        """The topic's name on the broker."""
        return self.prefix + topic


def load_kafka_config(path: Path) -> KafkaConfig:
    """The `[kafka]` table of a file; InputError names file, key and what is expected."""
    try:
        table: Any = tomllib.loads(path.read_text(encoding="utf-8")).get("kafka", {})
        return msgspec.convert(table, KafkaConfig)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: cannot read it ({error}); name a TOML file") from None
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: [kafka]: {error}; correct the value") from None
