"""The native model of books behind a best-quote stream, rule by rule and against a second model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codes import QuoteFlag
from schemas.market import QUOTE
from streams.sources._books import model_books

TICK = 10_000_000
A, B, C = range(3)
BID, ASK = int(QuoteFlag.MODELLED_BID), int(QuoteFlag.MODELLED_ASK)
SETTINGS: dict[str, int] = {
    "instrument": 4,
    "venues": 3,
    "tick_nanos": TICK,
    "step_back_ticks": 1,
    "max_lag_ticks": 5,
    "size_memory": 3,
    "round_lot_units": 100,
}

Best = tuple[int, tuple[int, int, int], tuple[int, int, int]]
Print = tuple[int, int, int, int]
Side = tuple[int, int]


def model(
    best: Sequence[Best], prints: Sequence[Print] = (), settings: dict[str, int] | None = None
) -> np.ndarray[Any, Any]:
    """Return QUOTEs; prices in ticks: (time, (bid, size, venue), (ask, size, venue))."""
    rows = [(t, b * TICK, bn, bv, a * TICK, an, av) for t, (b, bn, bv), (a, an, av) in best]
    tape = [(t, price * TICK, size, venue) for t, price, size, venue in prints]
    slots = model_books(
        np.array(rows, dtype=np.int64).reshape(-1, 7),
        np.array(tape, dtype=np.int64).reshape(-1, 4),
        **{**SETTINGS, **(settings or {})},
    )
    return slots.view(QUOTE.dtype).reshape(-1)


def books_at(quotes: np.ndarray[Any, Any], time: int) -> dict[int, tuple[Side, Side, int]]:
    """Return each venue's ((bid, size), (ask, size), flags) just after `time`, prices in ticks."""
    books = {}
    for q in quotes[quotes["log_ns"] <= time]:
        bid = int(q["bid_nanos"]) // TICK, int(q["bid_units"])
        ask = int(q["ask_nanos"]) // TICK, int(q["ask_units"])
        books[int(q["venue"])] = bid, ask, int(q["flags"])
    return books


END: Best = (99, (100, 1, A), (110, 1, A))
START: Best = (1, (100, 300, A), (102, 500, B))


def test_named_sides_are_recorded_not_modelled() -> None:
    books = books_at(model([START, END]), 1)
    assert books == {A: ((100, 300), (0, 0), 0), B: ((0, 0), (102, 500), 0)}


def test_a_venue_that_loses_the_name_keeps_a_quote_that_may_stand() -> None:
    books = books_at(model([START, (2, (101, 200, C), (102, 500, B)), END]), 2)
    assert books[A] == ((100, 300), (0, 0), BID)
    assert books[C] == ((101, 200), (0, 0), 0)


def test_a_quote_better_than_the_new_best_steps_back_with_its_usual_size() -> None:
    rows = [
        (1, (100, 300, A), (102, 500, B)),
        (2, (100, 700, A), (102, 500, B)),
        (3, (100, 900, A), (102, 500, B)),
        (4, (98, 200, C), (102, 500, B)),
        END,
    ]
    assert books_at(model(rows), 4)[A] == ((97, 700), (0, 0), BID)
    assert books_at(model(rows, settings={"step_back_ticks": 3}), 4)[A] == ((95, 700), (0, 0), BID)
    assert books_at(model(rows, settings={"size_memory": 1}), 4)[A] == ((97, 900), (0, 0), BID)


def test_a_quote_left_far_behind_follows() -> None:
    rows = [START, (2, (150, 200, C), (160, 500, B)), END]
    assert books_at(model(rows), 2)[A] == ((145, 300), (0, 0), BID)


def test_a_side_without_a_best_is_empty_everywhere() -> None:
    rows = [START, (2, (101, 200, C), (102, 500, B)), (3, (0, 0, -1), (102, 500, B)), END]
    books = books_at(model(rows), 3)
    assert books[A][0] == books[C][0] == (0, 0)
    assert books[B] == ((0, 0), (102, 500), 0)


def test_a_print_at_a_venue_that_is_not_named_shows_its_quote() -> None:
    quotes = model([START, END], [(2, 102, 50, C), (3, 100, 50, C), (4, 104, 50, A)])
    books = books_at(quotes, 4)
    assert books[C] == ((100, 100), (102, 100), BID | ASK)
    assert books[A] == ((100, 300), (104, 100), ASK)


def test_further_prints_take_from_a_shown_quote_until_it_steps_back() -> None:
    prints = [(2, 102, 50, C), (3, 102, 60, C), (4, 102, 60, C)]
    quotes = model([START, END], prints)
    assert books_at(quotes, 3)[C][1] == (102, 40)
    assert books_at(quotes, 4)[C][1] == (103, 100)


