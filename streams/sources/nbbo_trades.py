"""Reader `nbbo_trades`: best-quote files that name one venue per side, with the tape of prints.

The named sides are recorded; the other venues' books are modelled from them and from the prints
(`core/nbbo_books.hpp` says how) and marked so. Books start empty each day and are emptied after
the day's last row.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from schemas.codes import TradeCondition
from schemas.errors import InputError
from schemas.market import QUOTE
from streams.sources._books import model_books
from streams.sources.base import FileGroup, GroupedReader
from streams.sources.config import Books, Dataset
from streams.sources.names import instrument_key, listing_for, lot_units, tick_nanos
from streams.sources.nbbo_rows import NbboRows, read_nbbo, read_tape
from streams.sources.records import Records, trade_records
from streams.sources.rows import (
    Ints,
    TradeRows,
    check_quotes,
    check_time,
    check_trades,
    reject_flagged,
)


class NbboReader(GroupedReader):
    """One instrument per file, one group per day."""

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        quotes, trades = dataset.quotes, dataset.trades
        if not (quotes.bid_market and quotes.ask_market and quotes.flag):
            raise InputError(
                f"{dataset.name}: reader `nbbo_trades` needs bid_market, ask_market and flag"
            )
        if not trades or not (trades.market and trades.conditions and trades.suspicious):
            raise InputError(
                f"{dataset.name}: reader `nbbo_trades` needs [trades] with market, conditions and "
                "suspicious"
            )
        self.tape = trades
        self.books = dataset.books or Books()
        super().__init__(dataset, folder)

    def find_instruments(self) -> list[str]:
        paths = [path for group in self.groups for path in (*group.quotes, *group.trades)]
        keys = {instrument_key(self.dataset.instruments, path.name) for path in paths}
        return sorted(keys - {""})

    def group_records(self, group: FileGroup) -> list[Records]:
        quotes = {self._instrument(path): self.read_quotes(path) for path in group.quotes}
        trades = {self._instrument(path): self.read_trades(path) for path in group.trades}
        prints = [trade_records(rows) for rows in trades.values()]
        return prints + [
            self._book_records(instrument, rows, trades.get(instrument))
            for instrument, rows in quotes.items()
        ]

    def read_quotes(self, path: Path) -> NbboRows:
        """Checked best quotes of one file."""
        rows, flagged = read_nbbo(self.dataset, path, self._instrument(path), self.venue_ids)
        self._report.rows[path.name] = len(rows.log_ns)
        reject_flagged(rows, flagged, self._report)
        check_quotes(rows, self._report)
        check_time(rows, self.dataset.clock.backwards, self._report)
        rows.bid_venue[rows.bid_units == 0] = -1
        rows.ask_venue[rows.ask_units == 0] = -1
        self._count_unchanged(rows)
        return rows

    def read_trades(self, path: Path) -> TradeRows:
        """Checked prints of one file."""
        instrument = self._instrument(path)
        rows, flagged = read_tape(self.dataset, self.tape, path, instrument, self.venue_ids)
        self._report.rows[path.name] = len(rows.log_ns)
        reject_flagged(rows, flagged, self._report)
        check_trades(rows, self._report)
        check_time(rows, self.dataset.clock.backwards, self._report)
        return rows

    def _instrument(self, path: Path) -> int:
        found = self.instrument_of(path.name)
        if found < 0:
            raise InputError(f"{path}: the name does not match `instruments.pattern`; correct it")
        return found

    def _count_unchanged(self, rows: NbboRows) -> None:
        best = _best_matrix(rows)[:, 1:]
        repeats = np.zeros(len(best), dtype=np.bool_)
        repeats[1:] = (best[1:] == best[:-1]).all(axis=1)
        self._report.count("unchanged_quote", rows.file, repeats, rows.lines)

    def _book_records(self, instrument: int, rows: NbboRows, trades: TradeRows | None) -> Records:
        key = self.instruments()[instrument]
        listing = listing_for(self.dataset, "", key)
        slots = model_books(
            _best_matrix(rows),
            np.empty((0, 4), dtype=np.int64) if trades is None else _print_matrix(trades),
            instrument=instrument,
            venues=len(self.dataset.venues),
            tick_nanos=tick_nanos(self.dataset, listing),
            step_back_ticks=self.books.step_back_ticks,
            max_lag_ticks=self.books.max_lag_ticks,
            size_memory=self.books.size_memory,
            round_lot_units=lot_units(self.dataset, listing),
        )
        return slots.view(QUOTE.dtype).reshape(-1)


def _best_matrix(rows: NbboRows) -> Ints:
    bid = (rows.bid, rows.bid_units, rows.bid_venue)
    ask = (rows.ask, rows.ask_units, rows.ask_venue)
    return np.column_stack((rows.log_ns, *bid, *ask))


def _print_matrix(rows: TradeRows) -> Ints:
    regular = (rows.conditions & int(TradeCondition.REGULAR)) != 0
    matrix = np.column_stack((rows.log_ns, rows.price, rows.units, rows.venue))
    return np.ascontiguousarray(matrix[regular])
