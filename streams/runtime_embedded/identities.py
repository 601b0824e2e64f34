"""Orders that were given before: the first answer is given again, and nothing is logged twice.

The engine refuses repeats whatever happens here; this memory only spares it most of them and tells
a caller who asks again what he was told before. It is bounded, and follows from the log.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Any

from schemas.envelope import HEADER
from schemas.orders import NEW_ORDER

KEPT = 65_536
_VOLATILE = {"source", "source_seq", "log_ns", "venue_ns", "transact_ns", "receive_ns"}
_MEANING = [name for name, _ in NEW_ORDER.fields if name not in _VOLATILE]

Known = tuple[int, int, bytes]
"""Position, time, digest of what was asked."""


def order_key(order: Any) -> bytes:
    """Identity of an order: account, ClOrdID, instrument."""
    return b"\0".join((order.account, order.cl_ord_id, order.instrument.to_bytes(4, "little")))


def meaning(order: Any) -> bytes:
    """Digest of everything that a repeat must repeat."""
    fields = "\0".join(repr(getattr(order, name)) for name in _MEANING)
    return hashlib.sha256(fields.encode()).digest()[:16]


class Identities:
    """The newest orders of one shard."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Known] = OrderedDict()

    def first(self, order: Any) -> Known | None:
        """Where the order was given first."""
        return self._known.get(order_key(order))

    def remember(self, order: Any, seq: int, log_ns: int) -> None:
        """Keep a new order; the oldest goes when there are too many."""
        self._known.setdefault(order_key(order), (seq, log_ns, meaning(order)))
        if len(self._known) > KEPT:
            self._known.popitem(last=False)

    def observe(self, raw: bytes, seq: int) -> None:
        """Learn a NEW_ORDER record from the log."""
        self.remember(NEW_ORDER.unpack(raw), seq, HEADER.unpack(raw).log_ns)

    def rows(self) -> list[tuple[bytes, int, int, bytes]]:
        """Everything, oldest first."""
        return [(key, *known) for key, known in self._known.items()]

    def load(self, rows: list[tuple[bytes, int, int, bytes]]) -> None:
        """Take over what `rows` gave."""
        self._known = OrderedDict((key, (seq, log_ns, was)) for key, seq, log_ns, was in rows)
