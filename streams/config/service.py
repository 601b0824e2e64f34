"""The configuration of the live service; `engine` is the engine's own, as of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from streams.config.sections import EngineConfig, Quality, Section, Whole
from streams.runtime_kafka.config import KafkaConfig
from streams.runtime_pulsar.config import PulsarConfig

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Rate = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Service(Section, frozen=True, kw_only=True):
    """Which runtime, and where its log lies. 0 in `snapshot_s` takes none while running."""

    runtime: Literal["embedded", "kafka", "pulsar", "mirror"] = "embedded"
    run: str = "runs/service"
    core: Literal["native", "reference"] = "native"
    snapshot_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 30
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class Api(Section, frozen=True, kw_only=True):
    """The REST API: where it listens, who may ask, and its bounds.

    `auth` is `none` (loopback only: whoever reaches the port may do everything) or `required`:
    tokens signed with the Ed25519 key whose public half is `token_key`, or keys whose hashes are
    in the file `api_keys`. `hosts` are the names it answers to; where none is named, the loopback
    ones without identification, else any.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    auth: Literal["none", "required"] = "none"
    token_key: str = ""
    token_audience: str = "venuefold"
    token_issuer: str = ""
    api_keys: str = ""
    cors_origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    max_body_bytes: Annotated[int, msgspec.Meta(ge=1_024, le=1 << 20)] = 65_536
    requests_per_s: Rate = 500
    orders_per_s: Rate = 200
    stream_clients: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 256
    database: str = ""


class ReferenceStore(Section, frozen=True, kw_only=True):
    """Where reference data is agreed: sqlite:///FILE or postgresql://..., in the run when empty."""

    store: str = ""


class SimulatedMarket(Section, frozen=True, kw_only=True):
    """The synthetic market that children trade in; 0 orders a second sends none.

    `preset` is the name of a market of deploy/market or a path to a TOML. 0 in `venues` and
    `instruments` takes all that it has, another number the first ones; 0 in `records_per_s` leaves
    its own pace, another number is about what its venues will send in a second.
    """

    preset: str = "us_equity_24"
    venues: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    instruments: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    seed: Annotated[int, msgspec.Meta(ge=0)] = 1
    records_per_s: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    orders_per_s: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    stale_ms: Annotated[int, msgspec.Meta(ge=1)] = 2_000
    horizon_ms: Annotated[int, msgspec.Meta(ge=1)] = 5_000


class Gateway(Section, frozen=True, kw_only=True):
    """A gateway process on a broker, and which gateways a kill waits for.

    A child that was decided more than `late_child_s` ago is answered instead of sent, 0 = never.
    """

    name: str = "venues"
    data: str = "runs/gateway"
    drop_copy: bool = True
    all: tuple[str, ...] = ("venues",)
    patience_s: Annotated[float, msgspec.Meta(gt=0.0, le=60.0)] = 5.0
    late_child_s: Annotated[float, msgspec.Meta(ge=0.0, le=3600.0)] = 0.0


class Coordination(Section, frozen=True, kw_only=True):
    """How often `sor coordinate` tells shards what all have learned, and moves their shares."""

    prior_s: Annotated[float, msgspec.Meta(gt=0.0, le=3600.0)] = 60.0
    budget_s: Annotated[float, msgspec.Meta(gt=0.0, le=3600.0)] = 1.0


class Mirror(Section, frozen=True, kw_only=True):
    """Which topics go from one broker to the other; `json` adds decisions as JSON at the target."""

    source: Literal["kafka", "pulsar"] = "kafka"
    target: Literal["kafka", "pulsar"] = "pulsar"
    topics: tuple[str, ...] = ("sor.decisions",)
    json: bool = True
    data: str = "runs/mirror"


class Telemetry(Section, frozen=True, kw_only=True):
    """Where traces go: an OTLP/HTTP endpoint, none when empty."""

    otlp_endpoint: str = ""


class ServiceConfig(Whole, frozen=True, kw_only=True):
    """A whole configuration of the service; every key has a default."""

    service: Service = Service()
    api: Api = Api()
    reference: ReferenceStore = ReferenceStore()
    market: SimulatedMarket = SimulatedMarket()
    telemetry: Telemetry = Telemetry()
    kafka: KafkaConfig = KafkaConfig()
    pulsar: PulsarConfig = PulsarConfig()
    gateway: Gateway = Gateway()
    coordination: Coordination = Coordination()
    mirror: Mirror = Mirror()
    engine: EngineConfig = EngineConfig(quality=Quality(publish_s=1, liquidity_half_life_s=10))

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """(dotted keys, what is wrong between them) of values that do not fit each other."""
        api = self.api
        if api.auth == "none" and api.host not in {"127.0.0.1", "::1", "localhost"}:
            fault = (
                f"{api.host} is not loopback, and nobody would have to identify himself; set "
                'api.auth = "required" with api.token_key or api.api_keys'
            )
            yield ("api.host", "api.auth"), fault
        if api.auth == "required" and not (api.token_key or api.api_keys):
            yield (
                ("api.auth", "api.token_key", "api.api_keys"),
                "nobody could ever identify himself; name a token_key or an api_keys file",
            )
        for keys, fault in self.engine.faults():
            yield tuple(f"engine.{key}" for key in keys), fault
