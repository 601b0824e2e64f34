"""Exact integer arithmetic and the digest of what a decision read."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from aggregates.arithmetic import digest64, join_128, scale_e9, split_128


@given(st.integers(-(2**62), 2**62), st.integers(-(10**9), 10**9))
def test_scaling_rounds_down(value: int, rate_e9: int) -> None:
    assert scale_e9(value, rate_e9) == floor(Fraction(value) * Fraction(rate_e9, 10**9))


@given(st.integers(-(2**127), 2**127 - 1))
def test_wide_numbers_split_and_join(value: int) -> None:
    low, high = split_128(value)
    assert 0 <= low < 2**64
    assert -(2**63) <= high < 2**63
    assert join_128(low, high) == value


@given(st.binary(min_size=1, max_size=40), st.data())
def test_any_bit_changes_the_digest(raw: bytes, data: st.DataObject) -> None:
    raw += b"\0" * (-len(raw) % 8)
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    assert digest64(raw) != digest64(bytes(changed))


def test_order_and_length_change_the_digest() -> None:
    one, two = b"\1" + b"\0" * 7, b"\2" + b"\0" * 7
    lanes = one * 4
    assert len({digest64(raw) for raw in (b"", one, one + two, two + one, lanes, lanes + one)}) == 6
    assert digest64(lanes + two * 4) != digest64(two * 4 + lanes)


def test_the_digest_is_stored_so_it_never_changes() -> None:
    assert digest64(b"") == 0x76BE81C43835FDD0
    assert digest64(bytes(range(64))) == 0x431999956ADF253B
