"""Rows of records that refer to nothing that is folded: refusals, alarms, breaks and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from projections.views import columns
from projections.views.arrays import Array, micros, wide
from projections.views.batch import OutputBatch
from projections.views.decision_rows import copy_fields
from projections.views.view import MISSING, View
from schemas.codes import OutputType

if TYPE_CHECKING:
    from projections.views.fold import Fold

REQUESTS = (OutputType.CANCEL_CHILD, OutputType.STATUS_REQUEST, OutputType.REPLACE_CHILD)


def refusal_rows(fold: Fold, batch: OutputBatch) -> Array:
    """One row a REFUSAL; a refused order's client is the one it was given with."""
    rows = simple_rows(fold, batch, OutputType.REFUSAL, columns.REFUSALS)
    at = fold.given.find(fold.ids(rows["seq"]))
    if len(fold.given.rows):
        rows["client"] = np.where(at < 0, b"", fold.given.rows["client"][at])
    return rows


def alarm_rows(fold: Fold, batch: OutputBatch) -> Array:
    """One row an ALARM."""
    rows = simple_rows(fold, batch, OutputType.ALARM, columns.ALARMS)
    is_named = rows["child_id"] != 0
    rows["child_id"] = np.where(is_named, fold.ids(rows["child_id"]), 0)
    return rows


def request_rows(fold: Fold, batch: OutputBatch) -> Array:
    """One row a CANCEL_CHILD, STATUS_REQUEST or REPLACE_CHILD, in the order of the log."""
    parts = []
    for kind in REQUESTS:
        rows = simple_rows(fold, batch, kind, columns.CHILD_REQUESTS)
        rows["kind"], rows["child_id"] = int(kind), fold.ids(rows["child_id"])
        parts.append(rows)
    found = np.concatenate(parts)
    return found[np.argsort(found["id"], kind="stable")]


def break_rows(fold: Fold, batch: OutputBatch) -> Array:
    """One row a BREAK."""
    rows = simple_rows(fold, batch, OutputType.BREAK, columns.BREAKS)
    rows["child_id"] = np.where(rows["child_id"] != 0, fold.ids(rows["child_id"]), 0)
    return rows


def position_rows(fold: Fold, batch: OutputBatch) -> Array:
    """One row a POSITION."""
    rows = simple_rows(fold, batch, OutputType.POSITION, columns.ACCOUNT_POSITIONS)
    records = batch.records(OutputType.POSITION)
    if len(records):
        scale = fold.units_per_one[records["instrument"]]
        rows["notional_micros"] = micros(wide(records.fields, "notional"), scale)
    return rows


def simple_rows(fold: Fold, batch: OutputBatch, kind: OutputType, view: View) -> Array:
    """Fields that row and record share; order ids over all shards, 0 for none."""
    records = batch.records(kind)
    rows = np.zeros(len(records), dtype=view.dtype())
    copy_fields(rows, records)
    rows["shard"], rows["id"] = fold.shard, fold.ids(rows["out_seq"])
    if "order_id" in view.names:
        rows["order_id"] = np.where(rows["order_id"] != 0, fold.ids(rows["order_id"]), 0)
    if "value" in view.names:
        # The least number stands for none in a row, and what is refused may hold any number.
        rows["value"] = np.maximum(rows["value"], MISSING + 1)
    return rows
