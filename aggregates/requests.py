"""What a desk may ask besides orders: the state of one, and the end of many."""

from __future__ import annotations

from typing import Any

from aggregates.desk import emit_order, find_order, wind_down
from aggregates.shard import ACCEPTED, Refused, Shard
from schemas.codes import KillScope, OutputType, Reason
from schemas.orders import CANCEL_ORDER, MASS_CANCEL
from schemas.shares import MASS_CANCEL_REPORT


def order_status(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """Says the state of a parent that is still remembered; changes nothing."""
    order = find_order(shard, CANCEL_ORDER.unpack(raw))
    if order is None:
        return Reason.UNKNOWN_ORDER, 0, 0
    emit_order(shard, order)
    return ACCEPTED


def mass_cancel(shard: Shard, header: Any, raw: bytes) -> Refused:
    """Ends every open parent in a scope, oldest first, and says how many there were."""
    record = MASS_CANCEL.unpack(raw)
    if not _is_scope(shard, record):
        return Reason.BAD_VALUE, record.scope, 0
    affected = 0
    for order_id in sorted(shard.orders):
        order = shard.orders[order_id]
        if not order.final and _covers(record, order.record):
            wind_down(shard, order, Reason.USER_CANCEL)
            affected += 1
    shard.emit(
        MASS_CANCEL_REPORT,
        OutputType.MASS_CANCEL_REPORT,
        header.instrument,
        source_seq=header.source_seq,
        affected=affected,
        cl_ord_id=record.cl_ord_id,
        target=record.target,
        scope=record.scope,
        source=header.source,
    )
    return ACCEPTED


def _is_scope(shard: Shard, record: Any) -> bool:
    if record.scope == KillScope.INSTRUMENT:
        return bool(record.instrument < len(shard.books))
    if record.scope == KillScope.ALL:
        return True
    named = (KillScope.CLIENT, KillScope.ACCOUNT, KillScope.TRADER)
    return record.scope in named and bool(record.target.strip(b"\0"))


def _covers(record: Any, order: Any) -> bool:
    if record.scope == KillScope.ALL:
        return True
    if record.scope == KillScope.INSTRUMENT:
        return bool(order.instrument == record.instrument)
    named = {
        KillScope.CLIENT: order.client,
        KillScope.ACCOUNT: order.account,
        KillScope.TRADER: order.trader,
    }
    return bool(named[record.scope] == record.target)
