"""The US equity reader: New York time, tape conditions, off-exchange prints, odd rows by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.codes import InputType, QuoteFlag, TradeCondition
from schemas.errors import InputError
from schemas.market import TRADE
from schemas.reference import VENUE
from streams.sources.base import DatasetReader
from streams.sources.trade_conditions import trade_conditions

OPEN_MS = 34_200_000
OK = f"{OPEN_MS},1800100,300,N,1800500,200,Z,0"
C = TradeCondition

Make = Callable[..., DatasetReader]
ReadAll = Callable[[DatasetReader], NDArray[np.void]]
Outcomes = Callable[[DatasetReader], dict[str, int]]


def at(records: NDArray[np.void], reader: DatasetReader, key: str) -> NDArray[np.void]:
    """Return a venue's records."""
    venue = [place.key for place in reader.dataset.venues].index(key)
    found: NDArray[np.void] = records[records["venue"] == venue]
    return found


def test_named_sides_become_quotes_at_new_york_time(equity: Make, read_all: ReadAll) -> None:
    reader = equity([OK, f"{OPEN_MS + 60_000},1800100,300,N,1800500,200,Z,0"])
    records = read_all(reader)
    nyse, bzx = at(records, reader, "XNYS")[0], at(records, reader, "BATS")[0]
    when = datetime(2013, 10, 7, 13, 30, tzinfo=UTC)
    assert nyse["log_ns"] == int(when.timestamp()) * 10**9
    assert (nyse["bid_nanos"], nyse["bid_units"], nyse["ask_units"]) == (180_010_000_000, 300, 0)
    assert (bzx["ask_nanos"], bzx["ask_units"], bzx["flags"]) == (180_050_000_000, 200, 0)
    assert reader.instruments() == ["IBM"]


def test_winter_time_is_an_hour_later(equity: Make, read_all: ReadAll) -> None:
    records = read_all(equity([OK], day="20131104"))
    when = datetime(2013, 11, 4, 14, 30, tzinfo=UTC)
    assert records["log_ns"][0] == int(when.timestamp()) * 10**9


@pytest.mark.parametrize(
    ("bad", "expected", "quotes"),
    [
        (f"{OPEN_MS + 1},1800200,100,P,1800500,200,Z,1", {"flagged_suspicious": 1}, 0),
        (f"{OPEN_MS + 1},1800200,100,!,1800500,200,Z,0", {"unknown_venue": 1}, 0),
        (f"{OPEN_MS + 1},0,100,P,1800500,200,Z,0", {"bad_price": 1}, 0),
        (f"{OPEN_MS + 1},1800200,100,P,1800500,-2,Z,0", {"negative_size": 1}, 0),
        (f"{OPEN_MS - 1},1800200,100,P,1800500,200,Z,0", {"time_backwards_rejected": 1}, 0),
        (f"{OPEN_MS + 1},1800200,0,P,1800500,200,Z,0", {"zero_size_side": 1}, 1),
        (f"{OPEN_MS + 1},0,0,,1800500,200,Z,2", {"half_missing": 1}, 1),
        (f"{OPEN_MS + 1},1800600,100,P,1800500,200,Z,0", {"crossed": 1}, 2),
        (f"{OPEN_MS + 1},1800500,100,P,1800500,200,Z,0", {"locked": 1}, 2),
        (f"{OPEN_MS + 1},1800100,300,N,1800500,200,Z,0", {"unchanged_quote": 1}, 0),
    ],
)
def test_odd_rows_have_a_counted_name(
    equity: Make,
    read_all: ReadAll,
    outcomes: Outcomes,
    bad: str,
    expected: dict[str, int],
    quotes: int,
) -> None:
    end = f"{OPEN_MS + 9},1800100,301,N,1800500,201,Z,0"
    reader = equity([OK, bad, end])
    records = read_all(reader)
    assert outcomes(reader) == expected
    start_ns = records["log_ns"][0]
    between = (records["log_ns"] > start_ns) & (records["log_ns"] < start_ns + 9_000_000)
    assert np.count_nonzero(between) == quotes
    (outcome,) = reader.report().outcomes.values()
    assert outcome.sample == "IBM_20131007_nbbo.csv.gz:3"


