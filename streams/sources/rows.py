"""Checked rows: what is wrong with each is counted by name, what stays is normalised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.units import MAX_PRICE_NANOS, MAX_UNITS
from streams.sources.report import ReadReport
from streams.sources.table import MISSING

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass
class Rows:
    """Columns of one file's rows, each of shape (rows,); venue and instrument are dense or -1."""

    file: str
    lines: Ints
    log_ns: Ints
    venue_ns: Ints
    venue: Ints
    instrument: Ints
    is_repaired: Bools

    def take(self, index: Bools | Ints) -> None:
        """Keep only the rows of `index`, in its order."""
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(self, name, value[index])


@dataclass
class QuoteRows(Rows):
    """Rows with both sides of a book."""

    bid: Ints
    bid_units: Ints
    ask: Ints
    ask_units: Ints


@dataclass
class TradeRows(Rows):
    """Rows with one print each; `aggressor` is 0 unknown, 1 buy, 2 sell."""

    price: Ints
    units: Ints
    conditions: Ints
    aggressor: Ints


def check_time(rows: Rows, backwards: str, report: ReadReport) -> None:
    """Count rows whose time is before an earlier row's; sort them in (stable) or drop them."""
    if not len(rows.log_ns):
        return
    late = rows.log_ns < np.maximum.accumulate(rows.log_ns)
    if not late.any():
        return
    if backwards == "reject":
        report.count("time_backwards_rejected", rows.file, late, rows.lines)
        rows.take(~late)
        return
    report.count("time_backwards_sorted", rows.file, late, rows.lines)
    rows.is_repaired = rows.is_repaired | late
    rows.take(np.argsort(rows.log_ns, kind="stable"))


def check_quotes(rows: QuoteRows, report: ReadReport) -> None:
    """Reject bad rows, empty missing and zero-size sides, count crossed and locked books."""
    no_bid = _is_missing(rows.bid, rows.bid_units)
    no_ask = _is_missing(rows.ask, rows.ask_units)
    bad_price = (~no_bid & _is_bad_price(rows.bid)) | (~no_ask & _is_bad_price(rows.ask))
    negative = (~no_bid & (rows.bid_units < 0)) | (~no_ask & (rows.ask_units < 0))
    too_large = (~no_bid & (rows.bid_units > MAX_UNITS)) | (~no_ask & (rows.ask_units > MAX_UNITS))
    keep = _reject(
        rows, report, {"bad_price": bad_price, "negative_size": negative, "too_large": too_large}
    )
    zero_size = (~no_bid & (rows.bid_units == 0)) | (~no_ask & (rows.ask_units == 0))
    report.count("half_missing", rows.file, keep & (no_bid ^ no_ask), rows.lines)
    report.count("both_sides_missing", rows.file, keep & no_bid & no_ask, rows.lines)
    report.count("zero_size_side", rows.file, keep & zero_size, rows.lines)
    _empty(no_bid | (rows.bid_units == 0), rows.bid, rows.bid_units)
    _empty(no_ask | (rows.ask_units == 0), rows.ask, rows.ask_units)
    two_sided = keep & (rows.bid_units > 0) & (rows.ask_units > 0)
    report.count("crossed", rows.file, two_sided & (rows.bid > rows.ask), rows.lines)
    report.count("locked", rows.file, two_sided & (rows.bid == rows.ask), rows.lines)
    if not keep.all():
        rows.take(keep)


def check_trades(rows: TradeRows, report: ReadReport) -> None:
    """Reject prints without a price above 0 and a size above 0."""
    reasons = {
        "bad_price": _is_bad_price(rows.price),
        "negative_size": rows.units < 0,
        "zero_size_trade": rows.units == 0,
        "too_large": rows.units > MAX_UNITS,
    }
    keep = _reject(rows, report, reasons)
    if not keep.all():
        rows.take(keep)


def reject_flagged(rows: Rows, flagged: Bools, report: ReadReport) -> None:
    """Drop the rows that the source itself calls suspicious."""
    report.count("flagged_suspicious", rows.file, flagged, rows.lines)
    if flagged.any():
        rows.take(~flagged)


def _reject(rows: Rows, report: ReadReport, reasons: dict[str, Bools]) -> Bools:
    """Rows without a reason to go; each rejected row is counted under its first reason."""
    unnamed = {"unknown_venue": rows.venue < 0, "unknown_instrument": rows.instrument < 0}
    keep = np.ones(len(rows.log_ns), dtype=np.bool_)
    for name, hits in {**unnamed, **reasons}.items():
        report.count(name, rows.file, keep & hits, rows.lines)
        keep &= ~hits
    return keep


def _is_missing(price: Ints, units: Ints) -> Bools:
    missing: Bools = (price == MISSING) | (units == MISSING) | ((price == 0) & (units == 0))
    return missing


def _is_bad_price(price: Ints) -> Bools:
    return (price <= 0) | (price > MAX_PRICE_NANOS)


def _empty(where: Bools, price: Ints, units: Ints) -> None:
    price[where] = 0
    units[where] = 0
