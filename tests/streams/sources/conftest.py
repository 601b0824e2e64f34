"""Small recorded markets written on the spot, and readers over them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from streams.sources.base import DatasetReader
from streams.sources.open_dataset import open_dataset

PREDICTION_HEADER = "ts,t_fetch,venue,pair,bid,ask,mid,spread,bid_sz,ask_sz,venue_ts"
BBO_HEADER = "local_ns,trade_ms,event_ms,market,symbol,bid,bid_qty,ask,ask_qty,update_id"
TRADES_HEADER = "local_ns,trade_ms,event_ms,market,symbol,price,qty,buyer_is_maker"
NBBO_HEADER = "ms_et,bid_1e4,bid_sz,bid_ex,ask_1e4,ask_sz,ask_ex,flag"
TAPE_HEADER = "ms_et,px_1e4,size,ex,cond_hex,suspicious"

Writer = Callable[[str, str, Sequence[str]], Path]
Opener = Callable[[str], DatasetReader]


@pytest.fixture
def write_gz(tmp_path: Path) -> Writer:
    """Return a function (name, header, rows) -> path that writes a gzip CSV."""

    def write(name: str, header: str, rows: Sequence[str]) -> Path:
        path = tmp_path / name
        path.write_bytes(gzip.compress("\n".join((header, *rows, "")).encode()))
        return path

    return write


@pytest.fixture
def open_shipped(root: Path, tmp_path: Path) -> Opener:
    """Return a function that opens a shipped dataset TOML over the written files."""
    return lambda name: open_dataset(root / "deploy" / "datasets" / f"{name}.toml", tmp_path)


@pytest.fixture
def prediction(write_gz: Writer, open_shipped: Opener) -> Callable[..., DatasetReader]:
    """Return a function from rows to a reader of the two-venue prediction market."""

    def make(*rows: str) -> DatasetReader:
        write_gz("cross_venue_a.csv.gz", PREDICTION_HEADER, rows)
        return open_shipped("prediction_2venues")

    return make


@pytest.fixture
def binance(write_gz: Writer, open_shipped: Opener) -> Callable[..., DatasetReader]:
    """Return a function (quote rows, trade rows) -> reader of the three Binance markets."""

    def make(quotes: Sequence[str], trades: Sequence[str] = ()) -> DatasetReader:
        write_gz("bbo_all_markets.csv.gz", BBO_HEADER, quotes)
        write_gz("trades_all_markets.csv.gz", TRADES_HEADER, trades)
        return open_shipped("binance_3markets")

    return make


@pytest.fixture
def equity(write_gz: Writer, open_shipped: Opener) -> Callable[..., DatasetReader]:
    """Return a function (best rows, tape rows) -> reader of one day of one US equity."""

    def make(best: Sequence[str], tape: Sequence[str] = (), day: str = "20131007") -> DatasetReader:
        write_gz(f"IBM_{day}_nbbo.csv.gz", NBBO_HEADER, best)
        write_gz(f"IBM_{day}_trades.csv.gz", TAPE_HEADER, tape)
        return open_shipped("us_equity_2013")

    return make


@pytest.fixture
def read_all() -> Callable[[DatasetReader], NDArray[np.void]]:
    """Return a function that reads a whole dataset into one array."""
    return lambda reader: np.concatenate(list(reader.chunks()))


@pytest.fixture
def outcomes() -> Callable[[DatasetReader], dict[str, int]]:
    """Return a function from a read reader to {outcome: count}."""
    return lambda reader: {name: o.count for name, o in reader.report().outcomes.items()}
