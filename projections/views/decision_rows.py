"""Rows of `decisions`: the fixed part of the record, who it was for, and where the whole lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from projections.views import columns
from projections.views.arrays import Array, micros, wide
from projections.views.batch import OutputBatch, Records, gather
from schemas.decisions import ALLOCATION

if TYPE_CHECKING:
    from projections.views.fold import Fold

COSTS = ("expected_cost", "best_price_cost", "sweep_cost")


def decision_rows(fold: Fold, batch: OutputBatch, records: Records) -> Array:
    """One row a DECISION record; the client is the order's."""
    rows = np.zeros(len(records), dtype=columns.DECISIONS.dtype())
    if not len(records):
        return rows
    copy_fields(rows, records)
    rows["shard"] = fold.shard
    rows["id"] = fold.ids(records["out_seq"])
    rows["order_id"] = fold.ids(records["order_id"])
    rows["client"] = fold.orders.rows["client"][fold.orders.find(rows["order_id"])]
    scale = fold.units_per_one[records["instrument"]]
    for name in COSTS:
        rows[f"{name}_micros"] = micros(wide(records.fields, name), scale)
    rows["venue_mask"] = venue_masks(batch, records)
    rows["segment_seq"] = batch.places.segment_seq[records.rows]
    rows["frame_offset"] = batch.places.frame_offset[records.rows]
    rows["record_offset"] = batch.places.record_offset[records.rows]
    rows["record_bytes"] = records["size"]
    return rows


def copy_fields(rows: Array, records: Records) -> None:
    """Copies the fields that row and record share by name."""
    known = records.fields.dtype.names or ()
    for name in rows.dtype.names or ():
        if name in known:
            rows[name] = records[name]


def venue_masks(batch: OutputBatch, records: Records) -> Array:
    """A bit for each venue that got a child; allocations end the record."""
    counts = records["children"].astype(np.int64)
    ends = batch.start[records.rows] + records["size"]
    owner = np.repeat(np.arange(len(records)), counts)
    place = np.arange(len(owner)) - np.repeat(np.add.accumulate(counts) - counts, counts)
    starts = ends[owner] - (counts[owner] - place) * ALLOCATION.size
    venues = gather(batch.bytes, starts, ALLOCATION.dtype)["venue"].astype(np.uint64)
    masks = np.zeros(len(records), dtype=np.uint64)
    np.bitwise_or.at(masks, owner, np.left_shift(np.uint64(1), venues & np.uint64(63)))
    return masks.view(np.int64)
