"""Orders from JSON lines: FIX names in, records out, errors with file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.codes import ExecInst, OrdType, Side, TimeInForce
from schemas.errors import InputError
from schemas.units import INSTRUMENT_NONE
from streams.sources.base import DatasetReader
from streams.sources.order_file import orders_from_file, time_ns

ORDER: dict[str, Any] = {
    "ClOrdID": "A-1",
    "Symbol": "KXMENWORLDCUP-26-MX",
    "Side": "BUY",
    "OrderQty": "12.5",
    "OrdType": "LIMIT",
    "Price": "0.058",
    "TimeInForce": "IOC",
    "TransactTime": "2026-07-05T00:10:49.8Z",
    "Account": "ACC-1",
    "VenuesAllowed": ["POLYMARKET"],
    "ExecInst": ["NOT_HELD"],
    "Policy": 2,
}


@pytest.fixture
def reader(prediction: Callable[..., DatasetReader]) -> DatasetReader:
    """Return a reader with one instrument."""
    return prediction("1,1,kalshi,KXMENWORLDCUP-26-MX:1,5.5,5.8,0,0,10,20,")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes orders, each ORDER with changes."""

    def write_orders(*changes: dict[str, Any]) -> Path:
        path = tmp_path / "orders.jsonl"
        lines = [
            json.dumps({k: v for k, v in (ORDER | c).items() if v is not None}) for c in changes
        ]
        path.write_text("\n\n".join(lines))
        return path

    return write_orders


def test_fields_keep_their_fix_meaning(reader: DatasetReader, write: Callable[..., Path]) -> None:
    (order,) = orders_from_file(write({}), reader)
    assert order["cl_ord_id"] == b"A-1"
    assert (order["instrument"], order["symbol"]) == (0, b"KXMENWORLDCUP-26-MX")
    assert (order["order_units"], order["limit_nanos"]) == (1250, 58_000_000)
    assert (order["side"], order["ord_type"]) == (Side.BUY, OrdType.LIMIT)
    assert order["time_in_force"] == TimeInForce.IOC
    assert (order["venues_allowed"], order["exec_inst"]) == (0b10, ExecInst.NOT_HELD)
    assert (order["source"], order["source_seq"], order["capacity"]) == (200, 1, ord("A"))
    assert order["log_ns"] == order["transact_ns"] == 1_783_210_249_800_000_000


def test_orders_are_put_in_time_order(reader: DatasetReader, write: Callable[..., Path]) -> None:
    path = write({"TransactTime": 9, "ClOrdID": "B"}, {"TransactTime": 5}, {"TransactTime": 9})
    orders = orders_from_file(path, reader)
    assert orders["log_ns"].tolist() == [5, 9, 9]
    assert orders["cl_ord_id"].tolist() == [b"A-1", b"B", b"A-1"]
    assert orders["source_seq"].tolist() == [1, 2, 3]


def test_what_the_engine_must_refuse_is_passed_on(
    reader: DatasetReader, write: Callable[..., Path]
) -> None:
    odd = write({"Symbol": "NOPE", "OrderQty": "0", "Side": "5", "OrdType": "1", "Price": None})
    (order,) = orders_from_file(odd, reader)
    assert (order["instrument"], order["symbol"]) == (INSTRUMENT_NONE, b"NOPE")
    assert (order["order_units"], order["side"]) == (0, Side.SELL_SHORT)
    assert (order["ord_type"], order["limit_nanos"]) == (OrdType.MARKET, 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Sid": "BUY"}, "unknown field `Sid`"),
        ({"ClOrdID": None}, "missing required field `ClOrdID`"),
        ({"Side": "BYE"}, "unknown name 'BYE'"),
        ({"Side": "9"}, "9 is not a valid Side"),
        ({"OrderQty": "1.234"}, "'1.234' is not a number with at most 2 decimals"),
        ({"OrderQty": 3}, "Expected `str`, got `int`"),
        ({"Price": "0.0580000000001"}, "at most 9 decimals"),
        ({"TransactTime": "yesterday"}, "time 'yesterday' is not like"),
        ({"ClOrdID": "X" * 33}, "over 32 bytes"),
        ({"VenuesAllowed": ["NYSE"]}, "venue 'NYSE' is not one of KALSHI, POLYMARKET"),
        ({"OrderCapacity": "AG"}, "is not one letter"),
        ({"Policy": 999}, "Policy 999 is not in"),
    ],
)
def test_errors_name_file_and_line(
    reader: DatasetReader, write: Callable[..., Path], change: dict[str, Any], said: str
) -> None:
    path = write({}, change)
    with pytest.raises(InputError) as caught:
        orders_from_file(path, reader)
    assert str(caught.value).startswith(f"{path}:3: ")
    assert said in str(caught.value)


def test_broken_json_and_a_missing_file(reader: DatasetReader, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"ClOrdID": ')
    with pytest.raises(InputError, match=r"x\.jsonl:1: .*truncated"):
        orders_from_file(path, reader)
    with pytest.raises(InputError, match="cannot read"):
        orders_from_file(tmp_path / "absent", reader)


def test_an_empty_file_is_no_order(reader: DatasetReader, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.touch()
    assert orders_from_file(path, reader).shape == (0,)


def test_times_keep_their_nanoseconds() -> None:
    assert time_ns("1970-01-01T00:00:01.000000007Z") == 1_000_000_007
    assert time_ns("2013-10-07T13:30:00Z") == 1_381_152_600_000_000_000
