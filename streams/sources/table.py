"""A CSV or gzip CSV file as integer columns; anything odd is an InputError with file and line.

Decimal text becomes an exact integer: it never passes through a float.
"""

from __future__ import annotations

import difflib
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.errors import InputError
from schemas.units import INT64_MIN

MISSING = INT64_MIN
"""What an empty field of a numeric column reads as."""

SPARE_DECIMALS = 3
"""Digits read beyond the wanted scale, to notice a number that is finer than it."""

SHAPES = {
    "int": re.compile(rb"[+-]?\d{1,19}"),
    "decimal": re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)"),
    "text": re.compile(rb".*"),
}


class Column(NamedTuple):
    """A wanted column: `decimals` is the scale of its integers, `required` forbids empty fields."""

    name: str
    kind: Literal["int", "decimal", "text"]
    decimals: int = 0
    required: bool = False


@dataclass(frozen=True)
class TextColumn:
    """A text column as codes into `names`; shape (rows,)."""

    codes: NDArray[np.int64]
    names: list[str]

    def map(self, values: dict[str, int], otherwise: int) -> NDArray[np.int64]:
        """Each row's value in `values`, shape (rows,)."""
        lookup = np.array([values.get(name, otherwise) for name in self.names], dtype=np.int64)
        return lookup[self.codes]


@dataclass(frozen=True)
class Table:
    """Columns of one file; row i stands on line i + 2."""

    path: Path
    rows: int
    numbers: dict[str, NDArray[np.int64]]
    texts: dict[str, TextColumn]

    @property
    def lines(self) -> NDArray[np.int64]:
        return np.arange(2, self.rows + 2, dtype=np.int64)


def read_table(path: Path, columns: Sequence[Column]) -> Table:
    """Read the wanted columns of a `.csv` or `.csv.gz` file with a header line."""
    data = read_bytes(path)
    header = _header(path, data, columns)
    _check_fields(path, data, len(header))
    frame = _parse(path, data, header, columns)
    numbers: dict[str, NDArray[np.int64]] = {}
    texts: dict[str, TextColumn] = {}
    for column in columns:
        series = frame[column.name]
        _check_required(path, series, column)
        if column.kind == "text":
            texts[column.name] = _codes(series)
        elif column.kind == "int":
            numbers[column.name] = series.fill_null(MISSING).to_numpy()
        else:
            numbers[column.name] = _scaled(path, series, column)
    return Table(path, frame.height, numbers, texts)


def read_bytes(path: Path) -> bytes:
    """The file's bytes, unpacked where the name ends in .gz."""
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror}); check --data") from None
    return _gunzip(path, packed) if path.suffix == ".gz" else packed


def _gunzip(path: Path, packed: bytes) -> bytes:
    members: list[bytes] = []
    rest = packed
    while rest:
        unpacker = zlib.decompressobj(31)
        try:
            members.append(unpacker.decompress(rest))
        except zlib.error as error:
            raise InputError(_broken_gzip(path, members, rest, str(error))) from None
        if not unpacker.eof:
            raise InputError(_broken_gzip(path, members, b"", "the gzip file is truncated"))
        rest = unpacker.unused_data.lstrip(b"\0")
    return b"".join(members)


def _broken_gzip(path: Path, members: list[bytes], rest: bytes, what: str) -> str:
    unpacker = zlib.decompressobj(31)
    newlines = sum(member.count(b"\n") for member in members)
    try:
        for start in range(0, len(rest), 4096):
            newlines += unpacker.decompress(rest[start : start + 4096]).count(b"\n")
    except zlib.error:
        pass
    return f"{path}:{newlines + 1}: {what}, nothing after this line can be read; fetch it again"


def _header(path: Path, data: bytes, columns: Sequence[Column]) -> list[str]:
    names = data[: data.find(b"\n") + 1 or len(data)].decode("utf-8", "replace").strip().split(",")
    for column in columns:
        if column.name not in names:
            near = difflib.get_close_matches(column.name, names, n=1, cutoff=0.0)
            raise InputError(
                f"{path}:1: no column `{column.name}`; the nearest is `{near[0]}`; "
                "correct the file or the column name in the dataset TOML"
            )
    if len(set(names)) != len(names):
        raise InputError(f"{path}:1: a column name is given twice; correct the header")
    return names


def _check_fields(path: Path, data: bytes, fields: int) -> None:
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    if data.count(b",") == (fields - 1) * lines:
        return
    for number, line in enumerate(data.splitlines(), start=1):
        if line.count(b",") != fields - 1:
            found = line.count(b",") + 1
            raise InputError(f"{path}:{number}: {found} fields, expected {fields}; fix that line")


def _parse(path: Path, data: bytes, header: list[str], columns: Sequence[Column]) -> pl.DataFrame:
    schema: dict[str, pl.DataType] = {name: pl.String() for name in header}
    for column in columns:
        if column.kind == "int":
            schema[column.name] = pl.Int64()
        elif column.kind == "decimal":
            schema[column.name] = pl.Decimal(38, column.decimals + SPARE_DECIMALS)
    wanted = [column.name for column in columns]
    try:
        return pl.read_csv(data, schema=schema, columns=wanted, quote_char=None)
    except pl.exceptions.PolarsError as error:
        raise InputError(_bad_value(path, data, header, columns, error)) from None


def _bad_value(
    path: Path,
    data: bytes,
    header: list[str],
    columns: Sequence[Column],
    error: Exception,
) -> str:
    places = [(header.index(column.name), column) for column in columns]
    for number, line in enumerate(data.splitlines()[1:], start=2):
        fields = line.split(b",")
        for place, column in places:
            text = fields[place].strip()
            if text and not SHAPES[column.kind].fullmatch(text):
                shown = text.decode("utf-8", "replace")
                return f"{path}:{number}: {column.name} = {shown!r} is not a number; fix that line"
    return f"{path}: {str(error).splitlines()[0]}; the file is not what the dataset TOML says"


def _check_required(path: Path, series: pl.Series, column: Column) -> None:
    if column.required and series.null_count():
        line = int(series.is_null().arg_max() or 0) + 2
        raise InputError(f"{path}:{line}: {column.name} is empty; fix that line")


def _scaled(path: Path, series: pl.Series, column: Column) -> NDArray[np.int64]:
    spare = pl.lit(10**SPARE_DECIMALS, dtype=pl.Int128)
    physical = pl.col("value")
    frame = series.to_physical().alias("value").to_frame()
    parts = frame.select(
        (physical // spare).cast(pl.Int64, strict=False).alias("whole"),
        ((physical % spare) != 0).fill_null(value=False).alias("fine"),
    )
    too_fine = parts["fine"]
    too_large = parts["whole"].is_null() & series.is_not_null()
    for bad, what in ((too_fine, "is too fine"), (too_large, "is too large")):
        if bad.any():
            row = int(bad.arg_max() or 0)
            raise InputError(
                f"{path}:{row + 2}: {column.name} = {series[row]} {what} for "
                f"{column.decimals} decimals; correct that line or the scale in the dataset TOML"
            )
    return parts["whole"].fill_null(MISSING).to_numpy()


def _codes(series: pl.Series) -> TextColumn:
    coded = series.fill_null("").cast(pl.Categorical)
    distinct = coded.unique()
    names = distinct.cast(pl.String).to_list()
    physical = distinct.to_physical().to_numpy().astype(np.int64)
    dense = np.zeros(int(physical.max(initial=0)) + 1, dtype=np.int64)
    dense[physical] = np.arange(len(names))
    return TextColumn(dense[coded.to_physical().to_numpy()], names)
