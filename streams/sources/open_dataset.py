"""From a dataset TOML and a folder to its reader."""

from __future__ import annotations

import difflib
from pathlib import Path

from schemas.errors import InputError
from streams.sources.base import DatasetReader, GroupedReader
from streams.sources.bbo_csv import BboReader
from streams.sources.binance_csv import BinanceReader
from streams.sources.config_file import load_dataset
from streams.sources.nbbo_trades import NbboReader

READERS: dict[str, type[GroupedReader]] = {
    "bbo_csv": BboReader,
    "binance_csv": BinanceReader,
    "nbbo_trades": NbboReader,
}


def open_dataset(toml: Path, folder: Path) -> DatasetReader:
    """The reader that the TOML names, over the files in `folder`."""
    dataset = load_dataset(toml)
    if dataset.reader not in READERS:
        near = difflib.get_close_matches(dataset.reader, READERS, n=1, cutoff=0.0)[0]
        raise InputError(f"{toml}: unknown reader {dataset.reader!r}; the nearest is {near!r}")
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give --data the folder of the dataset's files")
    return READERS[dataset.reader](dataset, folder)
