"""The read side: outputs of a topic once each, in order, and a stop at a gap."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from schemas.errors import InvariantError
from schemas.topic_envelope import Envelope, open_envelope


class GapError(InvariantError):
    """A message before this one is missing."""


@dataclass
class OnceReader:
    """Drops what was read before, by `out_seq`, for every shard of one topic.

    With `check`, what is dropped is compared with what was taken (a hash of each is kept);
    `differing` counts those that are not the same bytes.
    """

    topic: str
    check: bool = False
    last: dict[int, int] = field(default_factory=dict)
    repeated: int = 0
    differing: int = 0
    _seen: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def resume(self, shard: int, out_seq: int) -> None:
        """Goes on behind a message that was taken before."""
        self.last[shard] = out_seq

    def take(self, raw: bytes) -> Envelope | None:
        """The message, or None for one that was read already; GapError when one is missing."""
        envelope = open_envelope(raw, self.topic)
        last = self.last.get(envelope.shard, 0)
        if envelope.id <= last:
            self.repeated += 1
            if self.check and self._seen.get((envelope.shard, envelope.id)) != _hash(raw):
                self.differing += 1
            return None
        if envelope.previous != last:
            raise GapError(
                f"{self.topic} shard {envelope.shard}: {envelope.id} follows {envelope.previous}, "
                f"last read was {last}; read again from before it"
            )
        self.last[envelope.shard] = envelope.id
        if self.check:
            self._seen[envelope.shard, envelope.id] = _hash(raw)
        return envelope


def _hash(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()
