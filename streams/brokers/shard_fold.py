"""One shard on a broker: messages of its partition in, messages for the output topics out.

Everything here depends on the partition's messages alone, so whoever owns the shard publishes the
same bytes. What a worker that died owed is published again by the next owner, byte for byte, and
readers drop by `out_seq` what they have.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from aggregates import kernel
from aggregates.kernel import GENERATION
from schemas.control import ShardLatched, encode_control
from schemas.envelope import OUT_HEADER
from schemas.errors import InputError, VenuefoldError
from schemas.topic_envelope import Envelope, MessageKind, open_envelope, seal
from schemas.topics import CONTROL_ANSWERS, DEAD_LETTERS, DECISIONS, INPUTS, OUTPUT_TOPICS
from schemas.wire import iter_raw_outputs
from streams.brokers.frames import sequence
from streams.brokers.snapshots import SLOT_COUNT, Manifest, chunk_count, digest


class WrongEngineError(VenuefoldError):
    """The shard's log activates another engine generation; this worker must not decide there."""


@dataclass(frozen=True)
class Outgoing:
    """One message to publish; `id` is the out_seq, `key` keeps an instrument's order."""

    topic: str
    shard: int
    id: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass
class Counts:
    """What a worker has done for a shard."""

    messages: int = 0
    inputs: int = 0
    outputs: int = 0
    dead: int = 0


@dataclass
class ShardFold:
    """The engine of one shard and its place in the partition; `next_place` is opaque here."""

    shard: int
    core: str = "native"
    clock_seq: int = 0
    kill_seq: int = 0
    snapshots: int = 0
    next_place: str = ""
    previous: dict[str, int] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self.engine = kernel.load(self.core, self.shard)

    def fold(self, raw: bytes, place: tuple[str, int, int], append_ns: int) -> list[Outgoing]:
        """Messages that follow from one message at `place` (topic, partition, offset).

        A message that is no frame of this shard gives a dead letter and moves nothing.
        WrongEngineError when the shard belongs to another engine generation.
        """
        self.counts.messages += 1
        try:
            envelope = open_envelope(raw, INPUTS)
            if envelope.kind != MessageKind.FRAME or envelope.shard != self.shard:
                raise InputError(
                    f"kind {envelope.kind} of shard {envelope.shard} on shard {self.shard}; "
                    "send frames with the partitioner"
                )
            frame = sequence(envelope.payload, self.engine.log_ns, append_ns)
        except InputError as error:
            self.counts.dead += 1
            return [dead_letter(raw, place, str(error), self.shard)]
        if frame.engine_hash not in (b"", GENERATION):
            raise WrongEngineError(
                f"shard {self.shard} at offset {place[2]} activates engine "
                f"{frame.engine_hash.hex()[:16]}, this worker is {GENERATION.hex()[:16]}; "
                "start workers of the activated version"
            )
        before = self.engine.seq
        self.clock_seq = max(self.clock_seq, frame.clock_seq)
        self.kill_seq = max(self.kill_seq, frame.kill_seq)
        _, outputs = self.engine.step(frame.records)
        self.counts.inputs += self.engine.seq - before
        return self._messages(outputs)

    def snapshot(self) -> tuple[Manifest, bytes]:
        """The state now, and the manifest that makes it a snapshot."""
        state = self.engine.state_bytes()
        self.snapshots += 1
        manifest = Manifest(
            shard=self.shard,
            slot=self.snapshots % SLOT_COUNT,
            number=self.snapshots,
            next_place=self.next_place,
            seq=self.engine.seq,
            out_seq=self.engine.out_seq,
            log_ns=self.engine.log_ns,
            clock_seq=self.clock_seq,
            previous=dict(self.previous),
            chunks=chunk_count(state),
            sha256=digest(state),
            generation=GENERATION.hex(),
        )
        return manifest, state

    def restore(self, manifest: Manifest, state: bytes) -> None:
        """Goes on from a snapshot."""
        self.engine.restore(state)
        self.clock_seq, self.snapshots = manifest.clock_seq, manifest.number
        self.next_place, self.previous = manifest.next_place, dict(manifest.previous)

    def _messages(self, outputs: bytes) -> list[Outgoing]:
        found = []
        for kind, raw in iter_raw_outputs(outputs):
            head = OUT_HEADER.unpack(raw)
            topic = OUTPUT_TOPICS[kind]  # type: ignore[index]
            envelope = Envelope(
                kind=MessageKind.OUTPUT,
                topic=topic,
                shard=self.shard,
                id=head.out_seq,
                payload=raw,
                previous=self.previous.get(topic, 0),
                causation=head.seq,
            )
            self.previous[topic] = head.out_seq
            key = f"{self.shard}/{head.instrument}".encode()
            found.append(Outgoing(topic, self.shard, head.out_seq, key, seal(envelope)))
        self.counts.outputs += len(found)
        return found


def decides(outgoing: list[Outgoing]) -> bool:
    """Whether a decision is among the messages."""
    return any(out.topic == DECISIONS for out in outgoing)


def latched(fold: ShardFold, owner: str) -> Outgoing:
    """The owner's word that the shard has the newest kill; say it once its outputs are out."""
    said = ShardLatched(number=fold.kill_seq, shard=fold.shard, owner=owner)
    return Outgoing(CONTROL_ANSWERS, 0, 0, b"", encode_control(said))


def dead_letter(raw: bytes, place: tuple[str, int, int], reason: str, shard: int) -> Outgoing:
    """What is published of a message that could not be taken: its own bytes, the rest as headers.

    The key is where it was, so that what is published again can be told.
    """
    topic, partition, offset = place
    headers = (
        ("type", b"dead_letter"),
        ("topic", topic.encode()),
        ("partition", str(partition).encode()),
        ("offset", str(offset).encode()),
        ("reason", reason.encode()),
        ("sha256", hashlib.sha256(raw).hexdigest().encode()),
    )
    key = f"{topic}/{partition}/{offset}".encode()
    return Outgoing(DEAD_LETTERS, shard, 0, key, raw, headers)
