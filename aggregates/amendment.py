"""Folds AMEND_ORDER: the whole order again under a new ClOrdID, naming the last one accepted."""

from __future__ import annotations

from typing import Any

from aggregates import accounts, risk
from aggregates.amend import FIXED
from aggregates.desk import check_record, emit_order, find_order, settle
from aggregates.order import TRANSITIONS, Event, Order
from aggregates.router import best_prices
from aggregates.shard import ACCEPTED, Identity, Refused, Shard
from schemas.codes import OrdType, Reason
from schemas.orders import NEW_ORDER

_AMENDABLE = frozenset(state for state, event in TRANSITIONS if event == Event.AMEND)


def amend_order(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """Checks an amendment like a new order, cuts what is too much, and lets it count."""
    record = NEW_ORDER.unpack(raw)
    order = find_order(shard, record)
    known = check_record(shard, record, raw)
    if not isinstance(known, Identity):
        return known
    if order is None or order.final:
        return Reason.UNKNOWN_ORDER, 0, 0
    reason, value = _check(shard, order, record)
    if reason:
        return reason, value, order.order_id
    known.order_id, known.decision_id = order.order_id, order.decision_id
    order.amendment = raw
    order.act(Event.AMEND)
    settle(shard, order)
    emit_order(shard, order)
    return ACCEPTED


def _check(shard: Shard, order: Order, record: Any) -> tuple[Reason, int]:
    """First reason against an amendment, with the deciding value."""
    reason, value = accounts.count_message(shard, record.account)
    if reason:
        return reason, value
    if order.state not in _AMENDABLE or record.orig_cl_ord_id != order.record.cl_ord_id:
        return Reason.TOO_LATE, order.state
    for index, name in enumerate(FIXED):
        if getattr(record, name) != getattr(order.record, name):
            return Reason.BAD_AMEND, index
    if order.immediate:
        return Reason.BAD_AMEND, len(FIXED)
    if record.order_units < order.cum_units:
        return Reason.TOO_LATE, order.cum_units
    reason, value = risk.check_terms(record, shard.log_ns)
    if reason:
        return reason, value
    return _check_limits(shard, order, record)


def _check_limits(shard: Shard, order: Order, record: Any) -> tuple[Reason, int]:
    book = shard.books[record.instrument]
    reason, value = risk.check_permission(shard, record, book, order.policy)
    if reason:
        return reason, value
    bid, ask, _, _ = best_prices(shard, book, shard.tables.policies[order.policy].stale_ns)
    if not bid or not ask:
        return Reason.NO_REFERENCE_PRICE, bid + ask
    limited = record.ord_type == OrdType.LIMIT
    limit = record.limit_nanos if limited else order.limit_nanos
    reason, value = risk.check_limits(record, book, limit, bid, ask)
    added = record.order_units - order.record.order_units
    if reason or added <= 0:
        return reason, value
    return accounts.check_position(shard, record, book, added, bid + ask)
