"""Rows as PostgreSQL's binary COPY takes them, made column by column.

Source: PostgreSQL manual, COPY, "Binary Format": a signature, rows of a field count and fields of a
length (-1 for NULL) and big-endian bytes, and a count of -1 at the end. Every row is laid out at
its full width first; what a NULL or a shorter text does not need is cut out of all rows at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from projections.views.arrays import Array
from projections.views.rows import texts
from projections.views.view import MISSING, View
from schemas.errors import InvariantError

HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TAIL = b"\xff\xff"
WIRE = {"q": ">i8", "i": ">i4", "d": ">f8"}
INT32 = np.iinfo(np.int32)
NULL = -1


def packed(view: View, rows: Array) -> bytes:
    """Rows of a view, shape (n,), as a whole COPY stream; InvariantError for "i" beyond 32 bits."""
    found = [field_of(code, rows[name], name) for name, code in view.columns]
    layout = [("count", ">i2")]
    for number, (values, _) in enumerate(found):
        layout += [(f"size{number}", ">i4"), (f"value{number}", values.dtype.str)]
    wide = np.empty(len(rows), dtype=layout)
    wide["count"] = len(found)
    kept = np.ones((len(rows), wide.dtype.itemsize), dtype=bool)
    for number, (values, sizes) in enumerate(found):
        wide[f"value{number}"] = values
        wide[f"size{number}"] = values.dtype.itemsize if sizes is None else sizes
        if sizes is not None:
            cut(kept, wide.dtype, number, sizes)
    shown: Array = wide.view(np.uint8).reshape(kept.shape)
    whole = wide if kept.all() else shown[kept]
    return HEAD + whole.tobytes() + TAIL


def cut(kept: Array, layout: np.dtype[Any], number: int, sizes: Array) -> None:
    """Marks the bytes of a field that its sizes, shape (n,), leave out."""
    fields: Any = layout.fields
    kind, start = fields[f"value{number}"]
    kept[:, start : start + kind.itemsize] = np.arange(kind.itemsize) < sizes[:, None]


def field_of(code: str, values: Array, name: str) -> tuple[Array, Array | None]:
    """(values as they are sent, sizes where they differ) of a column."""
    if code.endswith("s"):
        return text_field(values)
    if code == "i" and len(values) and not INT32.min <= values.min() <= values.max() <= INT32.max:
        raise InvariantError(f"{name}: {values.min()} to {values.max()} do not fit 32 bits")
    is_null = np.isnan(values) if code == "d" else values == MISSING
    sent = values.astype(WIRE[code])
    if code == "i" or not is_null.any():
        return sent, None
    return sent, np.where(is_null, NULL, sent.dtype.itemsize)


def text_field(values: Array) -> tuple[Array, Array]:
    """Zero-padded bytes, cut to the longest, and the length of each.

    Where some are not plain ASCII, or hold a zero, they become text as everywhere else.
    """
    sizes: Array = np.strings.str_len(values)
    width = max(1, int(sizes.max(initial=0)))
    letters = values.astype(f"S{width}").view(np.uint8).reshape(len(values), width)
    if (letters > 0x7F).any() or np.count_nonzero(letters) != sizes.sum():
        told = [text.encode() for text in texts(values)]
        sizes = np.array([len(text) for text in told])
        return np.array(told, dtype=f"S{max(1, sizes.max())}"), sizes
    return letters.view(f"S{width}").reshape(len(values)), sizes
