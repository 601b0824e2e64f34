"""One order per ClOrdID: identities are remembered for an exact window of TransactTime."""

from __future__ import annotations

from typing import Any

from aggregates.risk import FUTURE_TOLERANCE_NS
from aggregates.shard import MAX_IDENTITIES, Identity, Shard
from schemas.codes import Reason


def admit(shard: Shard, record: Any, digest: int) -> Identity | tuple[Reason, int, int]:
    """Remembers a new identity, or refuses with (reason, deciding value, first order id).

    An identity is forgotten only after a repeat of it would be TOO_OLD, so nothing slips between.
    """
    if not record.cl_ord_id.rstrip(b"\0") or not record.account.rstrip(b"\0"):
        return Reason.NO_IDENTITY, 0, 0
    # Never earlier than before: a window that grows does not bring back what was forgotten.
    oldest_ns = max(shard.oldest_ns, shard.log_ns - shard.tables.settings.identity_window_ns)
    shard.oldest_ns = oldest_ns
    if record.transact_ns < oldest_ns:
        return Reason.TOO_OLD, record.transact_ns, 0
    if record.transact_ns > shard.log_ns + FUTURE_TOLERANCE_NS:
        return Reason.FROM_THE_FUTURE, record.transact_ns, 0
    key = (record.account, record.cl_ord_id, record.instrument)
    known = shard.identities.get(key)
    if known is not None and known.transact_ns >= oldest_ns:
        same = known.digest == digest
        reason = Reason.DUPLICATE_ORDER if same else Reason.CONFLICTING_REPEAT
        return reason, known.decision_id, known.order_id
    _forget(shard, oldest_ns)
    if len(shard.identities) >= MAX_IDENTITIES:
        return Reason.TABLE_FULL, len(shard.identities), 0
    fresh = Identity(digest, record.transact_ns, shard.seq)
    shard.identities.pop(key, None)
    shard.identities[key] = fresh
    return fresh


def _forget(shard: Shard, oldest_ns: int) -> None:
    """Drops identities from the oldest end while they are out of the window."""
    while shard.identities:
        key, identity = next(iter(shard.identities.items()))
        if identity.transact_ns >= oldest_ns:
            return
        del shard.identities[key]
