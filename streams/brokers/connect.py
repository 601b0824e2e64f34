"""The link of the broker that a configuration names."""

from __future__ import annotations

from schemas.errors import InputError
from streams.brokers.link import Link
from streams.config.service import ServiceConfig


def connect(settings: ServiceConfig, runtime: str = "", name: str = "") -> Link:
    """A link; call it inside the event loop. InputError for a runtime without a broker.

    With a `name`, Pulsar drops a message that was sent under it before.
    """
    runtime = runtime or settings.service.runtime
    if runtime == "kafka":
        from streams.runtime_kafka.link import KafkaLink

        return KafkaLink(settings.kafka)
    if runtime == "pulsar":
        from streams.runtime_pulsar.link import PulsarLink

        return PulsarLink(settings.pulsar, name)
    raise InputError(
        f"service.runtime: {runtime} has no topics; take deploy/config/kafka.toml or pulsar.toml"
    )
