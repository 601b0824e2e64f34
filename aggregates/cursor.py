"""Reads one layout after the other out of a saved state."""

from __future__ import annotations

from typing import Any

from schemas.errors import InputError
from schemas.layout import Layout


class Cursor:
    """A place in saved bytes; InputError when they end too early."""

    def __init__(self, data: bytes) -> None:
        self.data, self.offset = data, 0

    def read(self, layout: Layout) -> Any:
        """The next record of a layout, as its named tuple."""
        return layout.unpack(self.raw(layout.size))

    def raw(self, size: int) -> bytes:
        """The next `size` bytes."""
        piece = self.data[self.offset : self.offset + size]
        if len(piece) != size:
            raise InputError(f"state ends at byte {len(self.data)}; take an older snapshot")
        self.offset += size
        return piece
