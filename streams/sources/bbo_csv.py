"""Reader `bbo_csv`: files whose rows hold venue, symbol and both sides of its book."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import InputError
from streams.sources.base import FileGroup, GroupedReader
from streams.sources.columns import quote_rows, quote_table, symbol_names, trade_rows, trade_table
from streams.sources.config import Dataset
from streams.sources.names import instrument_key
from streams.sources.records import Records, quote_records, trade_records
from streams.sources.rows import QuoteRows, TradeRows, check_quotes, check_time, check_trades


class BboReader(GroupedReader):
    """Quotes, and prints where the TOML names them, taken as they stand."""

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        for files in (dataset.quotes, dataset.trades):
            if files and (not files.market or not files.symbol):
                raise InputError(f"{dataset.name}: this reader needs `market` and `symbol` columns")
        super().__init__(dataset, folder)

    def find_instruments(self) -> list[str]:
        names: set[str] = set()
        for group in self.groups:
            for path in group.quotes:
                names.update(symbol_names(self.dataset.quotes, path))
        return sorted({instrument_key(self.dataset.instruments, name) for name in names} - {""})

    def group_records(self, group: FileGroup) -> list[Records]:
        trades = [trade_records(self.read_trades(path)) for path in group.trades]
        return trades + [quote_records(self.read_quotes(path)) for path in group.quotes]

    def read_quotes(self, path: Path) -> QuoteRows:
        """Checked quotes of one file."""
        table = quote_table(self.dataset, self.dataset.quotes, path)
        rows = quote_rows(self.dataset, table, self.venue_ids, self.instrument_of)
        self._report.rows[path.name] = table.rows
        check_quotes(rows, self._report)
        check_time(rows, self.dataset.clock.backwards, self._report)
        return rows

    def read_trades(self, path: Path) -> TradeRows:
        """Checked prints of one file."""
        assert self.dataset.trades is not None
        table = trade_table(self.dataset, self.dataset.trades, path)
        rows = trade_rows(
            self.dataset, self.dataset.trades, table, self.venue_ids, self.instrument_of
        )
        self._report.rows[path.name] = table.rows
        check_trades(rows, self._report)
        check_time(rows, self.dataset.clock.backwards, self._report)
        return rows
