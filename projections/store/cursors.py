"""Opaque cursors: where the next page starts, and of which list they are.

A cursor holds the sort value and id of the last row that was shown. Rows that come later do not
move it, so none that was there at the first page is skipped, and none is shown twice.
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec

from schemas.errors import InputError

MAX_CHARACTERS = 256


class FieldError(InputError):
    """A request is wrong in one field, which is named."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class Cursor(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """The row after which a page starts."""

    digest: str
    value: int
    id: int


def digest_of(*parts: Any) -> str:
    """A short name of a list with its filters and sorting."""
    return hashlib.sha256(msgspec.msgpack.encode(parts)).hexdigest()[:12]


def encode(cursor: Cursor) -> str:
    """A cursor as text."""
    return urlsafe_b64encode(msgspec.msgpack.encode(cursor)).rstrip(b"=").decode()


def decode(text: str, digest: str) -> Cursor:
    """A cursor from text; FieldError when it is damaged or of another list."""
    wrong = "is not a cursor of this service; start again without one"
    if len(text) > MAX_CHARACTERS:
        raise FieldError("cursor", wrong)
    try:
        raw = urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
        cursor = msgspec.msgpack.decode(raw, type=Cursor)
    except (binascii.Error, UnicodeEncodeError, ValueError, msgspec.DecodeError):
        raise FieldError("cursor", wrong) from None
    if cursor.digest != digest:
        raise FieldError("cursor", "is of a list with other filters or sorting; start again")
    return cursor
