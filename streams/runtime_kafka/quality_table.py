"""Venue quality as a Faust table on RocksDB: the newest row of each instrument and venue.

A read model: the engine publishes rows on its cadence, an agent sets them (never adds, so a row
that comes again changes nothing), the table's changelog is the compacted topic
`sor.venue-quality-latest`. Every worker of the group follows that topic too and answers for all
shards: GET /quality/, with ?instrument=KEY and ?venue=KEY. Its own group, so it slows no decision.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.errors import InputError
from schemas.topic_envelope import open_envelope
from schemas.topics import QUALITY_LATEST, REFERENCE, VENUE_QUALITY
from schemas.units import INSTRUMENT_NONE
from schemas.wire import decode_output, to_dict
from streams.brokers.ingest import Ingest
from streams.brokers.link import BEGINNING
from streams.runtime_kafka.config import KafkaConfig
from streams.runtime_kafka.faust_app import make_app
from streams.runtime_kafka.link import KafkaLink

TABLE = "venue_quality"
ROCKSDB = {"driver": "rocksdict", "block_cache_size": 1 << 23, "write_buffer_size": 1 << 22}
"""A table of a few thousand rows needs little; the library's default is 2 GiB a partition."""


class QualityTables:
    """One worker of the group; `app` is its Faust app."""

    def __init__(self, config: KafkaConfig, name: str) -> None:
        self.config = config
        self.link = KafkaLink(config)
        self.names = Ingest(config.shards)
        self.everywhere: dict[str, bytes] = {}
        self._knows_names = asyncio.Event()
        self.app = make_app(config, f"{name}-quality", role="quality", web_port=config.web_port)
        raw: Any = {"key_serializer": "raw", "value_serializer": "raw"}
        self.table = self.app.Table(
            TABLE,
            partitions=config.shards,
            changelog_topic=self.app.topic(config.name(QUALITY_LATEST), compacting=True, **raw),
            key_type=bytes,
            value_type=bytes,
            options=ROCKSDB,
        )
        source = self.app.topic(config.name(VENUE_QUALITY), **raw)
        self.app.agent(source, name="quality")(self.keep)
        self.app.task(self.follow)

        async def answer(_: Any, request: Any) -> Any:
            return self.app.web.json(self.rows(request.query))

        self.app.page("/quality/")(answer)

    async def keep(self, stream: Any) -> None:
        """Sets each row; what is no row of ours is left out."""
        await self._knows_names.wait()
        async for value in stream:
            row = self.row(value or b"")
            if row is not None:
                self.table[row[0].encode()] = row[1]

    def row(self, raw: bytes) -> tuple[str, bytes] | None:
        """(key, JSON) of a message of `sor.venue-quality`."""
        try:
            fields = to_dict(decode_output(open_envelope(raw, VENUE_QUALITY).payload))
        except InputError:
            return None
        instrument, venue = fields["instrument"], fields["venue"]
        fields["instrument"] = "" if instrument == INSTRUMENT_NONE else self._instrument(instrument)
        fields["venue"] = self._venue(venue)
        key = f"{fields['type']}/{fields['shard']}/{fields['instrument']}/{fields['venue']}"
        return key, msgspec.json.encode(fields)

    async def follow(self) -> None:
        """Learns names, then every row of every shard as it is set."""
        places = {(REFERENCE, 0): BEGINNING}
        for said in await self.link.history(REFERENCE):
            self._learn(said.value)
            places[REFERENCE, 0] = said.place
        self._knows_names.set()
        for shard in range(self.config.shards):
            places[QUALITY_LATEST, shard] = BEGINNING
        async for said in self.link.follow(places):
            if said.topic == REFERENCE:
                self._learn(said.value)
            else:
                self.everywhere[said.key.decode()] = said.value

    def rows(self, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
        """Rows in order of their keys, chosen by `instrument` and `venue`."""
        rows = [msgspec.json.decode(self.everywhere[key]) for key in sorted(self.everywhere)]
        chosen = {name: wanted[name] for name in ("instrument", "venue") if name in wanted}
        return [row for row in rows if chosen.items() <= row.items()]

    def _learn(self, raw: bytes) -> None:
        self.names.learn(bytes(open_envelope(raw, REFERENCE).payload))

    def _instrument(self, number: int) -> str:
        return self.names.names.instrument_key(number)

    def _venue(self, number: int) -> str:
        return self.names.names.venue_key(number)
