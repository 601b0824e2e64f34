"""What a read model is: its columns, once for the folds and once for the tables that hold them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.errors import InvariantError
from schemas.units import INT64_MIN

MISSING = INT64_MIN
SHARD_SHIFT = 46
"""Numbers within a shard stay below 2**46: at a million a second that is two years."""

MAX_SHARDS = 1 << 7
"""So ids stay below 2**53, which every reader of JSON takes exactly."""

NAME = "48s"
CL_ORD_ID = "96s"
"""Thrice the width on the wire: what is not UTF-8 is replaced by three bytes a byte."""

Columns = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class View:
    """A read model: its columns, the first `keys` of which name a row."""

    name: str
    keys: int
    columns: Columns

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(name for name, _ in self.columns)

    @property
    def key_names(self) -> tuple[str, ...]:
        """Names of the columns that name a row."""
        return self.names[: self.keys]

    def dtype(self) -> np.dtype[np.void]:
        """A numpy record of the columns."""
        return np.dtype([(name, numpy_code(code)) for name, code in self.columns])


def numpy_code(code: str) -> str:
    """Type of a column in an array."""
    if code.endswith("s"):
        return "S" + code[:-1]
    return {"q": "<i8", "i": "<i8", "d": "<f8", "b": "O"}[code]


def global_id(shard: int, number: int) -> int:
    """The id of a shard's number over all shards; in shard 0 it is the number itself.

    InvariantError for one beyond what ids hold.
    """
    if not (0 <= shard < MAX_SHARDS and 0 <= number < 1 << SHARD_SHIFT):
        raise InvariantError(f"shard {shard}, number {number}: too large for an id; split the run")
    return shard << SHARD_SHIFT | number


def local_id(identity: int) -> tuple[int, int]:
    """(shard, number) of a global id."""
    return identity >> SHARD_SHIFT, identity & ((1 << SHARD_SHIFT) - 1)


def typed(code: str, names: str) -> Columns:
    """Columns of one code, from their names in a row."""
    return tuple((name, code) for name in names.split())
