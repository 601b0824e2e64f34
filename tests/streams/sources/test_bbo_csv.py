"""The polled two-venue reader: each row one book, every odd row counted by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.codes import InputType, Liquidity, QuoteFlag
from schemas.envelope import SLOT, SLOTS
from schemas.errors import InputError
from schemas.reference import FEE, INSTRUMENT, LISTING, VENUE
from streams.sources.base import DatasetReader
from streams.sources.report import Treatment

MX = "KXMENWORLDCUP-26-MX:225877753018691467482379130505059324856489584815718083242855606"
GB = "KXMENWORLDCUP-26-GB:115556263888245616435851357148058235707004733438163639091106356"
T0 = 1_783_296_649_799

Make = Callable[..., DatasetReader]
ReadAll = Callable[[DatasetReader], NDArray[np.void]]
Outcomes = Callable[[DatasetReader], dict[str, int]]


def row(
    ms: int = T0,
    venue: str = "kalshi",
    pair: str = MX,
    bid: str = "5.5",
    ask: str = "5.8",
    sizes: str = "3514.35,315.76",
    stamp: str = "",
) -> str:
    """Return one CSV row."""
    return f"{ms},{ms},{venue},{pair},{bid},{ask},0,0,{sizes},{stamp}"


def test_cents_and_hundredths_become_exact_integers(prediction: Make, read_all: ReadAll) -> None:
    records = read_all(prediction(row(), row(T0 + 148, "polymarket", stamp=str(T0 - 404))))
    first, second = records
    assert first["type"] == InputType.QUOTE
    assert (first["log_ns"], first["venue_ns"]) == (T0 * 1_000_000, 0)
    assert (first["bid_nanos"], first["ask_nanos"]) == (55_000_000, 58_000_000)
    assert (first["bid_units"], first["ask_units"]) == (351_435, 31_576)
    assert (second["venue"], second["source"], second["source_seq"]) == (1, 2, 1)
    assert second["venue_ns"] == (T0 - 404) * 1_000_000


def test_instruments_get_the_readable_half_of_the_pair(prediction: Make) -> None:
    reader = prediction(row(), row(T0 + 1, pair=GB))
    assert reader.instruments() == ["KXMENWORLDCUP-26-GB", "KXMENWORLDCUP-26-MX"]


@pytest.mark.parametrize(
    ("bad", "outcome", "treatment"),
    [
        (row(T0 + 5, bid="0"), "bad_price", Treatment.REJECTED),
        (row(T0 + 5, ask="-1"), "bad_price", Treatment.REJECTED),
        (row(T0 + 5, sizes="-3,1"), "negative_size", Treatment.REJECTED),
        (row(T0 + 5, sizes="900000000000000,1"), "too_large", Treatment.REJECTED),
        (row(T0 + 5, venue="predictit"), "unknown_venue", Treatment.REJECTED),
        (row(T0 + 5, pair="?"), "unknown_instrument", Treatment.REJECTED),
        (row(T0 + 5, bid="", sizes=",1"), "half_missing", Treatment.KEPT),
        (row(T0 + 5, bid="5", sizes=",1"), "half_missing", Treatment.KEPT),
        (row(T0 + 5, bid="0", sizes="0,1"), "half_missing", Treatment.KEPT),
        (row(T0 + 5, bid="", ask="", sizes=","), "both_sides_missing", Treatment.KEPT),
        (row(T0 + 5, sizes="0,1"), "zero_size_side", Treatment.KEPT),
        (row(T0 + 5, bid="5.9"), "crossed", Treatment.KEPT),
        (row(T0 + 5, bid="5.8"), "locked", Treatment.KEPT),
        (row(T0 - 5), "time_backwards_sorted", Treatment.REPAIRED),
    ],
)
def test_odd_rows_have_a_counted_name(
    prediction: Make, read_all: ReadAll, bad: str, outcome: str, treatment: Treatment
) -> None:
    reader = prediction(row(), bad)
    records = read_all(reader)
    found = reader.report().outcomes
    assert list(found) == [outcome]
    assert (found[outcome].count, found[outcome].treatment) == (1, treatment)
    assert found[outcome].sample == "cross_venue_a.csv.gz:3"
    assert len(records) == 1 + (treatment is not Treatment.REJECTED)
    assert reader.report().rows == {"cross_venue_a.csv.gz": 2}


def test_missing_and_empty_sides_carry_no_price(prediction: Make, read_all: ReadAll) -> None:
    records = read_all(prediction(row(bid="", sizes=",7"), row(T0 + 1, sizes="0,7")))
    for record in records:
        assert (record["bid_nanos"], record["bid_units"]) == (0, 0)
        assert (record["ask_nanos"], record["ask_units"]) == (58_000_000, 700)


def test_a_row_going_back_is_put_in_its_place_and_marked(
    prediction: Make, read_all: ReadAll
) -> None:
    records = read_all(prediction(row(T0), row(T0 + 9), row(T0 + 4)))
    assert (records["log_ns"] // 1_000_000 - T0).tolist() == [0, 4, 9]
    assert records["flags"].tolist() == [0, int(QuoteFlag.REPAIRED), 0]
    assert records["source_seq"].tolist() == [1, 2, 3]


def test_each_pass_counts_anew(prediction: Make, read_all: ReadAll, outcomes: Outcomes) -> None:
    reader = prediction(row(), row(T0 + 1, bid="0"))
    reference = reader.reference()
    first, second = read_all(reader), read_all(reader)
    assert first.tobytes() == second.tobytes()
    assert outcomes(reader) == {"bad_price": 1}
    assert reader.report().quotes == 1
    assert reader.reference() == reference
    assert "1 quotes" in reader.report().lines()[0]
    assert reader.report().as_dict()["quotes"] == 1


def test_files_are_merged_by_time(
    prediction: Make, write_gz: Callable[..., object], read_all: ReadAll
) -> None:
    header = "ts,t_fetch,venue,pair,bid,ask,mid,spread,bid_sz,ask_sz,venue_ts"
    write_gz("cross_venue_b.csv.gz", header, [row(T0 + i, "polymarket", GB) for i in (1, 3)])
    records = read_all(prediction(*(row(T0 + i) for i in (0, 2, 3))))
    assert (records["log_ns"] // 1_000_000 - T0).tolist() == [0, 1, 2, 3, 3]
    assert records["source"].tolist() == [1, 2, 1, 1, 2]
    assert records["source_seq"].tolist() == [1, 1, 2, 3, 2]


def test_reference_records_are_dense_and_come_first(prediction: Make) -> None:
    reader = prediction(row(T0 + 3), row(T0 + 1))
    blob = reader.reference()
    kinds, seqs, times, offset = [], [], set(), 0
    while offset < len(blob):
        kind = InputType(blob[offset])
        header = LISTING.unpack(blob, offset)
        kinds.append(kind)
        seqs.append(header.source_seq)
        times.add(header.log_ns)
        offset += SLOTS[kind] * SLOT
    assert kinds == [
        InputType.INSTRUMENT,
        InputType.VENUE,
        InputType.VENUE,
        *([InputType.LISTING, InputType.FEE, InputType.FEE] * 2),
    ]
    assert seqs == list(range(1, len(seqs) + 1))
    assert reader.next_reference_seq() == len(seqs) + 1
    assert times == {(T0 + 1) * 1_000_000}
    _check_first_records(blob)


def _check_first_records(blob: bytes) -> None:
    instrument = INSTRUMENT.unpack(blob)
    assert instrument.key.rstrip(b"\0") == b"KXMENWORLDCUP-26-MX"
    assert (instrument.units_per_one, instrument.tick_nanos) == (100, 1_000_000)
    venue = VENUE.unpack(blob, INSTRUMENT.size)
    assert (venue.key.rstrip(b"\0"), venue.mic) == (b"KALSHI", b"\0" * 4)
    assert venue.ack_prior_ns == 80_000_000
    fee = FEE.unpack(blob, INSTRUMENT.size + 2 * VENUE.size + LISTING.size)
    assert (fee.venue, fee.instrument, fee.liquidity) == (0, 0, Liquidity.TAKE)
    assert (fee.fixed_nanos, fee.rate_e9) == (0, 70_000_000)


@pytest.mark.parametrize("ms", [-1, T0 * 1_000_000])
def test_a_time_in_the_wrong_unit_stops(prediction: Make, ms: int) -> None:
    with pytest.raises(InputError, match=r"cross_venue_a\.csv\.gz:3: t_fetch = .* is no time"):
        list(prediction(row(), row(ms)).chunks())


def test_a_dataset_without_a_usable_row_is_refused(prediction: Make) -> None:
    with pytest.raises(InputError, match="no usable row"):
        prediction(row(bid="0")).reference()
    with pytest.raises(InputError, match="no instrument matches"):
        prediction(row(pair="?")).reference()
