"""Reader `binance_csv`: near-fungible markets of one operator, made comparable.

Contract sizes become units at the market's own last mid, and every market but the reference loses
its usual gap to it (see `basis`). Both are marked modelled.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np

from schemas.errors import InputError
from schemas.units import price_nanos
from streams.sources.base import FileGroup
from streams.sources.basis import MidSeries, Shift, basis_shift, joined_mids, mid_series
from streams.sources.bbo_csv import BboReader
from streams.sources.config import Dataset
from streams.sources.contracts import contract_units
from streams.sources.names import listing_for, tick_nanos
from streams.sources.records import Records, quote_records, trade_records
from streams.sources.rows import Bools, Ints, QuoteRows, Rows, TradeRows

AnyRows = TypeVar("AnyRows", bound=Rows)


class BinanceReader(BboReader):
    """Quotes and prints of several markets, basis taken off, contracts turned into units."""

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        if not dataset.basis:
            raise InputError(f"{dataset.name}: reader `binance_csv` needs a [basis] table")
        self.basis = dataset.basis
        self.reference_venue = [venue.key for venue in dataset.venues].index(self.basis.reference)
        super().__init__(dataset, folder)

    def group_records(self, group: FileGroup) -> list[Records]:
        quotes = [self.read_quotes(path) for path in group.quotes]
        trades = [self.read_trades(path) for path in group.trades]
        prints: list[Records] = []
        books: list[Records] = []
        for instrument in range(len(self.instrument_ids)):
            reference = _mids(quotes, self.reference_venue, instrument)
            for venue in range(len(self.dataset.venues)):
                market = Market(
                    self, venue, instrument, _mids(quotes, venue, instrument), reference
                )
                prints += [market.trades(_part(rows, venue, instrument)) for rows in trades]
                books += [market.quotes(_part(rows, venue, instrument)) for rows in quotes]
        return prints + books

    def keep(self, rows: Rows, good: Bools, outcome: str) -> None:
        """Drop the rows that are not good, counted as `outcome`."""
        self._report.count(outcome, rows.file, ~good, rows.lines)
        if not good.all():
            rows.take(good)


class Market:
    """One instrument at one venue: turns its rows into comparable records."""

    def __init__(
        self,
        reader: BinanceReader,
        venue: int,
        instrument: int,
        mids: MidSeries,
        reference: MidSeries,
    ) -> None:
        dataset = reader.dataset
        key = reader.instruments()[instrument]
        listing = listing_for(dataset, dataset.venues[venue].key, key)
        self.reader = reader
        self.mids = mids
        self.contract_nanos = price_nanos(listing.contract_value or "0")
        self.shift: Shift | None = None
        if venue != reader.reference_venue:
            tick = tick_nanos(dataset, listing)
            self.shift = basis_shift(mids, reference, reader.basis, tick)

    def quotes(self, rows: QuoteRows) -> Records:
        """Records of this market's quotes."""
        if self.contract_nanos:
            doubled = self._doubled_mid(rows.log_ns, "right", rows.bid + rows.ask)
            rows.bid_units = contract_units(rows.bid_units, self.contract_nanos, doubled)
            rows.ask_units = contract_units(rows.ask_units, self.contract_nanos, doubled)
        basis = self._warm_basis(rows)
        rows.bid = np.where(rows.bid_units > 0, rows.bid - basis, 0)
        rows.ask = np.where(rows.ask_units > 0, rows.ask - basis, 0)
        self.reader.keep(rows, (rows.bid >= 0) & (rows.ask >= 0), "bad_price")
        return quote_records(rows, self._is_modelled(rows))

    def trades(self, rows: TradeRows) -> Records:
        """Records of this market's prints."""
        if self.contract_nanos:
            doubled = self._doubled_mid(rows.log_ns, "left", 2 * rows.price)
            rows.units = contract_units(rows.units, self.contract_nanos, doubled)
        basis = self._warm_basis(rows)
        rows.price = rows.price - basis
        self.reader.keep(rows, rows.price > 0, "bad_price")
        self.reader.keep(rows, rows.units > 0, "zero_size_trade")
        return trade_records(rows, self._is_modelled(rows))

    def _doubled_mid(self, times_ns: Ints, side: str, otherwise: Ints) -> Ints:
        """Last doubled mid at (`right`) or before (`left`) each time, else the row's own."""
        at_ns = times_ns + 1 if side == "right" else times_ns
        doubled, known = self.mids.last_before(at_ns)
        return np.maximum(np.where(known, doubled, otherwise), 1)

    def _warm_basis(self, rows: Rows) -> Ints:
        """Basis of each row; rows without one are dropped from `rows`."""
        if self.shift is None:
            return np.zeros(len(rows.log_ns), dtype=np.int64)
        basis = self.shift.at(rows.log_ns)
        is_known = ~np.isnan(basis)
        self.reader.keep(rows, is_known, "basis_warmup")
        return basis[is_known].astype(np.int64)

    def _is_modelled(self, rows: Rows) -> Bools:
        is_modelled = self.shift is not None or self.contract_nanos > 0
        return np.full(len(rows.log_ns), is_modelled, dtype=np.bool_)


def _of(rows: Rows, venue: int, instrument: int) -> Bools:
    found: Bools = (rows.venue == venue) & (rows.instrument == instrument)
    return found


def _part(rows: AnyRows, venue: int, instrument: int) -> AnyRows:
    part = type(rows)(**vars(rows))
    part.take(_of(rows, venue, instrument))
    return part


def _mids(quotes: list[QuoteRows], venue: int, instrument: int) -> MidSeries:
    return joined_mids([mid_series(rows, _of(rows, venue, instrument)) for rows in quotes])
