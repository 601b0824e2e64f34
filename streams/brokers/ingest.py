"""JSON of foreign systems to input frames: the same message always becomes the same frame.

Each partition of a contract topic is a source of its own, and a message's offset there is its
place in that source. So ingest keeps no state: a message that is read again after a crash becomes
a record that the engine has seen and drops. A shard sees gaps in a source that feeds others too;
writers that use the partitioner leave none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.codes import InputType
from schemas.json_inputs import BadMessageError, Place, decode, to_record
from schemas.reference import INSTRUMENT, POLICY, SETTINGS, VENUE
from schemas.topics import (
    CONTRACT_IN,
    CONTRACT_PARTITIONS,
    INPUTS,
)
from schemas.wire import iter_inputs, text
from streams.brokers.frames import seal_frame
from streams.brokers.partitioner import Partitioner
from streams.brokers.shard_fold import Outgoing, dead_letter

FIRST_SOURCE = {topic: 100 + CONTRACT_PARTITIONS * n for n, topic in enumerate(CONTRACT_IN)}
"""Source of partition 0 of each contract topic; partition 1 is the next one."""


@dataclass
class ReferenceNames:
    """Dense ids behind keys, folded from reference records; exact case."""

    instruments: dict[str, int] = field(default_factory=dict)
    venues: dict[str, int] = field(default_factory=dict)
    policies: dict[str, int] = field(default_factory=dict)

    def instrument_id(self, key: str) -> int | None:
        """Dense id of an instrument key."""
        return self.instruments.get(key)

    def venue_id(self, key: str) -> int | None:
        """Dense id of a venue key."""
        return self.venues.get(key)

    def instrument_key(self, number: int) -> str:
        """Key of a dense id, the id as text where it is not known."""
        return _key(self.instruments, number)

    def venue_key(self, number: int) -> str:
        """Key of a dense id, the id as text where it is not known."""
        return _key(self.venues, number)

    def policy_id(self, name: str) -> int | None:
        """Id of a policy name."""
        return self.policies.get(name)


def _key(known: dict[str, int], number: int) -> str:
    return next((key for key, found in known.items() if found == number), str(number))


@dataclass
class Ingest:
    """Turns messages of contract topics into messages for `sor.inputs` or for dead letters."""

    shards: int
    names: ReferenceNames = field(default_factory=ReferenceNames)
    conflate_ms: int = 0

    def __post_init__(self) -> None:
        self.partitioner = Partitioner(self.shards)

    def learn(self, records: bytes) -> None:
        """Folds reference records in version order; repeats change nothing."""
        for kind, raw in iter_inputs(records):
            if kind == InputType.INSTRUMENT:
                instrument = INSTRUMENT.unpack(raw)
                key = text(instrument.key)
                self.names.instruments[key] = instrument.instrument
                self.partitioner.learn(instrument.instrument, key)
            elif kind == InputType.VENUE:
                venue = VENUE.unpack(raw)
                self.names.venues[text(venue.key)] = venue.venue
            elif kind == InputType.SETTINGS:
                self.conflate_ms = SETTINGS.unpack(raw).conflate_ms
            elif kind == InputType.POLICY:
                policy = POLICY.unpack(raw)
                self.names.policies[text(policy.name)] = policy.policy

    def take(self, topic: str, partition: int, offset: int, raw: bytes) -> list[Outgoing]:
        """One message of a contract topic (its name without prefix)."""
        record = self.record_of(topic, partition, offset, raw)
        return [record] if isinstance(record, Outgoing) else self.frames_of(record, offset)

    def record_of(self, topic: str, partition: int, offset: int, raw: bytes) -> bytes | Outgoing:
        """The input record of a message, or the dead letter that it becomes."""
        place = (topic, partition, offset)
        if partition >= CONTRACT_PARTITIONS:
            reason = f"partition {partition} of {topic}; ingest reads {CONTRACT_PARTITIONS} of them"
            return dead_letter(raw, place, reason, partition % self.shards)
        source = FIRST_SOURCE[topic] + partition
        try:
            where = Place(source=source, source_seq=offset + 1, log_ns=0)
            return to_record(decode(raw), self.names, where)
        except BadMessageError as error:
            return dead_letter(raw, place, f"{error.fault}: {error}", partition % self.shards)

    def frames_of(self, record: bytes, offset: int) -> list[Outgoing]:
        """The messages of a record, one for each shard that must get it."""
        number = offset + 1
        return [
            Outgoing(INPUTS, shard, 0, b"", seal_frame(shard, number, record, causation=number))
            for shard in self.partitioner.shards_of(record)
        ]
