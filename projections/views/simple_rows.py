"""Rows of `refusals` and `alarms`: records that refer to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from projections.views import columns
from projections.views.arrays import Array
from projections.views.batch import OutputBatch
from projections.views.columns import View
from projections.views.decision_rows import copy_fields
from schemas.codes import OutputType

if TYPE_CHECKING:
    from projections.views.fold import Fold


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


def simple_rows(fold: Fold, batch: OutputBatch, kind: OutputType, view: View) -> Array:
    """Fields that row and record share; order ids over all shards, 0 for none."""
    records = batch.records(kind)
    rows = np.zeros(len(records), dtype=view.dtype())
    copy_fields(rows, records)
    rows["shard"], rows["id"] = fold.shard, fold.ids(rows["out_seq"])
    rows["order_id"] = np.where(rows["order_id"] != 0, fold.ids(rows["order_id"]), 0)
    return rows
