"""Files become exact integers, or an error that names file and line."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from schemas.errors import InputError
from streams.sources.table import MISSING, Column, read_table

COLUMNS = [
    Column("t", "int", required=True),
    Column("px", "decimal", 9),
    Column("n", "int"),
    Column("who", "text"),
]
Writer = Callable[[str, str, Sequence[str]], Path]


def test_numbers_are_exact(write_gz: Writer) -> None:
    rows = ["1,61837.63000000,7,a", "2,0.000000001,-8,b", "3,,,", "4,99999999.999999999,0,a"]
    table = read_table(write_gz("x.csv.gz", "t,px,n,who", rows), COLUMNS)
    assert table.numbers["t"].tolist() == [1, 2, 3, 4]
    expected = [61_837_630_000_000, 1, MISSING, 99_999_999_999_999_999]
    assert table.numbers["px"].tolist() == expected
    assert table.numbers["n"].tolist() == [7, -8, MISSING, 0]
    assert table.texts["who"].map({"a": 5, "b": 6}, -1).tolist() == [5, 6, -1, 5]
    assert table.lines.tolist() == [2, 3, 4, 5]


def test_every_cent_up_to_a_thousand_is_exact(write_gz: Writer) -> None:
    rows = [f"1,{cents // 100}.{cents % 100:02d},1,a" for cents in range(1, 100_000)]
    table = read_table(write_gz("x.csv.gz", "t,px,n,who", rows), COLUMNS)
    assert table.numbers["px"].tolist() == [cents * 10_000_000 for cents in range(1, 100_000)]


def test_a_plain_csv_with_other_columns_and_crlf_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"who,extra,px,n,t\r\na,?,1.5,2,3\r\n")
    table = read_table(path, COLUMNS)
    assert (table.numbers["px"][0], table.numbers["t"][0]) == (1_500_000_000, 3)
    assert table.texts["who"].names == ["a"]


def test_a_file_without_rows_is_empty(write_gz: Writer) -> None:
    table = read_table(write_gz("x.csv.gz", "t,px,n,who", []), COLUMNS)
    assert table.rows == 0
    assert table.texts["who"].map({"a": 1}, -1).tolist() == []


def test_gzip_members_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"t,px,n,who\n1,1,1,a\n") + gzip.compress(b"2,2,2,b\n"))
    assert read_table(path, COLUMNS).numbers["t"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("t,px,size,who\n1,1,1,a\n", 1, "no column `n`"),
        ("t,px,px,n,who\n1,1,1,1,a\n", 1, "given twice"),
        ("t,px,n,who\n1,1,1,a\n2,abc,1,a\n", 3, "px = 'abc' is not a number"),
        ("t,px,n,who\n1,1,1.5,a\n", 2, "n = '1.5' is not a number"),
        ("t,px,n,who\n1,1,1,a\n2,1,1\n", 3, "3 fields, expected 4"),
        ("t,px,n,who\n1,1,1,a,b\n", 2, "5 fields, expected 4"),
        ("t,px,n,who\n1,1,1,a\n,1,1,a\n", 3, "t is empty"),
        ("t,px,n,who\n1,1.0000000001,1,a\n", 2, "too fine for 9 decimals"),
        ("t,px,n,who\n1,99999999999999,1,a\n", 2, "too large for 9 decimals"),
        ("t,px,n,who\n1,1,99999999999999999999,a\n", 2, "not a number"),
    ],
)
def test_a_file_that_is_not_as_described_stops(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        read_table(path, COLUMNS)
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_a_renamed_column_names_the_nearest(write_gz: Writer) -> None:
    path = write_gz("x.csv.gz", "t,price,n,who", ["1,1,1,a"])
    with pytest.raises(InputError, match=r"no column `px`; the nearest is `\w+`"):
        read_table(path, COLUMNS)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_gzip_stops_at_its_last_line(tmp_path: Path, share: float) -> None:
    rows = [f"{i},{i * 7919 % 104729}.5,{i * 31 % 97},w{i * 13 % 89}" for i in range(20_000)]
    packed = gzip.compress("\n".join(("t,px,n,who", *rows)).encode())
    path = tmp_path / "x.csv.gz"
    path.write_bytes(packed[: int(len(packed) * share)])
    with pytest.raises(InputError, match="truncated") as caught:
        read_table(path, COLUMNS)
    line = int(str(caught.value).removeprefix(f"{path}:").split(":")[0])
    assert 0.5 * share < line / 20_000 < 1.5 * share


def test_a_damaged_gzip_stops(tmp_path: Path) -> None:
    rows = [f"{i},{i * 7919 % 104729}.5,1,a" for i in range(5_000)]
    packed = bytearray(gzip.compress("\n".join(("t,px,n,who", *rows)).encode()))
    packed[len(packed) // 2] ^= 0xFF
    path = tmp_path / "x.csv.gz"
    path.write_bytes(packed)
    with pytest.raises(InputError, match=r"x\.csv\.gz:\d+: "):
        read_table(path, COLUMNS)


def test_a_file_that_is_no_gzip_or_missing_stops(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(b"t,px,n,who\n")
    with pytest.raises(InputError, match=r"x\.csv\.gz:1: "):
        read_table(path, COLUMNS)
    with pytest.raises(InputError, match="cannot read"):
        read_table(tmp_path / "absent.csv", COLUMNS)
