"""Configuration of a Pulsar worker: `[pulsar]` of the service's TOML."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from streams.config.sections import Section

Seconds = Annotated[float, msgspec.Meta(gt=0.0, le=3600.0)]


class PulsarConfig(Section, frozen=True, kw_only=True):
    """How a worker reaches Pulsar and how much it holds; `shards` is fixed with the topics."""

    url: str = "pulsar://127.0.0.1:6650"
    admin_url: str = "http://127.0.0.1:8081"
    tenant: str = "public"
    namespace: str = "default"
    subscription: str = "venuefold"
    shards: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 64
    core: Literal["native", "reference"] = "native"
    timer_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 100
    snapshot_s: Seconds = 30.0
    snapshot_folder: str = ""
    max_unacked: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 20_000
    max_pending: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 2_000
    ingest: bool = True
    shed_after_s: Annotated[float, msgspec.Meta(ge=0.0, le=3600.0)] = 5.0
    metrics_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    retention_days: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 7

    def name(self, topic: str, partition: int | None = None) -> str:
        """Full name of a topic, or of one of its partitions."""
        whole = f"persistent://{self.tenant}/{self.namespace}/{topic}"
        return whole if partition is None else f"{whole}-partition-{partition}"
