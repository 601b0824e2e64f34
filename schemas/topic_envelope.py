"""What surrounds every message on a topic of ours: who it is, what caused it, and a checksum.

The topic's name is inside, so a message that strayed to another topic is not taken there.

| field | inputs | outputs |
|---|---|---|
| kind | FRAME: whole input records | OUTPUT: one output record |
| id | the writer's own count | out_seq |
| previous | 0 | out_seq of the message before it on this topic and shard, 0 = first |
| causation | offset of the foreign message, 0 = none | position (seq) of the input |
"""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum

import msgspec

from schemas.errors import InputError

MAGIC = b"SORE"
VERSION = 1
MAX_PAYLOAD = 1 << 20
_HEAD = struct.Struct("<4sBBHIIQQQ")
_CRC_AT = struct.Struct("<I")
_CRC_OFFSET = 8


class MessageKind(IntEnum):
    """What the payload is."""

    FRAME = 1
    OUTPUT = 2


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One message; `source` is the source id of a writer of inputs."""

    kind: int
    topic: str
    shard: int
    id: int
    payload: bytes | memoryview
    previous: int = 0
    causation: int = 0


class EnvelopeError(InputError):
    """Bytes that are no message of this topic; the text says why."""


def seal(envelope: Envelope) -> bytes:
    """The bytes of a message."""
    topic = envelope.topic.encode()
    head = _HEAD.pack(
        MAGIC,
        VERSION,
        envelope.kind,
        envelope.shard,
        0,
        len(topic),
        envelope.id,
        envelope.previous,
        envelope.causation,
    )
    whole = bytearray(b"".join((head, topic, envelope.payload)))
    _CRC_AT.pack_into(whole, _CRC_OFFSET, zlib.crc32(whole))
    return bytes(whole)


def open_envelope(raw: bytes, topic: str) -> Envelope:
    """The message in `raw`, read from `topic`; EnvelopeError says what is wrong with it.

    The payload is a view of `raw`, not a copy.
    """
    if not raw:
        raise EnvelopeError("empty message; send one envelope")
    if len(raw) < _HEAD.size or raw[:4] != MAGIC:
        raise EnvelopeError(f"{len(raw)} bytes that are no envelope; seal what you send")
    if len(raw) > MAX_PAYLOAD:
        raise EnvelopeError(f"message of {len(raw)} bytes; send at most {MAX_PAYLOAD}")
    _, version, kind, shard, crc, length, number, previous, causation = _HEAD.unpack_from(raw)
    if version != VERSION:
        raise EnvelopeError(f"envelope version {version}; this program reads {VERSION}")
    blank = zlib.crc32(bytes(4), zlib.crc32(raw[:_CRC_OFFSET]))
    if zlib.crc32(memoryview(raw)[_CRC_OFFSET + 4 :], blank) != crc:
        raise EnvelopeError("checksum differs: cut off or damaged; send it again")
    start = _HEAD.size + length
    written = raw[_HEAD.size : start].decode("utf-8", "replace")
    if written != topic:
        raise EnvelopeError(f"written for topic {written!r}, found on {topic!r}; see the producer")
    return Envelope(
        kind=kind,
        topic=topic,
        shard=shard,
        id=number,
        payload=memoryview(raw)[start:],
        previous=previous,
        causation=causation,
    )
