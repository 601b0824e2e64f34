"""Numbers from text are exact or refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.units import (
    INT64_MAX,
    INT128_MAX,
    MAX_PRICE_NANOS,
    MAX_UNITS,
    decimal_text,
    price_nanos,
    units_from_text,
)


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("0", 0),
        ("10", 10_000_000_000),
        ("10.01", 10_010_000_000),
        ("0.000000001", 1),
        ("-0.5", -500_000_000),
        ("+2.5", 2_500_000_000),
        (".5", 500_000_000),
        ("5.", 5_000_000_000),
        ("1.0000000000000", 1_000_000_000),
        ("007.10", 7_100_000_000),
        ("123456789.123456789", 123_456_789_123_456_789),
    ],
)
def test_prices(text: str, nanos: int) -> None:
    assert price_nanos(text) == nanos


@pytest.mark.parametrize(
    "text",
    "|-|.|+|1e5|nan|inf|1,5|1.2.3| 1|0x1|1.0000000001|--5|+-5|-+5|5-|1.-5|\u00b2|\u0661".split("|"),
)
def test_what_is_no_price(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number with at most 9 decimals"):
        price_nanos(text)


def test_sizes_in_smallest_units() -> None:
    assert units_from_text("1.5", 8) == 150_000_000
    assert units_from_text("300", 0) == 300
    assert units_from_text("300.000", 0) == 300
    with pytest.raises(ValueError, match="at most 0 decimals"):
        units_from_text("0.5", 0)


@given(st.integers(-(10**30), 10**30), st.integers(0, 18))
def test_text_goes_there_and_back(value: int, decimals: int) -> None:
    text = decimal_text(value, decimals)
    assert units_from_text(text, decimals) == value
    assert Fraction(text) == Fraction(value, 10**decimals)


def test_the_shortest_text() -> None:
    assert decimal_text(10_010_000_000) == "10.01"
    assert decimal_text(-500_000_000) == "-0.5"
    assert decimal_text(300, 0) == "300"
    assert decimal_text(0) == "0"


def test_sums_of_notionals_stay_inside_128_bits() -> None:
    assert MAX_PRICE_NANOS * MAX_UNITS * 1000 < INT128_MAX
    assert MAX_PRICE_NANOS * 2 < INT64_MAX
