"""Market records from checked rows, and their one total order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.codes import InputType, QuoteFlag, TradeCondition
from schemas.market import QUOTE, TRADE
from streams.sources.rows import Bools, QuoteRows, Rows, TradeRows

Records = NDArray[np.void]
"""Market records, shape (n,), dtype QUOTE.dtype; `chunk.view(TRADE.dtype)` reads the TRADEs."""

SOURCE_OF_VENUE_0 = 1
BOTH_MODELLED = int(QuoteFlag.MODELLED_BID | QuoteFlag.MODELLED_ASK)
MAX_SPAN_NS = 2**55
"""Times of one file group must lie within this (417 days) to be sorted as one integer key."""


def quote_records(rows: QuoteRows, is_modelled: Bools | None = None) -> Records:
    """One QUOTE per row, top of book; both sides marked where `is_modelled`."""
    records = QUOTE.zeros(len(rows.log_ns))
    _fill_header(records, rows, InputType.QUOTE)
    records["flags"] = np.where(rows.is_repaired, int(QuoteFlag.REPAIRED), 0)
    if is_modelled is not None:
        records["flags"] |= np.where(is_modelled, BOTH_MODELLED, 0).astype(np.uint8)
    records["bid_nanos"] = rows.bid
    records["bid_units"] = rows.bid_units
    records["ask_nanos"] = rows.ask
    records["ask_units"] = rows.ask_units
    return records


def trade_records(rows: TradeRows, is_modelled: Bools | None = None) -> Records:
    """One TRADE per row, in a QUOTE-typed array."""
    records = TRADE.zeros(len(rows.log_ns))
    _fill_header(records, rows, InputType.TRADE)
    records["price_nanos"] = rows.price
    records["units"] = rows.units
    records["trade_id"] = rows.lines
    records["conditions"] = rows.conditions
    records["aggressor"] = rows.aggressor
    if is_modelled is not None:
        records["conditions"] |= np.where(is_modelled, int(TradeCondition.MODELLED), 0).astype("u4")
    return records.view(QUOTE.dtype)


def _fill_header(records: Records, rows: Rows, kind: InputType) -> None:
    records["type"] = int(kind)
    records["venue"] = rows.venue
    records["source"] = rows.venue + SOURCE_OF_VENUE_0
    records["instrument"] = rows.instrument
    records["log_ns"] = rows.log_ns
    records["venue_ns"] = rows.venue_ns


def ordered(parts: Sequence[Records]) -> Records:
    """All records by (log_ns, source); equal keys keep the order of `parts` and of rows."""
    records = parts[0] if len(parts) == 1 else np.concatenate(parts)
    if not len(records):
        return records
    log_ns = records["log_ns"]
    start = int(log_ns.min())
    if int(log_ns.max()) - start >= MAX_SPAN_NS:
        order = np.lexsort((records["source"], log_ns))
    else:
        order = np.argsort((log_ns - start) * 256 + records["source"], kind="stable")
    return records[order]


def number(records: Records, last_seq: NDArray[np.uint64]) -> None:
    """Give each source its next dense source_seq; `last_seq` (256,) is read and moved on."""
    sources = records["source"]
    order = np.argsort(sources, kind="stable")
    counts = np.bincount(sources, minlength=256)
    starts = np.cumsum(counts) - counts
    within = np.arange(len(records)) - np.repeat(starts, counts)
    numbers = np.empty(len(records), dtype=np.uint64)
    numbers[order] = (within + 1).astype(np.uint64) + np.repeat(last_seq, counts)
    records["source_seq"] = numbers
    last_seq += counts.astype(np.uint64)
