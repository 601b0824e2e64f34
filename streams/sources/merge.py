"""Puts orders between market records: one stream of whole records in total order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from schemas.envelope import SLOT
from schemas.orders import NEW_ORDER
from streams.sources.records import Records

ORDER_SLOTS = NEW_ORDER.size // SLOT


def merge(chunks: Iterable[Records], orders: NDArray[np.void]) -> Iterator[NDArray[np.uint8]]:
    """Batches of bytes, shape (bytes,), ordered by (log_ns, source, source_seq) over all batches.

    `chunks` and `orders` (NEW_ORDER records) are each in order; order sources rank after market
    sources at equal log_ns, so an order waits for the last market record of its nanosecond.
    """
    done = 0
    for chunk in chunks:
        ready = done + int(np.searchsorted(orders["log_ns"][done:], chunk["log_ns"][-1], "left"))
        yield _interleave(chunk, orders[done:ready])
        done = ready
    if done < len(orders):
        yield np.ascontiguousarray(orders[done:]).view(np.uint8)


def _interleave(chunk: Records, orders: NDArray[np.void]) -> NDArray[np.uint8]:
    slots = np.ascontiguousarray(chunk).view(np.uint8).reshape(-1, SLOT)
    if not len(orders):
        return slots.reshape(-1)
    after = np.searchsorted(chunk["log_ns"], orders["log_ns"], side="right")
    starts = after + np.arange(len(orders)) * ORDER_SLOTS
    taken = (starts[:, None] + np.arange(ORDER_SLOTS)).reshape(-1)
    is_market = np.ones(len(slots) + len(taken), dtype=np.bool_)
    is_market[taken] = False
    merged = np.empty((len(is_market), SLOT), dtype=np.uint8)
    merged[is_market] = slots
    merged[taken] = np.ascontiguousarray(orders).view(np.uint8).reshape(-1, SLOT)
    return merged.reshape(-1)
