"""Configuration of a Pulsar worker: `[pulsar]` of a TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from schemas.errors import InputError

Seconds = Annotated[float, msgspec.Meta(gt=0.0, le=3600.0)]


class PulsarConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
    retention_days: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 7

    def name(self, topic: str, partition: int | None = None) -> str:
        """Full name of a topic, or of one of its partitions."""
        whole = f"persistent://{self.tenant}/{self.namespace}/{topic}"
        return whole if partition is None else f"{whole}-partition-{partition}"


def load_pulsar_config(path: Path) -> PulsarConfig:
    """The `[pulsar]` table of a file; InputError names file, key and what is expected."""
    try:
        table: Any = tomllib.loads(path.read_text(encoding="utf-8")).get("pulsar", {})
        return msgspec.convert(table, PulsarConfig)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: cannot read it ({error}); name a TOML file") from None
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: [pulsar]: {error}; correct the value") from None
