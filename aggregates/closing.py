"""Folds END_OF_DAY: parents of the day end, breaks are told, positions rolled."""

from __future__ import annotations

from typing import Any

from aggregates import children, day
from aggregates.desk import wind_down
from aggregates.shard import ACCEPTED, Refused, Shard
from schemas.codes import Reason, TimeInForce


def end_of_day(shard: Shard, header: Any, raw: bytes) -> Refused:  # noqa: ARG001
    """Expires what is for the day; a parent that lives on keeps no child overnight.

    A parent of which something was filled is done for the day, one without a fill expires.
    """
    for order_id in sorted(shard.orders):
        order = shard.orders[order_id]
        if order.final:
            continue
        if order.record.time_in_force == TimeInForce.GTD:
            for child in order.children:
                children.cancel(shard, order, child, Reason.END_OF_DAY)
        else:
            done = Reason.DONE_FOR_DAY if order.cum_units else Reason.END_OF_DAY
            wind_down(shard, order, done)
    day.end_of_day_breaks(shard)
    day.roll_positions(shard)
    return ACCEPTED
