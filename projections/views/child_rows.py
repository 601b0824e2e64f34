"""Rows of `children` and `fills`: what was sent, what came back, and what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from projections.views import columns
from projections.views.adjustments import adjust
from projections.views.arrays import (
    Array,
    add_at,
    last_of_each,
    micros,
    product,
    step,
    where_known,
)
from projections.views.batch import Records
from projections.views.decision_rows import copy_fields
from projections.views.view import MISSING
from schemas.codes import ChildState, ExecType, Side

if TYPE_CHECKING:
    from projections.views.fold import Fold
    from projections.views.performance import Performance

ENDED = (ChildState.FILLED, ChildState.CANCELED, ChildState.REJECTED, ChildState.EXPIRED)
FILLS = (ExecType.TRADE, ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT)
BEFORE_SENT = (ChildState.HELD, ChildState.PLANNED)
UNANSWERED = 0
"""Type of execution of a state that a timer told, not a venue."""


def signs(side: Array) -> Array:
    """+1 for a buy, -1 for every kind of sell."""
    return np.where(side == Side.BUY, 1, -1)


def open_children(rows: Array) -> Array:
    """Which children can still be expected to change."""
    return ~np.isin(rows["state"], ENDED)


def valid_mid_x2(bid: Array, ask: Array, may_lock: bool) -> Array:
    """Twice the mid; MISSING where a side is absent or the two are crossed."""
    is_valid = (bid > 0) & (ask > 0) & ((bid < ask) | ((bid == ask) & may_lock))
    return where_known(is_valid, bid + ask)


def create_children(fold: Fold, records: Records) -> Array:
    """Makes and remembers the rows of CHILD records."""
    rows = np.zeros(len(records), dtype=columns.CHILDREN.dtype())
    if not len(records):
        return rows
    copy_fields(rows, records)
    rows["shard"] = fold.shard
    rows["id"] = fold.ids(records["child_id"])
    rows["order_id"] = fold.ids(records["order_id"])
    rows["decision_id"] = fold.ids(records["decision_id"])
    order = fold.orders.rows[fold.orders.find(rows["order_id"])]
    rows["client"] = order["client"]
    bid, ask = order["arrival_bid_nanos"], order["arrival_ask_nanos"]
    rows["arrival_x2_nanos"] = valid_mid_x2(bid, ask, may_lock=False)
    price_children(fold, rows)
    rows["state"] = ChildState.SENT
    rows["ack_latency_ns"] = rows["fill_latency_ns"] = MISSING
    rows["updated_ns"], rows["updated_out_seq"] = records["log_ns"], records["out_seq"]
    fold.children.add(rows)
    add_at(fold.orders.rows["children"], fold.orders.find(rows["order_id"]), 1)
    return rows


def price_children(fold: Fold, rows: Array) -> None:
    """What a child's fills will be compared with, from the snapshot of its decision."""
    decision = fold.decisions.rows[fold.decisions.find(rows["decision_id"])]
    rows["policy"] = decision["policy"]
    bid, ask = decision["displayed_bid_nanos"], decision["displayed_ask_nanos"]
    rows["mid_x2_nanos"] = valid_mid_x2(bid, ask, may_lock=True)
    is_buy = rows["side"] == Side.BUY
    far = np.where(is_buy, decision["protected_ask_nanos"], decision["protected_bid_nanos"])
    reaches = np.where(is_buy, rows["limit_nanos"] >= far, rows["limit_nanos"] <= far)
    rows["far_nanos"] = where_known((far > 0) & reaches, far)


def of_sent(fold: Fold, records: Records) -> Records:
    """The states of children that were sent: one that is held has no row before it leaves, and one
    that dies before has none at all.
    """
    is_known = fold.children.find(fold.ids(records["child_id"])) >= 0
    unsaid = (records["state"] == ChildState.CANCELED) & (records["exec_type"] == UNANSWERED)
    is_sent = ~np.isin(records["state"], BEFORE_SENT) & (is_known | ~unsaid)
    kept = np.flatnonzero(is_sent)
    return Records(records.rows[kept], records.fields[kept])


