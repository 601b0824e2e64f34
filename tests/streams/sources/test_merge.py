"""Market chunks and orders become one ordered stream of whole records."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.codes import InputType
from schemas.envelope import HEADER, SLOT, SLOTS
from schemas.market import QUOTE
from schemas.orders import NEW_ORDER
from streams.sources import records as records_module
from streams.sources.merge import merge
from streams.sources.records import number, ordered


def quotes_at(times: list[int], source: int = 1) -> NDArray[np.void]:
    """Return quotes of one source."""
    quotes = QUOTE.zeros(len(times))
    quotes["type"], quotes["source"] = int(InputType.QUOTE), source
    quotes["log_ns"] = times
    quotes["source_seq"] = np.arange(1, len(times) + 1)
    return quotes


def orders_at(times: list[int]) -> NDArray[np.void]:
    """Return orders of source 200."""
    orders = NEW_ORDER.zeros(len(times))
    orders["type"], orders["source"] = int(InputType.NEW_ORDER), 200
    orders["log_ns"] = times
    orders["source_seq"] = np.arange(1, len(times) + 1)
    return orders


def decode(data: bytes) -> list[tuple[int, int, int]]:
    """Return (log_ns, source, source_seq) of each record."""
    found, offset = [], 0
    while offset < len(data):
        header = HEADER.unpack(data, offset)
        found.append((header.log_ns, header.source, header.source_seq))
        offset += SLOTS[InputType(header.type)] * SLOT
    assert offset == len(data)
    return found


TIMES = st.lists(st.integers(0, 20), max_size=30).map(sorted)


@given(TIMES, TIMES, st.integers(1, 8))
def test_all_records_once_in_total_order(market: list[int], orders: list[int], size: int) -> None:
    quotes = quotes_at(market)
    chunks = [quotes[i : i + size] for i in range(0, len(quotes), size)]
    batches = [batch.tobytes() for batch in merge(chunks, orders_at(orders))]
    keys = [key for batch in batches for key in decode(batch)]
    expected = [(t, 1, i + 1) for i, t in enumerate(market)]
    expected += [(t, 200, i + 1) for i, t in enumerate(orders)]
    assert keys == sorted(expected)


def test_an_order_waits_for_the_whole_nanosecond() -> None:
    chunks = [quotes_at([5, 7]), quotes_at([7, 7])]
    batches = [decode(batch.tobytes()) for batch in merge(chunks, orders_at([5, 7]))]
    assert [[key[:2] for key in batch] for batch in batches] == [
        [(5, 1), (5, 200), (7, 1)],
        [(7, 1), (7, 1)],
        [(7, 200)],
    ]


def test_equal_times_go_by_source_then_by_part_then_by_row() -> None:
    parts = [quotes_at([3, 3], source=2), quotes_at([1, 3], source=1), quotes_at([3], source=1)]
    for i, part in enumerate(parts):
        part["bid_nanos"] = 10 * i + np.arange(len(part))
    merged = ordered(parts)
    last_seq = np.zeros(256, dtype=np.uint64)
    number(merged, last_seq)
    assert merged["bid_nanos"].tolist() == [10, 11, 20, 0, 1]
    assert merged["source_seq"].tolist() == [1, 2, 3, 1, 2]
    assert last_seq[:3].tolist() == [0, 3, 2]
    number(merged, last_seq)
    assert merged["source_seq"].tolist() == [4, 5, 6, 3, 4]


def test_years_of_times_are_ordered_too() -> None:
    far = records_module.MAX_SPAN_NS * 3
    merged = ordered([quotes_at([0, far], source=2), quotes_at([0, far], source=1)])
    assert merged["log_ns"].tolist() == [0, 0, far, far]
    assert merged["source"].tolist() == [1, 2, 1, 2]
    assert len(ordered([quotes_at([])])) == 0
