"""Making room for an amendment of a parent: children are cut or cancelled before it counts."""

from __future__ import annotations

from aggregates import children
from aggregates.child import OPEN, Child
from aggregates.order import Event, Order
from aggregates.shard import Shard
from schemas.codes import ChildState, OrdType, Reason, TimeInForce, TimerKind
from schemas.orders import NEW_ORDER

FIXED = (
    "side",
    "client",
    "trader",
    "locate_id",
    "self_match_id",
    "symbol",
    "ord_type",
    "time_in_force",
    "exec_inst",
    "capacity",
    "policy",
    "venues_allowed",
    "venues_banned",
)
"""What an amendment may not change; for another side, account or venue list a new order is sent."""
_ASKED = (ChildState.CANCEL_PENDING, ChildState.REPLACE_PENDING)


def make_room(shard: Shard, order: Order) -> None:
    """Cancels what is priced beyond the new limit, then the newest while too much is out."""
    record = NEW_ORDER.unpack(order.amendment)
    room = int(record.order_units) - order.cum_units
    limited = record.ord_type == OrdType.LIMIT
    for child in order.children:
        beyond = order.sign * child.limit_nanos > order.sign * record.limit_nanos
        if limited and beyond and child.state in OPEN:
            children.cancel(shard, order, child, Reason.AMENDED)
    kept = sum(child.leaves_units for child in order.children if _stays(child))
    for child in reversed(order.children):
        excess = kept - max(0, room)
        if excess <= 0:
            return
        if _stays(child):
            kept -= min(excess, child.leaves_units)
            _cut(shard, order, child, excess)


def _stays(child: Child) -> bool:
    return child.state in OPEN and child.state not in _ASKED


def _cut(shard: Shard, order: Order, child: Child, excess: int) -> None:
    """A resting child keeps its place with a smaller size; any other is cancelled."""
    left = child.leaves_units - excess
    units = child.units - excess
    if (
        left <= 0
        or not child.rests
        or child.reason == Reason.BAD_AMEND
        or not children.replace(shard, order, child, units, child.limit_nanos)
    ):
        children.cancel(shard, order, child, Reason.AMENDED)


def apply_amendment(shard: Shard, order: Order) -> bool:
    """The new terms count once they cover all that was done and is still out; False before."""
    record = NEW_ORDER.unpack(order.amendment)
    out = order.outstanding_units
    if out and order.cum_units + out > record.order_units:
        return False
    limited = record.ord_type == OrdType.LIMIT
    for child in order.children:
        beyond = order.sign * child.limit_nanos > order.sign * record.limit_nanos
        if limited and beyond and child.state in OPEN:
            return False
    units = max(int(record.order_units), order.cum_units)
    order.raw = NEW_ORDER.pack(**record._replace(order_units=units)._asdict())
    order.record = NEW_ORDER.unpack(order.raw)
    if limited:
        order.limit_nanos = record.limit_nanos
    order.amendment, order.retry_due_ns = b"", 0
    order.visited.clear()
    order.act(Event.AMENDED)
    if record.time_in_force == TimeInForce.GTD:
        order.expire_due_ns = int(record.expire_ns)
        shard.schedule(order.expire_due_ns, TimerKind.EXPIRE, order.order_id)
    return True
