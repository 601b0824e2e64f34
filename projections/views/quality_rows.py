"""Rows of the quality tables: the last record of each place, and of each cadence bucket."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from projections.views import columns
from projections.views.arrays import Array, Grouping
from projections.views.batch import OutputBatch, Records
from projections.views.decision_rows import copy_fields
from projections.views.quality import ERRORS_BY_SAMPLES, VALUES_BY_SAMPLES
from projections.views.view import MISSING, View
from schemas.codes import OutputType
from schemas.estimates import MIN_FOR_ERROR

TABLES: dict[OutputType, View] = {
    OutputType.QUALITY: columns.QUALITY,
    OutputType.EXECUTION_QUALITY: columns.EXECUTION_QUALITY,
    OutputType.VENUE_QUALITY: columns.VENUE_QUALITY,
}
QUANTILES = ("p50", "p90", "p99")


def quality_rows(batch: OutputBatch, history_ns: int) -> Iterator[tuple[View, Array]]:
    """Rows that replace others in the latest tables and in the history."""
    for kind, view in TABLES.items():
        records = batch.records(kind)
        if not len(records):
            continue
        place = [records["instrument"], records["venue"]]
        bucket = records["log_ns"] // history_ns * history_ns
        yield view, latest_rows(batch, kind, view, last_of(records, place))
        yield (
            columns.QUALITY_HISTORY,
            history_rows(batch, kind, last_of(records, [*place, bucket]), history_ns),
        )


def last_of(records: Records, keys: list[Array]) -> Records:
    """The last record of each key."""
    groups = Grouping([key[::-1].astype(np.int64) for key in keys])
    chosen = np.sort(len(records) - 1 - groups.first)
    return Records(records.rows[chosen], records.fields[chosen])


def latest_rows(batch: OutputBatch, kind: OutputType, view: View, records: Records) -> Array:
    """Rows of a latest table; what nothing stands behind is missing."""
    rows = np.zeros(len(records), dtype=view.dtype())
    copy_fields(rows, records)
    rows["shard"] = batch.shard
    rows["record"] = [batch.raw(row) for row in records.rows]
    if kind is OutputType.QUALITY:
        hide_missing(rows, records)
    hide_estimates(rows)
    if kind is OutputType.VENUE_QUALITY:
        hide_latencies(rows)
    return rows


def hide_missing(rows: Array, records: Records) -> None:
    """NaN where the samples behind a value are none, or too few for an error."""
    for tables, least in ((VALUES_BY_SAMPLES, 0.0), (ERRORS_BY_SAMPLES, MIN_FOR_ERROR)):
        for samples, values in tables.items():
            n = records[samples]
            is_thin = n < least if least else ~(n > 0.0)
            for name in values:
                if name in (rows.dtype.names or ()):
                    rows[name][is_thin] = np.nan


def hide_estimates(rows: Array) -> None:
    """NaN for means of nothing and errors of fewer than two, by their `_n`."""
    for name in rows.dtype.names or ():
        value = name.removesuffix("_n")
        if not name.endswith("_n") or value not in (rows.dtype.names or ()):
            continue
        rows[value][~(rows[name] > 0.0)] = np.nan
        if f"{value}_se" in (rows.dtype.names or ()):
            rows[f"{value}_se"][rows[name] < MIN_FOR_ERROR] = np.nan


def hide_latencies(rows: Array) -> None:
    """MISSING for quantiles of latencies that were never seen."""
    for name in ("feed", "ack", "fill"):
        for quantile in QUANTILES:
            if f"{name}_{quantile}_ns" in (rows.dtype.names or ()):
                rows[f"{name}_{quantile}_ns"][rows[f"{name}_n"] == 0] = MISSING


def history_rows(batch: OutputBatch, kind: OutputType, records: Records, history_ns: int) -> Array:
    """Rows of `quality_history`."""
    rows = np.zeros(len(records), dtype=columns.QUALITY_HISTORY.dtype())
    copy_fields(rows, records)
    rows["kind"], rows["shard"] = kind, batch.shard
    rows["bucket_ns"] = records["log_ns"] // history_ns * history_ns
    rows["record"] = [batch.raw(row) for row in records.rows]
    return rows
