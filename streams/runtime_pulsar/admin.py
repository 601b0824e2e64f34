"""Pulsar's admin interface: namespace, topics, retention, subscriptions."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

from schemas.errors import InputError, NotFoundError, VenuefoldError
from schemas.topics import EVERY, INPUTS, KEPT, partitions_of
from streams.runtime_pulsar.config import PulsarConfig

FOUND = (200, 204)
EXISTS = 409
MISSING = 404
COMPACT_BYTES = 64 << 20
FOR_EVER = {"retentionTimeInMinutes": -1, "retentionSizeInMB": -1}


class Admin:
    """Calls of one namespace."""

    def __init__(self, config: PulsarConfig) -> None:
        self.config = config
        self.base = f"{config.admin_url}/admin/v2"
        self.space = f"{config.tenant}/{config.namespace}"

    def create(self) -> None:
        """Makes what is missing; InputError when the inputs have another number of shards."""
        self._call("PUT", f"namespaces/{self.space}", {}, (*FOUND, EXISTS))
        minutes = self.config.retention_days * 1440
        keep = {"retentionTimeInMinutes": minutes, "retentionSizeInMB": -1}
        self._call("POST", f"namespaces/{self.space}/retention", keep)
        self._call("PUT", f"namespaces/{self.space}/compactionThreshold", COMPACT_BYTES)
        self._call("POST", f"namespaces/{self.space}/deduplication", True)
        for topic in EVERY:
            place = f"persistent/{self.space}/{topic}"
            count = partitions_of(topic, self.config.shards)
            self._call("PUT", f"{place}/partitions", count, (*FOUND, EXISTS))
            if topic in KEPT:
                self._call("POST", f"{place}/retention", FOR_EVER)
        shards = self._call("GET", f"persistent/{self.space}/{INPUTS}/partitions")["partitions"]
        if shards != self.config.shards:
            raise InputError(
                f"{self.config.name(INPUTS)} has {shards} shards and the configuration "
                f"{self.config.shards}; their number is fixed when the topics are created"
            )

    def subscriptions(self, topic: str) -> list[dict[str, Any]]:
        """Every subscription of every partition: its backlog and its consumers."""
        found = []
        for partition in range(partitions_of(topic, self.config.shards)):
            place = f"persistent/{self.space}/{topic}-partition-{partition}"
            stats = self._call("GET", f"{place}/stats?getPreciseBacklog=true")
            for name, facts in stats["subscriptions"].items():
                consumers = [consumer["consumerName"] for consumer in facts["consumers"]]
                row = {"topic": topic, "partition": partition, "subscription": name}
                found.append(
                    {**row, "backlog": facts["msgBacklog"], "type": facts.get("type", "")}
                    | {"consumers": consumers, "active": facts.get("activeConsumerName", "")}
                )
        return found

    def reset(self, topic: str, subscription: str, time_ms: int) -> None:
        """Moves a subscription to the first message at or after a time, on every partition."""
        for partition in range(partitions_of(topic, self.config.shards)):
            place = f"persistent/{self.space}/{topic}-partition-{partition}"
            name = quote(subscription, safe="")
            self._call("POST", f"{place}/subscription/{name}/resetcursor/{time_ms}")

    def _call(self, method: str, path: str, body: Any = None, fine: tuple[int, ...] = FOUND) -> Any:
        try:
            answer = httpx.request(method, f"{self.base}/{path}", json=body, timeout=30)
        except httpx.HTTPError as error:
            raise VenuefoldError(f"{self.base}: {error}; is Pulsar's admin port there?") from None
        if answer.status_code == MISSING:
            raise NotFoundError(f"{path}: {answer.text[:200]}; see sor subscriptions list")
        if answer.status_code not in fine:
            raise VenuefoldError(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer.json() if answer.content and answer.status_code == FOUND[0] else None
