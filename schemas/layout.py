"""One description of a fixed-width record: its struct, its numpy dtype and its named tuple.

Little endian, no implicit padding: every field sits on its natural alignment, so the C++ mirror
in `schemas/core` has the same offsets (a test compares them).
"""

from __future__ import annotations

import struct
from collections import namedtuple
from collections.abc import Iterable
from typing import Any

import numpy as np

_NUMPY_CODES = {
    "B": "u1",
    "H": "<u2",
    "I": "<u4",
    "Q": "<u8",
    "b": "i1",
    "h": "<i2",
    "i": "<i4",
    "q": "<i8",
    "d": "<f8",
}


class Layout:
    """A fixed-width little-endian record.

    `fields` are (name, code) pairs in memory order; a code is a `struct` letter, or `"32s"` for
    zero-padded bytes.
    """

    def __init__(self, name: str, fields: Iterable[tuple[str, str]]) -> None:
        self.name = name
        self.fields = tuple(fields)
        self.struct = struct.Struct("<" + "".join(code for _, code in self.fields))
        self.dtype = np.dtype([(field, _numpy_code(code)) for field, code in self.fields])
        self.size = self.struct.size
        self._tuple = _tuple_type(name, [field for field, _ in self.fields])
        self._zero = tuple(b"" if code.endswith("s") else 0 for _, code in self.fields)

    def unpack(self, buffer: Any, offset: int = 0) -> Any:
        """Named tuple of the record at `offset`; byte fields keep their padding."""
        return self._tuple._make(self.struct.unpack_from(buffer, offset))

    def pack(self, **values: Any) -> bytes:
        """Bytes of one record; fields not named are zero, an unknown name is an error."""
        row = self._tuple._make(self._zero)._replace(**values)
        return self.struct.pack(*row)

    def zeros(self, count: int) -> np.ndarray:
        """Array of `count` zeroed records, shape (count,)."""
        return np.zeros(count, dtype=self.dtype)

    def offsets(self) -> dict[str, tuple[int, int]]:
        """Field name -> (offset, size) in bytes."""
        described: Any = self.dtype.fields
        return {field: (described[field][1], described[field][0].itemsize) for field in described}


def _tuple_type(name: str, fields: list[str]) -> Any:
    return namedtuple(name, fields)  # noqa: PYI024


def _numpy_code(code: str) -> str:
    return "S" + code[:-1] if code.endswith("s") else _NUMPY_CODES[code]
