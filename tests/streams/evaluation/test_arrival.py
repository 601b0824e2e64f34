"""Protocol B by hand: what a split pays on the books that its children find."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from schemas.codes import InputType
from schemas.market import QUOTE
from streams.evaluation.arrival import ArrivalScore, score_arrivals
from streams.evaluation.solver import Terms

TERMS = Terms(lots={}, fees={(0, 0): (0, 0), (0, 1): (0, 0)}, round_lots={})
DECIDED, ARRIVES, LATER = 100, 120, 200


def ask(log_ns: int, venue: int, price: int, units: int) -> bytes:
    return QUOTE.pack(
        type=int(InputType.QUOTE),
        log_ns=log_ns,
        venue=venue,
        bid_nanos=900,
        bid_units=10,
        ask_nanos=price,
        ask_units=units,
    )


def decision(split: dict[int, tuple[int, int]]) -> Any:
    """Buys 10: 10 at 1000 are shown at venue 0 and at 1010 at venue 1."""
    shown = ((0, 1_000), (1, 1_010))
    return SimpleNamespace(
        out_seq=1,
        log_ns=DECIDED,
        instrument=0,
        side="buy",
        allocated_units=sum(units for units, _ in split.values()),
        displayed_bid_nanos=1_000,
        displayed_ask_nanos=1_000,
        candidates=[
            SimpleNamespace(
                venue=venue, ack_ns=40, levels=[SimpleNamespace(price_nanos=price, units=10)]
            )
            for venue, price in shown
        ],
        children=[
            SimpleNamespace(venue=venue, units=units, limit_nanos=limit)
            for venue, (units, limit) in split.items()
        ],
    )


def scored(split: dict[int, tuple[int, int]], *changes: bytes) -> ArrivalScore:
    frame = b"".join(
        (ask(1, 0, 1_000, 10), ask(2, 1, 1_010, 10), *changes, ask(LATER, 0, 1_500, 10))
    )
    score = ArrivalScore()
    score_arrivals([frame], [decision(split)], TERMS, score)
    return score


BEST, OTHER = {0: (10, 1_000)}, {1: (10, 1_010)}


@pytest.mark.parametrize(
    ("split", "changes", "regret", "planned"),
    [
        (BEST, (), 0.0, 0.0),
        (OTHER, (), 100.0, 0.0),
        (BEST, (ask(110, 0, 1_000, 4),), 0.0, 0.0),
        (BEST, (ask(110, 1, 990, 10),), 100.0, 100.0),
        (OTHER, (ask(110, 1, 990, 10),), 0.0, 100.0),
        (BEST, (ask(130, 0, 1_000, 4),), 0.0, 0.0),
    ],
    ids=["still there", "dear", "misses are swept", "better elsewhere", "luck", "too late"],
)
def test_regret_is_against_the_books_on_arrival(
    split: dict[int, tuple[int, int]], changes: tuple[bytes, ...], regret: float, planned: float
) -> None:
    score = scored(split, *changes)
    assert score.regret_bps == [pytest.approx(regret)]
    assert score.decision_time_bps == [pytest.approx(planned)]


def test_what_the_books_no_longer_hold_is_left_out() -> None:
    score = scored(BEST, ask(110, 0, 1_000, 4), ask(111, 1, 1_010, 4))
    assert (score.regret_bps, score.left_out) == ([], 1)
