"""A dataset reader: recorded files in, one totally ordered stream of market records out.

A dataset is read group by group (the files of one `date`, or all files where names carry none), so
memory is bounded by the largest group. Within a group records are ordered by (log_ns, source,
source_seq); groups must not overlap in time. At one venue and nanosecond prints come before quotes:
a print meets the book that stood, and the book changes after it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from schemas.codes import InputType
from schemas.errors import InputError
from streams.sources.config import Dataset, QuoteFiles, TradeFiles
from streams.sources.names import UNKNOWN, instrument_key, venue_ids
from streams.sources.records import Records, number, ordered
from streams.sources.reference import ReferenceStream, reference_stream
from streams.sources.report import ReadReport

CHUNK_RECORDS = 65_536


class DatasetReader(Protocol):
    """What a replay needs of a dataset."""

    dataset: Dataset

    def instruments(self) -> list[str]:
        """Instrument keys; the place in the list is the dense id."""

    def reference(self) -> bytes:
        """INSTRUMENT, VENUE, LISTING and FEE records of source 0, as of the first market record."""

    def next_reference_seq(self) -> int:
        """The source_seq that the next record of source 0 must carry."""

    def chunks(self) -> Iterator[Records]:
        """Market records, shape (n,) of QUOTE.dtype (TRADEs by `.view(TRADE.dtype)`), in order.

        Each call reads the dataset anew from its start.
        """

    def report(self) -> ReadReport:
        """Counts of the latest pass over `chunks`, complete once it is exhausted."""


@dataclass
class FileGroup:
    """Files that are read and ordered together; `date` is YYYYMMDD or ""."""

    date: str
    quotes: list[Path] = field(default_factory=list)
    trades: list[Path] = field(default_factory=list)


class GroupedReader(ABC):
    """Everything of a DatasetReader but the making of one group's records."""

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        self.dataset = dataset
        self.folder = folder
        self.groups = file_groups(dataset, folder)
        self.venue_ids = venue_ids(dataset)
        self.instrument_ids: dict[str, int] = {}
        self._report = ReadReport()
        self._first: Records | None = None
        self._stream: ReferenceStream | None = None

    @abstractmethod
    def find_instruments(self) -> list[str]:
        """Keys of all instruments of the dataset, each once, in dense-id order."""

    @abstractmethod
    def group_records(self, group: FileGroup) -> list[Records]:
        """The group's records, sorted by time within each array, prints before quotes."""

    def instruments(self) -> list[str]:
        if not self.instrument_ids:
            keys = self.find_instruments()
            if not keys:
                raise InputError(
                    f"{self.folder}: no instrument matches `instruments.pattern` "
                    f"{self.dataset.instruments.pattern!r}; correct the pattern"
                )
            self.instrument_ids = {key: index for index, key in enumerate(keys)}
        return list(self.instrument_ids)

    def reference(self) -> bytes:
        return b"".join(self._reference_stream().records)

    def next_reference_seq(self) -> int:
        return self._reference_stream().next_seq

    def report(self) -> ReadReport:
        return self._report

    def chunks(self) -> Iterator[Records]:
        self.instruments()
        first, self._first = self._first, None
        if first is None:
            self._report = ReadReport()
        last_seq = np.zeros(256, dtype=np.uint64)
        last_ns = -1
        for index, group in enumerate(self.groups):
            ready = first if index == 0 and first is not None else self._load(group)
            if not len(ready):
                continue
            self._check_after(group, int(ready["log_ns"][0]), last_ns)
            last_ns = int(ready["log_ns"][-1])
            number(ready, last_seq)
            for start in range(0, len(ready), CHUNK_RECORDS):
                yield ready[start : start + CHUNK_RECORDS]

    def instrument_of(self, text: str) -> int:
        """Dense instrument id of a symbol or file name, or UNKNOWN."""
        key = instrument_key(self.dataset.instruments, text)
        return self.instrument_ids.get(key, UNKNOWN) if key else UNKNOWN

    def _load(self, group: FileGroup) -> Records:
        ready = ordered(self.group_records(group))
        quotes = int(np.count_nonzero(ready["type"] == int(InputType.QUOTE)))
        self._report.quotes += quotes
        self._report.trades += len(ready) - quotes
        return ready

    def _reference_stream(self) -> ReferenceStream:
        if self._stream is None:
            keys = self.instruments()
            self._report = ReadReport()
            self._first = self._load(self.groups[0])
            if not len(self._first):
                raise InputError(f"{self.folder}: no usable row in {self.groups[0].quotes[0].name}")
            self._stream = reference_stream(self.dataset, keys, int(self._first["log_ns"][0]))
        return self._stream

    def _check_after(self, group: FileGroup, start_ns: int, last_ns: int) -> None:
        if start_ns < last_ns:
            raise InputError(
                f"{self.folder}: files of {group.date} start at {start_ns}, before the end of the "
                f"files of the date before ({last_ns}); remove the `date` group from the pattern"
            )


def file_groups(dataset: Dataset, folder: Path) -> list[FileGroup]:
    """Files by the `date` in their names, in date order; InputError where a glob finds nothing."""
    groups: dict[str, FileGroup] = {}
    for kind, files in (("quotes", dataset.quotes), ("trades", dataset.trades)):
        for path in _matching(files, folder) if files else []:
            date = str(file_fields(files, path).get("date", "")) if files else ""
            group = groups.setdefault(date, FileGroup(date))
            (group.quotes if kind == "quotes" else group.trades).append(path)
    return [groups[date] for date in sorted(groups) if groups[date].quotes]


def file_fields(files: QuoteFiles | TradeFiles, path: Path) -> dict[str, str]:
    """Named groups of the file name's pattern; InputError where a name does not fit it."""
    if not files.pattern:
        return {}
    found = re.search(files.pattern, path.name)
    if not found:
        raise InputError(f"{path}: the name does not match {files.pattern!r}; narrow the glob")
    return found.groupdict()


def _matching(files: QuoteFiles | TradeFiles, folder: Path) -> list[Path]:
    found = sorted(folder.glob(files.glob))
    if not found:
        raise InputError(f"{folder}: no file matches {files.glob!r}; check --data")
    return found
