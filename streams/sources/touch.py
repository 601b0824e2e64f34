"""The consolidated touch (best bid and offer over all venues) at chosen quotes of a stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.codes import InputType, QuoteFlag
from schemas.units import MAX_VENUES
from streams.sources.records import Records
from streams.sources.rows import Bools, Ints

FIELDS = ("bid_nanos", "bid_units", "ask_nanos", "ask_units")


@dataclass(frozen=True)
class Touch:
    """Best prices and the sizes shown there, each of shape (k,); 0 units = that side is empty."""

    bid_nanos: Ints
    bid_units: Ints
    ask_nanos: Ints
    ask_units: Ints

    @property
    def is_two_sided(self) -> Bools:
        return (self.bid_units > 0) & (self.ask_units > 0)


def is_top_quote(records: Records) -> Bools:
    """Which records are quotes of the top of a book."""
    level = records["flags"] & int(QuoteFlag.LEVEL_MASK)
    found: Bools = (records["type"] == int(InputType.QUOTE)) & (level == 0)
    return found


class TouchTracker:
    """Keeps every venue's last top of book while a stream passes by."""

    def __init__(self, instruments: int, venues: int) -> None:
        self.last = np.zeros((instruments, venues, len(FIELDS)), dtype=np.int64)

    def advance(self, quotes: Records, chosen: Ints) -> Touch:
        """Touch of each chosen quote's instrument just after it; `chosen` are sorted places."""
        book = quotes["instrument"].astype(np.int64) * MAX_VENUES + quotes["venue"]
        order = np.argsort(book, kind="stable")
        starts = np.flatnonzero(np.diff(book[order], prepend=-1))
        wanted = quotes["instrument"][chosen]
        books = self.last[wanted]
        for places in np.split(order, starts[1:]) if len(order) else []:
            self._fold_book(quotes, places, chosen, wanted, books)
        return _consolidate(books)

    def _fold_book(
        self, quotes: Records, places: Ints, chosen: Ints, wanted: Ints, books: Ints
    ) -> None:
        """Put one book's quotes into the chosen rows' view and into the last state."""
        instrument = int(quotes["instrument"][places[0]])
        venue = int(quotes["venue"][places[0]])
        rows = np.flatnonzero(wanted == instrument)
        before = np.searchsorted(places, chosen[rows], side="right") - 1
        seen = before >= 0
        for field, name in enumerate(FIELDS):
            values = quotes[name][places]
            books[rows[seen], venue, field] = values[before[seen]]
            self.last[instrument, venue, field] = values[-1]


def _consolidate(books: Ints) -> Touch:
    """Best of the venues of each row; `books` has shape (k, venues, fields)."""
    bid, bid_units, ask, ask_units = (books[:, :, field] for field in range(len(FIELDS)))
    best_bid = np.where(bid_units > 0, bid, 0).max(axis=1, initial=0)
    far = np.iinfo(np.int64).max
    best_ask = np.where(ask_units > 0, ask, far).min(axis=1, initial=far)
    return Touch(
        best_bid,
        np.where((bid == best_bid[:, None]) & (bid_units > 0), bid_units, 0).sum(axis=1),
        best_ask,
        np.where((ask == best_ask[:, None]) & (ask_units > 0), ask_units, 0).sum(axis=1),
    )
