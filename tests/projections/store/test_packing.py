"""Rows packed for PostgreSQL's binary COPY say what their plain columns say."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.store.packing import HEAD, TAIL, packed
from projections.views.rows import INSERT, Change
from projections.views.view import MISSING, View
from schemas.errors import InvariantError

VIEW = View("some", 1, (("id", "q"), ("kind", "i"), ("part", "d"), ("name", "12s"), ("of", "12s")))
INT64 = st.integers(MISSING, 2**63 - 1) | st.just(MISSING)
TEXT = st.binary(max_size=12) | st.text("abc", max_size=12).map(str.encode)
ROWS = st.lists(
    st.tuples(INT64, st.integers(-(2**31), 2**31 - 1), st.floats(width=64), TEXT, TEXT), max_size=9
)


def unpacked(data: bytes) -> list[tuple[Any, ...]]:
    """Rows of a COPY stream, as its manual describes them."""
    assert data.startswith(HEAD)
    assert data.endswith(TAIL)
    at, found = len(HEAD), []
    while (count := struct.unpack_from(">h", data, at)[0]) != -1:
        at += 2
        row = []
        for _ in range(count):
            (size,) = struct.unpack_from(">i", data, at)
            at += 4
            row.append(None if size < 0 else data[at : at + size])
            at += max(0, size)
        found.append(tuple(row))
    assert at == len(data) - len(TAIL)
    return found


def sent(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Plain values as they must stand in the stream."""
    formats = (">q", ">i", ">d", "", "")
    return tuple(
        value if value is None else struct.pack(form, value) if form else value.encode()
        for form, value in zip(formats, row, strict=True)
    )


@settings(max_examples=200, deadline=None)
@given(ROWS)
def test_packed_rows_are_the_plain_ones(rows: list[tuple[Any, ...]]) -> None:
    array = np.array(rows, dtype=VIEW.dtype())
    plain = list(zip(*Change(INSERT, VIEW, array).columns, strict=True))
    assert unpacked(packed(VIEW, array)) == [sent(row) for row in plain]


def test_a_number_that_does_not_fit_is_refused() -> None:
    array = np.array([(1, 2**31, 0.5, b"a", b"b")], dtype=VIEW.dtype())
    with pytest.raises(InvariantError, match="kind: 2147483648"):
        packed(VIEW, array)
