"""Changes of reference data to broadcasts: each gets its dense versions and goes to every shard.

The versions follow from the topic of changes alone, counted from its beginning. So whoever does it
next gives the same ones, and what is broadcast twice is dropped by every shard.

A change is JSON (what the agreed terms of an item are now), or a sealed frame of whole records.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from aggregates.reference.items import Activated, Retired, Suspended
from aggregates.reference.terms import checked
from schemas.errors import InputError
from schemas.json_inputs import check_depth
from schemas.topic_envelope import MAGIC, Envelope, MessageKind, open_envelope, seal
from schemas.topics import INPUTS, REFERENCE, REFERENCE_CHANGES
from schemas.units import SOURCE_REFERENCE
from schemas.wire import INPUTS as LAYOUTS
from schemas.wire import iter_inputs
from streams.brokers.frames import seal_frame
from streams.brokers.shard_fold import Outgoing, dead_letter
from streams.reference.records import Catalogue, records_of

_SOURCE_AT, _SEQ_AT, _LOG_NS_AT = 3, slice(8, 16), slice(16, 24)


class ReferenceChange(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="reference_change"
):
    """An item's terms in force; `revision` counts how often it was activated."""

    kind: Literal["venue", "instrument", "policy", "limits", "account"]
    key: str
    state: Literal["activated", "suspended", "retired"] = "activated"
    revision: int = 1
    terms: dict[str, Any]


STATES: dict[str, type[Any]] = {
    "activated": Activated,
    "suspended": Suspended,
    "retired": Retired,
}


class ReferenceChanges:
    """Folds the topic of changes, from its first message on."""

    def __init__(self, shards: int) -> None:
        self.shards = shards
        self.count = 0
        self.version = 0
        self.catalogue = Catalogue()

    def take(self, raw: bytes) -> list[Outgoing]:
        """What one change becomes: for every shard, then for `sor.reference` as the mark of it.

        A change that cannot be taken becomes a dead letter and an empty mark.
        """
        self.count += 1
        first, whole, out = self.version + 1, b"", []
        try:
            records = self._frame(raw) if raw[:4] == MAGIC else self._json(raw)
        except InputError as error:
            place = (REFERENCE_CHANGES, 0, self.count)
            out.append(dead_letter(raw, place, str(error), 0))
        else:
            whole = b"".join(self._numbered(record) for record in records)
            frames = [seal_frame(shard, first, whole) for shard in range(self.shards) if whole]
            out += [Outgoing(INPUTS, shard, 0, b"", raw) for shard, raw in enumerate(frames)]
        mark = Envelope(
            kind=MessageKind.FRAME,
            topic=REFERENCE,
            shard=0,
            id=self.version,
            causation=self.count,
            payload=whole,
        )
        return [*out, Outgoing(REFERENCE, 0, 0, b"", seal(mark))]

    def _frame(self, raw: bytes) -> list[bytes]:
        payload = open_envelope(raw, REFERENCE_CHANGES).payload
        found = []
        for kind, record in iter_inputs(payload):
            if kind not in LAYOUTS:
                raise InputError(f"record of type {kind}; send records of reference data")
            found.append(bytes(record))
        return found

    def _json(self, raw: bytes) -> list[bytes]:
        check_depth(raw)
        try:
            change = msgspec.json.decode(raw, type=ReferenceChange)
        except msgspec.DecodeError as error:
            raise InputError(f"{error}; see the JSON Schema") from None
        event = object.__new__(STATES[change.state])
        event.__dict__.update(terms=checked(change.kind, change.terms), revision=change.revision)
        records = records_of(change.kind, change.key, event, self.catalogue)
        if change.kind == "venue":
            self.catalogue.venue_terms.pop(change.key, None)
            if change.state == "activated":
                self.catalogue.venue_terms[change.key] = event.terms
        return records

    def _numbered(self, record: bytes) -> bytes:
        """The record as the next version of the reference stream, at the broker's time."""
        self.version += 1
        raw = bytearray(record)
        raw[_SOURCE_AT] = SOURCE_REFERENCE
        raw[_SEQ_AT] = self.version.to_bytes(8, "little")
        raw[_LOG_NS_AT] = bytes(8)
        self.catalogue.fold(raw[0], bytes(raw))
        return bytes(raw)


def change_frame(records: bytes) -> bytes:
    """The message of whole reference records for `sor.reference-changes`."""
    kind = MessageKind.FRAME
    return seal(Envelope(kind=kind, topic=REFERENCE_CHANGES, shard=0, id=0, payload=records))