@pytest.mark.parametrize(
    ("hex_text", "off", "expected"),
    [
        ("1", False, C.REGULAR),
        ("20000001", False, C.REGULAR),
        ("20000020", False, C.REGULAR | C.ISO),
        ("20002020", False, C.EXTENDED_HOURS | C.ISO),
        ("1", True, C.OFF_EXCHANGE),
        ("40", False, C.AUCTION),
        ("80", False, C.AUCTION),
        ("100", False, C.AUCTION),
        ("400", False, C.EXTENDED_HOURS),
        ("4001", False, C.OUT_OF_SEQUENCE),
        ("20100200", True, C.DERIVED_PRICE | C.OFF_EXCHANGE),
        ("20200040", False, C.CROSS | C.AUCTION),
        ("2000001", False, C.DERIVED_PRICE),
        ("1001", False, C.DERIVED_PRICE),
        ("1000000", False, C(0)),
        ("", False, C(0)),
    ],
)
def test_tape_conditions(hex_text: str, off: bool, expected: TradeCondition) -> None:
    assert trade_conditions(hex_text, is_off_exchange=off) == expected


def test_off_exchange_prints_carry_their_mark_and_no_listing(
    equity: Make, read_all: ReadAll
) -> None:
    reader = equity([OK], [f"{OPEN_MS + 5},1800499,250,D,1,0", f"{OPEN_MS + 6},1800500,100,Q,1,0"])
    records = read_all(reader)
    (off,) = at(records, reader, "FINR").view(TRADE.dtype)
    assert off["type"] == InputType.TRADE
    assert off["conditions"] == C.OFF_EXCHANGE
    assert (off["price_nanos"], off["units"]) == (180_049_900_000, 250)
    assert b"FINR" in reader.reference()
    venues = len(reader.dataset.venues)
    listed = venues - 1
    expected = 3 + 3 * venues + listed * 3
    assert len(reader.reference()) == 64 * expected
    assert VENUE.unpack(reader.reference(), 192).mic == b"XNYS"


def test_a_regular_print_shows_the_book_of_its_venue(equity: Make, read_all: ReadAll) -> None:
    tape = [f"{OPEN_MS + 6},1800500,100,Q,1,0", f"{OPEN_MS + 7},1800500,100,K,2000,0"]
    reader = equity([OK, f"{OPEN_MS + 9},1800100,301,N,1800500,201,Z,0"], tape)
    records = read_all(reader)
    print_, shown, *_ = at(records, reader, "XNAS")
    assert print_["type"] == InputType.TRADE
    assert (shown["type"], shown["flags"]) == (InputType.QUOTE, QuoteFlag.MODELLED_ASK)
    assert (shown["ask_nanos"], shown["ask_units"]) == (180_050_000_000, 100)
    assert at(records, reader, "EDGX")["type"].tolist() == [InputType.TRADE]


def test_suspicious_prints_are_rejected(
    equity: Make, read_all: ReadAll, outcomes: Outcomes
) -> None:
    reader = equity([OK], [f"{OPEN_MS + 5},1800499,250,D,1,1"])
    assert InputType.TRADE not in read_all(reader)["type"]
    assert outcomes(reader) == {"flagged_suspicious": 1}


def test_days_follow_each_other_with_dense_numbers(
    equity: Make, write_gz: Callable[[str, str, Sequence[str]], object], read_all: ReadAll
) -> None:
    equity([OK], day="20131008")
    reader = equity([OK], [f"{OPEN_MS},1800499,250,D,1,0"], day="20131007")
    records = read_all(reader)
    assert len(np.unique(records["log_ns"])) == 2
    assert (np.diff(records["log_ns"]) >= 0).all()
    for source in np.unique(records["source"]):
        seqs = records["source_seq"][records["source"] == source]
        assert seqs.tolist() == list(range(1, len(seqs) + 1))
    day_one = records[records["log_ns"] == records["log_ns"][0]]
    for key in ("XNYS", "BATS"):
        last = at(day_one, reader, key)[-1]
        assert (last["bid_units"], last["ask_units"]) == (0, 0)


@pytest.mark.parametrize(
    ("tape", "said"),
    [
        (f"{OPEN_MS},1800499,250,D,xyz,0", r"trades\.csv\.gz:2: cond_hex = 'xyz' is not hex"),
        (f"{OPEN_MS},1800499,25O,D,1,0", r"trades\.csv\.gz:2: size = '25O' is not a number"),
    ],
)
def test_a_tape_that_is_not_as_described_stops(equity: Make, tape: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        list(equity([OK], [tape]).chunks())


def test_days_that_overlap_stop(equity: Make) -> None:
    equity([f"{OPEN_MS + 90_000_000},1800100,300,N,1800500,200,Z,0"], day="20131007")
    with pytest.raises(InputError, match="files of 20131008 start at"):
        list(equity([OK], day="20131008").chunks())


def test_a_file_name_without_a_day_stops(equity: Make) -> None:
    with pytest.raises(InputError, match="start of day"):
        list(equity([OK], day="20139999").chunks())
    with pytest.raises(InputError, match="does not match"):
        equity([OK], day="2013")