@pytest.mark.parametrize(
    "tape",
    [
        (2, 101, 50, C),  # inside the spread: hidden
        (2, 102, 50, B),  # the named venue speaks for itself
        (2, 108, 50, C),  # further behind than a quote may be
        (0, 102, 50, C),  # before anything is known
    ],
)
def test_other_prints_show_nothing(tape: Print) -> None:
    assert C not in books_at(model([START, END], [tape]), 2)


def test_a_print_comes_before_the_best_of_its_time() -> None:
    rows = [START, (2, (100, 300, A), (104, 500, B)), END]
    quotes = model(rows, [(2, 102, 50, C)])
    shown = quotes[(quotes["venue"] == C) & (quotes["log_ns"] == 2)]
    assert (shown["ask_nanos"] // TICK).tolist() == [102, 105]


def test_books_are_emptied_after_the_last_row() -> None:
    quotes = model([START], [(5, 102, 50, C)])
    assert books_at(quotes, 5) == dict.fromkeys((A, B, C), ((0, 0), (0, 0), 0))


def test_headers_name_source_and_instrument() -> None:
    quotes = model([START])
    assert set(quotes["instrument"].tolist()) == {4}
    assert (quotes["source"] == quotes["venue"] + 1).all()
    assert set(quotes["type"].tolist()) == {1}


def test_when_bests_lock_or_cross_modelled_quotes_stay_clear() -> None:
    rows = [
        (1, (100, 1, A), (103, 1, B)),
        (2, (101, 1, C), (102, 1, C)),
        (3, (105, 2, A), (103, 3, B)),
    ]
    books = books_at(model([*rows, END]), 3)
    assert books[A][0] == (105, 2)
    assert books[B][1] == (103, 3)
    assert books[C][0][0] < 103
    assert books[C][1][0] > 105


@pytest.mark.parametrize(
    "settings",
    [{"venues": 0}, {"tick_nanos": 0}, {"size_memory": 0}, {"step_back_ticks": 0}, {"venues": 1}],
)
def test_settings_and_venues_are_checked(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="model_books"):
        model([START], settings=settings)


BESTS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.tuples(st.integers(90, 100), st.integers(1, 9), st.integers(-1, 2)),
        st.tuples(st.integers(98, 110), st.integers(1, 9), st.integers(-1, 2)),
    ),
    min_size=1,
    max_size=40,
)
PRINTS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(88, 112), st.integers(1, 300), st.integers(0, 2)),
    max_size=40,
)


@given(BESTS, PRINTS)
def test_whatever_comes_the_books_respect_the_bests(steps: list[Best], tape: list[Print]) -> None:
    rows, time = [], 0
    for gap, bid, ask in steps:
        time += gap
        rows.append((time, bid, ask))
    prints = sorted(tape)
    quotes = model(rows, prints)
    for i, (now, bid, ask) in enumerate(rows):
        if i + 1 < len(rows) and rows[i + 1][0] == now:
            continue
        last_print = max((p[0] for p in prints), default=0)
        if i + 1 == len(rows) and last_print <= now:
            continue  # emptied at the end
        check_books(books_at(quotes[_through(quotes, now)], now), bid, ask)


def _through(quotes: np.ndarray[Any, Any], now: int) -> np.ndarray[Any, Any]:
    return np.flatnonzero(quotes["log_ns"] <= now)


def check_books(
    books: dict[int, tuple[Side, Side, int]], bid: tuple[int, int, int], ask: tuple[int, int, int]
) -> None:
    """Check that named sides are as recorded and that no modelled side is better or crosses."""
    for venue, (own_bid, own_ask, flags) in books.items():
        if venue == bid[2]:
            assert own_bid == bid[:2]
            assert not flags & BID
        elif own_bid[1]:
            assert flags & BID
            assert own_bid[0] <= bid[0]
            assert ask[2] < 0 or own_bid[0] < ask[0]
        if venue == ask[2]:
            assert own_ask == ask[:2]
            assert not flags & ASK
        elif own_ask[1]:
            assert flags & ASK
            assert own_ask[0] >= ask[0]
            assert bid[2] < 0 or own_ask[0] > bid[0]


@given(BESTS, PRINTS, st.integers(1, 60))
def test_no_later_row_changes_an_earlier_quote(
    steps: list[Best], tape: list[Print], cut: int
) -> None:
    rows, time = [], 0
    for gap, bid, ask in steps:
        time += gap
        rows.append((time, bid, ask))
    prints = sorted(tape)
    whole = model([*rows, (200, *END[1:])], prints)
    part = model(
        [*(row for row in rows if row[0] < cut), (200, *END[1:])],
        [p for p in prints if p[0] < cut],
    )
    assert whole[whole["log_ns"] < cut].tobytes() == part[part["log_ns"] < cut].tobytes()
