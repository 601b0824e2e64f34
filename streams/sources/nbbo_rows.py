"""Rows of a best-quote file (one named venue per side) and of its tape file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from schemas.errors import InputError
from schemas.units import NS_PER_S
from streams.sources.base import file_fields
from streams.sources.columns import NS_PER_UNIT, scales, time_ns
from streams.sources.config import Dataset, QuoteFiles, TradeFiles
from streams.sources.names import UNKNOWN
from streams.sources.rows import Bools, Ints, QuoteRows, TradeRows
from streams.sources.table import Column, Table, read_table
from streams.sources.trade_conditions import trade_conditions

SUSPICIOUS = 1


@dataclass
class NbboRows(QuoteRows):
    """Best quotes; the venues are dense ids, -1 where the side has none."""

    bid_venue: Ints
    ask_venue: Ints


def day_start_ns(dataset: Dataset, files: QuoteFiles | TradeFiles, path: Path) -> int:
    """UTC ns of midnight, in the TOML's timezone, of the date in the file's name."""
    date = file_fields(files, path).get("date", "")
    try:
        zone = ZoneInfo(dataset.clock.timezone)
        midnight = datetime.strptime(date, "%Y%m%d").replace(tzinfo=zone)
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise InputError(
            f"{path}: no start of day ({error}); give a pattern with `date` (YYYYMMDD) and a "
            "[clock] timezone"
        ) from None
    return int(midnight.timestamp()) * NS_PER_S


def read_nbbo(
    dataset: Dataset, path: Path, instrument: int, venue_ids: dict[str, int]
) -> tuple[NbboRows, Bools]:
    """Unchecked best quotes of one file, and which of them the source calls suspicious."""
    files = dataset.quotes
    price, size = scales(dataset)
    wanted = [Column(files.time, "int", required=True), Column(files.flag, "int")]
    wanted += [Column(name, "decimal", price) for name in (files.bid, files.ask)]
    wanted += [Column(name, "decimal", size) for name in (files.bid_size, files.ask_size)]
    wanted += [Column(name, "text") for name in (files.bid_market, files.ask_market)]
    table = read_table(path, wanted)
    numbers, texts = table.numbers, table.texts
    bid_venue = texts[files.bid_market].map(venue_ids, UNKNOWN)
    ask_venue = texts[files.ask_market].map(venue_ids, UNKNOWN)
    no_bid, no_ask = (numbers[name] <= 0 for name in (files.bid_size, files.ask_size))
    is_known = ((bid_venue >= 0) | no_bid) & ((ask_venue >= 0) | no_ask)
    rows = NbboRows(
        file=path.name,
        lines=table.lines,
        log_ns=_log_ns(dataset, files, table),
        venue_ns=np.zeros(table.rows, dtype=np.int64),
        venue=np.where(is_known, 0, UNKNOWN),
        instrument=np.full(table.rows, instrument, dtype=np.int64),
        is_repaired=np.zeros(table.rows, dtype=np.bool_),
        bid=numbers[files.bid].copy(),
        bid_units=numbers[files.bid_size].copy(),
        ask=numbers[files.ask].copy(),
        ask_units=numbers[files.ask_size].copy(),
        bid_venue=bid_venue,
        ask_venue=ask_venue,
    )
    return rows, numbers[files.flag] == SUSPICIOUS


def read_tape(
    dataset: Dataset, files: TradeFiles, path: Path, instrument: int, venue_ids: dict[str, int]
) -> tuple[TradeRows, Bools]:
    """Unchecked prints of one file, and which of them the source calls suspicious."""
    price, size = scales(dataset)
    table = read_table(
        path,
        [
            Column(files.time, "int", required=True),
            Column(files.price, "decimal", price),
            Column(files.size, "decimal", size),
            Column(files.market, "text"),
            Column(files.conditions, "text"),
            Column(files.suspicious, "int"),
        ],
    )
    venue = table.texts[files.market].map(venue_ids, UNKNOWN)
    rows = TradeRows(
        file=path.name,
        lines=table.lines,
        log_ns=_log_ns(dataset, files, table),
        venue_ns=np.zeros(table.rows, dtype=np.int64),
        venue=venue,
        instrument=np.full(table.rows, instrument, dtype=np.int64),
        is_repaired=np.zeros(table.rows, dtype=np.bool_),
        price=table.numbers[files.price].copy(),
        units=table.numbers[files.size].copy(),
        conditions=_conditions(dataset, files, table, venue),
        aggressor=np.zeros(table.rows, dtype=np.int64),
    )
    return rows, table.numbers[files.suspicious] == SUSPICIOUS


def _log_ns(dataset: Dataset, files: QuoteFiles | TradeFiles, table: Table) -> Ints:
    if files.time_unit == "ms_of_day":
        start_ns = day_start_ns(dataset, files, table.path)
        since = time_ns(table, files.time, NS_PER_UNIT["ms"])
        return since + start_ns + dataset.clock.log_offset_ns
    return time_ns(table, files.time, NS_PER_UNIT[files.time_unit]) + dataset.clock.log_offset_ns


def _conditions(dataset: Dataset, files: TradeFiles, table: Table, venue: Ints) -> Ints:
    column = table.texts[files.conditions]
    try:
        on, off = (
            column.map({text: trade_conditions(text, is_off) for text in column.names}, 0)
            for is_off in (False, True)
        )
    except ValueError:
        bad = next(name for name in column.names if not _is_hex(name))
        line = int(np.argmax(column.codes == column.names.index(bad))) + 2
        raise InputError(
            f"{table.path}:{line}: {files.conditions} = {bad!r} is not hexadecimal; fix that line"
        ) from None
    is_listed = np.array([place.is_listed for place in dataset.venues])
    return np.where((venue >= 0) & ~is_listed[venue], off, on)


def _is_hex(text: str) -> bool:
    return all(letter in "0123456789abcdefABCDEF" for letter in text)
