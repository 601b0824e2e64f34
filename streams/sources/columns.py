"""From one file to unchecked rows: which columns to read, and in which units."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from schemas.codes import TradeCondition
from schemas.errors import InputError
from schemas.units import NS_PER_MS, NS_PER_S, NS_PER_US
from streams.sources.config import Dataset, QuoteFiles, TradeFiles
from streams.sources.names import UNKNOWN, scale_decimals
from streams.sources.rows import Ints, QuoteRows, Rows, TradeRows
from streams.sources.table import MISSING, Column, Table, read_table

NS_PER_UNIT = {"ns": 1, "us": NS_PER_US, "ms": NS_PER_MS, "s": NS_PER_S}

MAX_TIME_NS = 2**62
"""The year 2116: later times are taken for a wrong unit."""

InstrumentOf = Callable[[str], int]


def quote_table(dataset: Dataset, files: QuoteFiles, path: Path) -> Table:
    """The columns of a two-sided quote file."""
    price, size = scales(dataset)
    wanted = _common(files)
    for name in (files.bid, files.ask):
        wanted.append(Column(name, "decimal", price))
    for name in (files.bid_size, files.ask_size):
        wanted.append(Column(name, "decimal", size))
    return read_table(path, wanted)


def trade_table(dataset: Dataset, files: TradeFiles, path: Path) -> Table:
    """The columns of a print file."""
    price, size = scales(dataset)
    wanted = _common(files)
    wanted += [Column(files.price, "decimal", price), Column(files.size, "decimal", size)]
    if files.buyer_is_maker:
        wanted.append(Column(files.buyer_is_maker, "int"))
    return read_table(path, wanted)


def symbol_names(files: QuoteFiles | TradeFiles, path: Path) -> list[str]:
    """The distinct texts of the symbol column."""
    return read_table(path, [Column(files.symbol, "text")]).texts[files.symbol].names


def quote_rows(
    dataset: Dataset, table: Table, venue_ids: dict[str, int], instrument_of: InstrumentOf
) -> QuoteRows:
    """Rows of a quote table; missing numbers stay MISSING."""
    files = dataset.quotes
    numbers = table.numbers
    return QuoteRows(
        **vars(_header_rows(dataset, files, table, venue_ids, instrument_of)),
        bid=numbers[files.bid].copy(),
        bid_units=numbers[files.bid_size].copy(),
        ask=numbers[files.ask].copy(),
        ask_units=numbers[files.ask_size].copy(),
    )


def trade_rows(
    dataset: Dataset,
    files: TradeFiles,
    table: Table,
    venue_ids: dict[str, int],
    instrument_of: InstrumentOf,
) -> TradeRows:
    """Rows of a print table, all taken as regular."""
    maker = table.numbers.get(files.buyer_is_maker)
    aggressor = (
        np.zeros(table.rows, dtype=np.int64) if maker is None else np.where(maker == 1, 2, 1)
    )
    return TradeRows(
        **vars(_header_rows(dataset, files, table, venue_ids, instrument_of)),
        price=table.numbers[files.price].copy(),
        units=table.numbers[files.size].copy(),
        conditions=np.full(table.rows, int(TradeCondition.REGULAR), dtype=np.int64),
        aggressor=aggressor,
    )


def _common(files: QuoteFiles | TradeFiles) -> list[Column]:
    wanted = [Column(files.time, "int", required=True)]
    wanted += [Column(files.venue_time, "int")] if files.venue_time else []
    return wanted + [Column(name, "text") for name in (files.market, files.symbol) if name]


def scales(dataset: Dataset) -> tuple[int, int]:
    """Decimals of the files' prices and sizes, so that their integers are nanos and units."""
    price = scale_decimals(dataset.scales.price, 9)
    return price, scale_decimals(dataset.scales.size, dataset.instruments.decimals)


def _header_rows(
    dataset: Dataset,
    files: QuoteFiles | TradeFiles,
    table: Table,
    venue_ids: dict[str, int],
    instrument_of: InstrumentOf,
) -> Rows:
    symbols = table.texts[files.symbol]
    log_ns = time_ns(table, files.time, NS_PER_UNIT[files.time_unit])
    return Rows(
        file=table.path.name,
        lines=table.lines,
        log_ns=log_ns + dataset.clock.log_offset_ns,
        venue_ns=_venue_ns(dataset, files, table),
        venue=table.texts[files.market].map(venue_ids, UNKNOWN),
        instrument=symbols.map({name: instrument_of(name) for name in symbols.names}, UNKNOWN),
        is_repaired=np.zeros(table.rows, dtype=np.bool_),
    )


def _venue_ns(dataset: Dataset, files: QuoteFiles | TradeFiles, table: Table) -> Ints:
    if not files.venue_time:
        return np.zeros(table.rows, dtype=np.int64)
    stamp = time_ns(table, files.venue_time, NS_PER_UNIT[files.venue_time_unit])
    return np.where(stamp == 0, 0, stamp + dataset.clock.venue_offset_ns)


def time_ns(table: Table, name: str, unit_ns: int) -> Ints:
    """A time column in ns, 0 where it is missing; InputError for a time that cannot be."""
    times = np.where(table.numbers[name] == MISSING, 0, table.numbers[name])
    beyond = (times < 0) | (times > MAX_TIME_NS // unit_ns)
    if beyond.any():
        row = int(np.argmax(beyond))
        raise InputError(
            f"{table.path}:{row + 2}: {name} = {times[row]} is no time; correct that line or the "
            "time unit in the dataset TOML"
        )
    scaled: Ints = times * unit_ns
    return scaled
