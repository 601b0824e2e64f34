"""Trades that a venue takes back or corrects, as rows that move units and money by the difference.

A child's state tells its new count, its order's state from the same input the new money: what they
moved by is what the trade changed by. All figures of a fill are linear in units and money, so sums
over fills come out as if the trade had been booked right at first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from projections.views.arrays import Array, micros, product, step, where_known, wide
from projections.views.batch import Records
from projections.views.view import MISSING
from schemas.codes import ExecType
from schemas.errors import InvariantError

if TYPE_CHECKING:
    from projections.views.fold import Fold

CHANGES = (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT)


def adjust(fold: Fold, rows: Array, child: Array, moved: Array, order_states: Records) -> None:
    """Turns the rows of changed trades into differences; `moved` is each row's child's count."""
    changed = np.flatnonzero(np.isin(rows["exec_type"], CHANGES))
    if not len(changed):
        return
    money = order_moves(fold, order_states)
    scale = fold.units_per_one[rows["instrument"][changed]]
    for row, units in zip(changed.tolist(), moved[changed].tolist(), strict=True):
        key = (int(rows["order_id"][row]), int(rows["seq"][row]))
        if key not in money:
            raise InvariantError(
                f"output {rows['out_seq'][row]} changes a trade and its order's state is not in "
                "the same frame; rebuild the read models"
            )
        rows["units"][row] = units
        rows["notional_micros"][row], rows["fee_nanos"][row] = money[key]
    price_changes(rows, child, changed, scale)


def order_moves(fold: Fold, records: Records) -> dict[tuple[int, int], tuple[int, int]]:
    """(order, input) -> by how much notional (micros) and fees (nanos) moved."""
    ids = fold.ids(records["order_id"])
    at = fold.orders.find(ids)
    known = fold.orders.rows[at]
    notional = micros(wide(records.fields, "notional"), fold.units_per_one[records["instrument"]])
    moved = step(at, notional, known["notional_micros"])
    fees = step(at, records["fee_nanos"], known["fee_nanos"])
    found: dict[tuple[int, int], tuple[int, int]] = {}
    rows = (ids.tolist(), records["seq"].tolist(), moved.tolist(), fees.tolist())
    for order, seq, money, fee in zip(*rows, strict=True):
        before = found.get((order, seq), (0, 0))
        found[order, seq] = (before[0] + money, before[1] + fee)
    return found


def price_changes(rows: Array, child: Array, changed: Array, scale: Array) -> None:
    """Effective spread, improvement and all-in cost of differences."""
    part, owner = rows[changed], child[changed]
    sign = np.where(part["side"] == 1, 1, -1)
    units, notional = part["units"], part["notional_micros"]

    def at(price: Array, divisor: Array) -> Array:
        known = np.where(price == MISSING, 0, price)
        return micros(product(known, units), divisor)

    mid, far, arrival = (owner[n] for n in ("mid_x2_nanos", "far_nanos", "arrival_x2_nanos"))
    effective = 2 * sign * (notional - at(mid, 2 * scale))
    gained = sign * (at(far, scale) - notional)
    paid = sign * (notional - at(arrival, 2 * scale)) + part["fee_nanos"] // 1000
    rows["effective_micros"][changed] = where_known(mid != MISSING, effective)
    rows["improvement_micros"][changed] = where_known(far != MISSING, gained)
    rows["all_in_micros"][changed] = where_known(arrival != MISSING, paid)
