"""Differences between two states, in pages of fixed size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PAGE_BYTES = 4096
WORD_BYTES = 8


def changed_pages(base: bytes, state: bytes) -> NDArray[np.int64]:
    """Numbers of the pages of `state` that are not the same in `base`, ascending."""
    ours, theirs = paged(state), paged(base)
    common = min(len(ours), len(theirs))
    words = PAGE_BYTES // WORD_BYTES
    one = ours[:common].view("<u8").reshape(common, words)
    other = theirs[:common].view("<u8").reshape(common, words)
    differing = np.flatnonzero((one != other).any(axis=1))
    return np.concatenate([differing, np.arange(common, len(ours))])


def patched(base: bytes, numbers: NDArray[Any], pages: NDArray[Any], size: int) -> bytes:
    """`base` cut or grown to `size` bytes, with pages laid over it; numbers must be in range."""
    found = np.zeros((page_count(size), PAGE_BYTES), dtype=np.uint8)
    theirs = paged(base)[: len(found)]
    found[: len(theirs)] = theirs
    found[numbers] = pages
    return found.tobytes()[:size]


def page_count(size: int) -> int:
    """Pages that hold `size` bytes."""
    return -(-size // PAGE_BYTES)


def paged(state: bytes) -> NDArray[np.uint8]:
    """A state as pages, shape (pages, PAGE_BYTES), the last one padded with zeros."""
    padded = state + bytes(-len(state) % PAGE_BYTES)
    return np.frombuffer(padded, dtype=np.uint8).reshape(-1, PAGE_BYTES)
