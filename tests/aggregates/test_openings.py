"""At the open rows start at their history of the same time of day, not at yesterday's close."""

from __future__ import annotations

from math import fsum
from typing import Any

import pytest

from aggregates import kernel
from aggregates.state import decode
from schemas.codes import OutputType, VenueStatus
from tests.builders import S, Tape, of_type, set_up

HOUR, DAY = 3600 * S, 86_400 * S
MONDAY = 1_704_067_200 * S
"""Midnight UTC."""
OPEN, CLOSE = 14 * HOUR + 1800 * S, 21 * HOUR
WINDOW = 1800 * S
HALF_LIFE_DAYS = 5


class Days:
    """A venue over simulated days: one size after the open, another before the close."""

    def __init__(self, core: str, **settings: Any) -> None:
        self.engine, self.tape, self.read = kernel.load(core), Tape(MONDAY), 0
        set_up(self.tape, ("XNYS", "BATS"))
        self.tape.settings(
            liquidity_half_life_ns=60 * S,
            open_window_ns=WINDOW,
            open_half_life_days=HALF_LIFE_DAYS,
            **settings,
        )
        for venue in (0, 1):
            self.tape.status(venue, VenueStatus.CLOSED)
        self.step()

    def step(self) -> bytes:
        """The outputs of what was written since."""
        data = bytes(self.tape.data)[self.read :]
        self.read += len(data)
        _, outputs = self.engine.step(data)
        return bytes(outputs)

    def until(self, now_ns: int) -> None:
        """Lets time pass; the first timer input after it fires what was due."""
        self.tape.wait(now_ns - self.tape.now_ns)
        self.tape.timer()

    def stand(self, venue: int, units: int, until_ns: int) -> None:
        """One quote a minute of the same size."""
        while self.tape.now_ns < until_ns:
            self.tape.quote(0, venue, ("10.00", units), ("10.02", 2 * units))
            self.until(min(until_ns, self.tape.now_ns + 60 * S))

    def day(self, number: int, morning: int, evening: int, **at: Any) -> None:
        """Opens through an auction, shows one size, then another, and closes."""
        midnight, opens = MONDAY + number * DAY, at.get("opens", OPEN)
        self.until(midnight + opens - 600 * S)
        self.tape.status(0, VenueStatus.AUCTION)
        self.until(midnight + opens)
        self.tape.status(0, VenueStatus.OPEN)
        self.stand(0, morning, midnight + opens + WINDOW)
        self.stand(0, evening, midnight + opens + WINDOW + HOUR)
        self.tape.status(0, VenueStatus.CLOSED)
        self.step()

    def at_open(self, number: int, opens: int = OPEN) -> float:
        """Bid size that the row believes in at the open, before any quote of the day."""
        midnight = MONDAY + number * DAY
        self.until(midnight + opens)
        self.tape.status(0, VenueStatus.OPEN)
        self.step()
        self.tape.quote(0, 0, ("10.00", 1), ("10.02", 1))
        self.tape.settings(liquidity_half_life_ns=60 * S, open_window_ns=WINDOW, publish_ns=S)
        self.tape.wait(S)
        self.tape.timer()
        row = next(row for row in of_type(self.step(), OutputType.QUALITY) if row.venue == 0)
        units: float = row.bid_units
        return units


def average(sizes: list[int]) -> float:
    """What the opens of these days, the newest last, make of a size: days fade."""
    quantum = HALF_LIFE_DAYS * DAY // 1024
    at = [MONDAY + number * DAY + OPEN + WINDOW for number in range(len(sizes))]
    steps = [at[-1] // quantum - then // quantum for then in at]
    weights = [2.0 ** (-step / 1024) for step in steps]
    return fsum(w * size for w, size in zip(weights, sizes, strict=True)) / fsum(weights)


def test_a_row_opens_where_its_mornings_were(core: str) -> None:
    days, mornings = Days(core), [500, 700, 300]
    for number, morning in enumerate(mornings):
        days.day(number, morning, 5000)
    # One second of the new day's quote has been added to the minute that history weighs.
    assert days.at_open(3) == pytest.approx(average(mornings), rel=0.02)


def test_without_history_a_row_opens_where_it_closed(core: str) -> None:
    days = Days(core)
    days.day(0, 500, 5000)
    # Another time of day: nothing is known of it.
    assert days.at_open(1, 3 * HOUR) == pytest.approx(5000, rel=0.02)


def test_no_window_keeps_nothing(core: str) -> None:
    days = Days(core)
    days.tape.settings(liquidity_half_life_ns=60 * S, open_window_ns=0)
    days.day(0, 500, 5000)
    assert days.at_open(1) == pytest.approx(5000, rel=0.02)


def test_two_sessions_a_day_have_a_history_each(core: str) -> None:
    days = Days(core)
    for number in range(2):
        days.day(number, 500, 5000, opens=HOUR)
        days.day(number, 900, 5000, opens=5 * HOUR)
    days.day(2, 500, 5000, opens=HOUR)
    assert days.at_open(2, 5 * HOUR) == pytest.approx(900, rel=0.02)
    assert len(_openings(days)) == 2


def test_a_third_time_of_day_takes_the_place_of_the_oldest(core: str) -> None:
    days = Days(core)
    for number, opens in enumerate((HOUR, 5 * HOUR, 9 * HOUR)):
        days.day(number, 500 + number, 5000, opens=opens)
    assert [slot // HOUR for slot in _openings(days)] == [5, 9]


def _openings(days: Days) -> list[int]:
    """Times of day that the row keeps, from either core's state."""
    shard = decode(bytes(days.engine.state_bytes()), kernel.GENERATION)
    return [opening.slot_ns for opening in shard.openings[0, 0]]


def test_a_halt_is_no_open(core: str) -> None:
    days = Days(core)
    days.day(0, 500, 5000)
    midnight = MONDAY + DAY
    days.until(midnight + OPEN)
    days.tape.status(0, VenueStatus.OPEN)
    days.stand(0, 800, midnight + OPEN + WINDOW + 60 * S)
    days.tape.status(0, VenueStatus.HALTED)
    days.until(midnight + OPEN + WINDOW + 120 * S)
    days.step()
    # A resumption at the time of day of an open keeps what was learned before the halt.
    assert days.at_open(1, OPEN + WINDOW + 180 * S) == pytest.approx(800, rel=0.02)