def fold_states(fold: Fold, records: Records, orders: Records, figures: Performance) -> Array:
    """Folds CHILD_STATE records into their children; the rows of `fills`.

    `orders` are the ORDER_STATE records of the same batch.
    """
    at = fold.children.find(fold.ids(records["child_id"]))
    known = fold.children.rows
    note_answers(known, records, at, figures)
    ended = ended_now(known, records, at)
    figures.add_rejects(known[at[ended]], records.fields[ended])
    fills = fill_rows(fold, records, at, orders, figures)
    distinct, last = last_of_each(at)
    known["state"][distinct] = records["state"][last]
    known["cum_units"][distinct] = records["cum_units"][last]
    known["updated_ns"][distinct] = records["log_ns"][last]
    known["updated_out_seq"][distinct] = records["out_seq"][last]
    return fills


def ended_now(known: Array, records: Records, at: Array) -> Array:
    """Rows of records that reject a child which was not rejected before."""
    rejecting = np.flatnonzero(records["state"] == ChildState.REJECTED)
    rejecting = rejecting[known["state"][at[rejecting]] != ChildState.REJECTED]
    _, first = np.unique(at[rejecting], return_index=True)
    found: Array = rejecting[first]
    return found


def note_answers(known: Array, records: Records, at: Array, figures: Performance) -> None:
    """Latency of each child's first answer."""
    answers = np.flatnonzero(records["exec_type"] != UNANSWERED)
    answers = answers[known["ack_latency_ns"][at[answers]] == MISSING]
    first, place = np.unique(at[answers], return_index=True)
    heard_ns = records["log_ns"][answers[place]]
    known["ack_latency_ns"][first] = heard_ns - known["log_ns"][first]
    figures.add_latency(known[first], 0, known["ack_latency_ns"][first], heard_ns)


def fill_rows(
    fold: Fold, records: Records, at: Array, orders: Records, figures: Performance
) -> Array:
    """Rows of `fills`; their children gain units, money and fees."""
    chosen = np.flatnonzero(np.isin(records["exec_type"], FILLS))
    known = fold.children.rows
    moved = step(at, records["cum_units"], known["cum_units"][at])[chosen]
    fields, at = records.fields[chosen], at[chosen]
    child = known[at]
    rows = np.zeros(len(chosen), dtype=columns.FILLS.dtype())
    copy_fields(rows, Records(chosen, fields))
    for name in ("order_id", "decision_id", "client", "account", "cl_ord_id", "side", "policy"):
        rows[name] = child[name]
    rows["shard"], rows["id"], rows["child_id"] = (
        fold.shard,
        fold.ids(fields["out_seq"]),
        child["id"],
    )
    rows["trade_id"] = fields["trade_id"].view(np.int64)
    rows["units"], rows["price_nanos"] = fields["last_units"], fields["last_nanos"]
    rows["latency_ns"] = fields["log_ns"] - child["log_ns"]
    price_fills(rows, child, fold.units_per_one[rows["instrument"]])
    adjust(fold, rows, child, moved, orders)
    add_at(known["fills"], at, rows["exec_type"] == ExecType.TRADE)
    add_at(known["fee_nanos"], at, rows["fee_nanos"])
    add_at(known["notional_micros"], at, rows["notional_micros"])
    first, place = np.unique(at, return_index=True)
    is_new = known["fill_latency_ns"][first] == MISSING
    first, place = first[is_new], place[is_new]
    known["fill_latency_ns"][first] = rows["latency_ns"][place]
    figures.add_latency(known[first], 1, rows["latency_ns"][place], rows["log_ns"][place])
    figures.add_fills(rows, child, place, fold.units_per_one[rows["instrument"]])
    return rows


def price_fills(rows: Array, child: Array, scale: Array) -> None:
    """Money of fills: DOMAIN's effective spread, price improvement and all-in cost."""
    sign, units, price = signs(rows["side"]), rows["units"], rows["price_nanos"]
    rows["notional_micros"] = micros(product(price, units), scale)
    mid_x2, far, arrival_x2 = child["mid_x2_nanos"], child["far_nanos"], child["arrival_x2_nanos"]
    paid = np.where(mid_x2 == MISSING, 0, sign * (2 * price - mid_x2))
    rows["effective_micros"] = where_known(mid_x2 != MISSING, micros(product(paid, units), scale))
    gained = np.where(far == MISSING, 0, sign * (far - price))
    rows["improvement_micros"] = where_known(far != MISSING, micros(product(gained, units), scale))
    slipped = np.where(arrival_x2 == MISSING, 0, sign * (2 * price - arrival_x2))
    slip = micros(product(slipped, units), 2 * scale) + rows["fee_nanos"] // 1000
    rows["all_in_micros"] = where_known(arrival_x2 != MISSING, slip)
