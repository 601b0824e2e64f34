"""Rows of `orders`: a parent as it was given, and how far it has come."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from projections.views.arrays import (
    Array,
    add_at,
    last_of_each,
    micros,
    product,
    step,
    where_known,
    wide,
)
from projections.views.batch import Records
from projections.views.child_rows import signs, valid_mid_x2
from projections.views.view import MISSING
from schemas.codes import OrderState

if TYPE_CHECKING:
    from projections.views.fold import Fold
    from projections.views.performance import Performance


class PricedFrom(IntEnum):
    """What prices the part of an order that was not filled."""

    NOTHING = 0
    HORIZON = 1
    LAST_DECISION = 2


FINAL = (OrderState.DONE, OrderState.CANCELED, OrderState.EXPIRED, OrderState.REFUSED)
FROM_DECISION = ("policy", "arrival_bid_nanos", "arrival_ask_nanos")


def open_orders(rows: Array) -> Array:
    """Which orders can still be expected to change."""
    is_open: Array = rows["is_final"] == 0
    return is_open


def fold_decisions(fold: Fold, made: Array, figures: Performance) -> None:
    """An order's first decision says what policy it is under and what its benchmark is."""
    orders = fold.orders
    at = orders.find(made["order_id"])
    distinct, first = np.unique(at, return_index=True)
    is_first = orders.rows["decisions"][distinct] == 0
    distinct, first = distinct[is_first], first[is_first]
    for name in FROM_DECISION:
        orders.rows[name][distinct] = made[name][first]
    orders.rows["arrival_flags"][distinct] = made["flags"][first]
    add_at(orders.rows["decisions"], at, 1)
    touched, last = last_of_each(at)
    for name in ("sweep_units", "sweep_cost_micros"):
        orders.rows[name][touched] = made[name][last]
    met = orders.rows[distinct]
    scale = fold.units_per_one[met["instrument"]]
    figures.add_orders(met, at_arrival(met, met["order_units"], scale))


def fold_states_of_orders(fold: Fold, records: Records, figures: Performance) -> None:
    """Folds ORDER_STATE records; each tells its order's progress in full."""
    if not len(records):
        return
    at = fold.orders.find(fold.ids(records["order_id"]))
    known, fields = fold.orders.rows, records.fields
    scale = fold.units_per_one[fields["instrument"]]
    owner = known[at]
    executed = at_arrival(owner, fields["cum_units"], scale)
    paid = shortfall(owner, fields, scale)
    figures.add_progress(
        owner,
        fields,
        step(at, executed, before_executed(known, at, scale)),
        step(at, paid, owner["shortfall_micros"]),
    )
    note_ends(known, records, at, scale, figures)
    distinct, last = last_of_each(at)
    for name in ("state", "reason", "cum_units", "outstanding_units", "fee_nanos"):
        known[name][distinct] = fields[name][last]
    known["notional_micros"][distinct] = micros(wide(fields[last], "notional"), scale[last])
    known["shortfall_micros"][distinct] = paid[last]
    known["updated_ns"][distinct] = fields["log_ns"][last]
    known["updated_out_seq"][distinct] = fields["out_seq"][last]


def before_executed(known: Array, at: Array, scale: Array) -> Array:
    """What each record's order had executed before the batch, at its arrival mid."""
    return at_arrival(known[at], known["cum_units"][at], scale)


def note_ends(
    known: Array, records: Records, at: Array, scale: Array, figures: Performance
) -> None:
    """Counts each order once, when it first reaches a final state."""
    final = np.flatnonzero(np.isin(records["state"], FINAL))
    final = final[known["is_final"][at[final]] == 0]
    distinct, first = np.unique(at[final], return_index=True)
    rows = final[first]
    known["is_final"][distinct] = 1
    left = np.maximum(0, known["order_units"][distinct] - records["cum_units"][rows])
    unfilled = at_arrival(known[distinct], left, scale[rows])
    missed, source = opportunity(known[distinct], left, unfilled, records.fields[rows], scale[rows])
    known["opportunity_micros"][distinct] = missed
    known["opportunity_from"][distinct] = source
    figures.add_ends(known[distinct], records.fields[rows], left == 0, unfilled, missed)


def opportunity(
    orders: Array, left: Array, unfilled: Array, ends: Array, scale: Array
) -> tuple[Array, Array]:
    """s (left * P - left * arrival mid) + fees in micros, and where P is from.

    P is of a sweep of what is left when the order ended, as its last ORDER_STATE in `ends` tells;
    where the books could not have taken that much, of the sweep of its last decision.
    """
    is_known = arrival_mid_x2(orders) != MISSING
    at_end, decided = ends["horizon_units"] >= left, orders["sweep_units"] >= left
    units = np.maximum(1, orders["sweep_units"])
    swept = product(orders["sweep_cost_micros"], left) // units
    swept = np.where(at_end, micros(wide(ends, "horizon_cost"), scale), swept)
    found = np.asarray(swept - signs(orders["side"]) * unfilled).astype(np.int64)
    missed = where_known(
        (is_known & (at_end | decided)) | (left == 0), np.where(left == 0, 0, found)
    )
    priced = np.where(at_end, PricedFrom.HORIZON, PricedFrom.LAST_DECISION)
    return missed, np.where((missed == MISSING) | (left == 0), PricedFrom.NOTHING, priced)


def at_arrival(orders: Array, units: Array, scale: Array) -> Array:
    """Units valued at their orders' arrival mid, in micros; 0 where there was no valid one."""
    mid_x2 = arrival_mid_x2(orders)
    return micros(product(np.where(mid_x2 == MISSING, 0, mid_x2), units), 2 * scale)


def arrival_mid_x2(orders: Array) -> Array:
    """Twice the arrival mid of orders; MISSING for a one-sided, locked or crossed arrival."""
    return valid_mid_x2(orders["arrival_bid_nanos"], orders["arrival_ask_nanos"], may_lock=False)


def shortfall(orders: Array, fields: Array, scale: Array) -> Array:
    """s (notional - executed units * arrival mid) + fees of what was executed, in micros."""
    mid_x2 = arrival_mid_x2(orders)
    is_known = mid_x2 != MISSING
    benchmark = product(np.where(is_known, mid_x2, 0), fields["cum_units"]).astype(object)
    paid = signs(orders["side"]) * (2 * wide(fields, "notional").astype(object) - benchmark)
    found = micros(paid, 2 * scale) + fields["fee_nanos"] // 1000
    return where_known(is_known, found)
