"""Differences between two states, in pages of fixed size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

PAGE_BYTES = 4096
PIECE_PAGES = 1024
WORD_BYTES = 8
NUMBER = np.dtype("<u4")


def changed_pages(base: bytes, state: bytes) -> NDArray[np.int64]:
    """Numbers of the pages of `state` that are not the same in `base`, ascending."""
    ours, theirs = paged(state), paged(base)
    common = min(len(ours), len(theirs))
    words = PAGE_BYTES // WORD_BYTES
    one = ours[:common].view("<u8").reshape(common, words)
    other = theirs[:common].view("<u8").reshape(common, words)
    differing = np.flatnonzero((one != other).any(axis=1))
    return np.concatenate([differing, np.arange(common, len(ours))])


def pieces(state: bytes, numbers: NDArray[np.int64]) -> Iterator[bytes]:
    """The pages of `state` with these numbers, up to PIECE_PAGES a piece: numbers, then pages."""
    pages = paged(state)
    for start in range(0, len(numbers), PIECE_PAGES):
        chosen = numbers[start : start + PIECE_PAGES]
        yield chosen.astype(NUMBER).tobytes() + pages[chosen].tobytes()


def patched(base: bytes, found: Iterable[bytes], size: int) -> bytes:
    """`base` cut or grown to `size` bytes, with pieces laid over it; ValueError for a bad piece."""
    pages = np.zeros((-(-size // PAGE_BYTES), PAGE_BYTES), dtype=np.uint8)
    theirs = paged(base)[: len(pages)]
    pages[: len(theirs)] = theirs
    for piece in found:
        count, rest = divmod(len(piece), NUMBER.itemsize + PAGE_BYTES)
        numbers = np.frombuffer(piece, dtype=NUMBER, count=count)
        if rest or not count or int(numbers.max()) >= len(pages):
            raise ValueError(f"a piece of {len(piece)} bytes is not one of {len(pages)} pages")
        body = np.frombuffer(piece, dtype=np.uint8, offset=count * NUMBER.itemsize)
        pages[numbers] = body.reshape(count, PAGE_BYTES)
    return pages.tobytes()[:size]


def paged(state: bytes) -> NDArray[np.uint8]:
    """A state as pages, shape (pages, PAGE_BYTES), the last one padded with zeros."""
    padded = state + bytes(-len(state) % PAGE_BYTES)
    return np.frombuffer(padded, dtype=np.uint8).reshape(-1, PAGE_BYTES)
