"""The plain market: reproducible, ordered, never crossed at one venue, complete as a dataset."""

from __future__ import annotations

import hashlib
from collections import Counter

import msgspec
import numpy as np
import pytest

from schemas.codes import InputType, QuoteFlag, TimeInForce, VenueStatus
from schemas.errors import InputError
from schemas.market import QUOTE, STATUS
from schemas.orders import NEW_ORDER
from schemas.reference import FEE, VENUE
from schemas.units import NS_PER_MS, NS_PER_S
from streams.simulator.market import records_of, replay_market
from streams.simulator.plain import PlainConfig, PlainMarket
from streams.simulator.plain_config import LEVELS
from streams.sources.records import Records

SMALL = PlainConfig(venues=6, instruments=2, records_per_s=2_000)


def stream(config: PlainConfig, seconds: int = 4, span_ns: int = 100 * NS_PER_MS) -> Records:
    return np.concatenate(list(PlainMarket(config).chunks(seconds * NS_PER_S, span_ns)))


def test_bytes_depend_on_the_seed_and_on_nothing_else() -> None:
    records = stream(SMALL).tobytes()
    assert stream(SMALL, span_ns=7_654_321).tobytes() == records
    assert stream(msgspec.structs.replace(SMALL, seed=2)).tobytes() != records


def test_bytes_of_a_seed_never_change() -> None:
    market = PlainMarket(SMALL)
    digest = hashlib.sha256(market.reference() + market.orders(50) + stream(SMALL).tobytes())
    assert digest.hexdigest()[:16] == "9596a7f4ab5be8d5"


@pytest.mark.parametrize("config", [SMALL, PlainConfig()])
def test_records_are_ordered_and_numbered_per_source(config: PlainConfig) -> None:
    records = stream(config)
    assert (np.diff(records["log_ns"]) >= 0).all()
    assert (records["source"] == records["venue"] + 1).all()
    for source in np.unique(records["source"]):
        numbers = records["source_seq"][records["source"] == source]
        assert (numbers == np.arange(1, len(numbers) + 1)).all()
    wanted = config.records_per_s * 4
    assert 0.9 * wanted < len(records) < 1.1 * wanted


def test_books_are_whole_updates_that_are_never_crossed() -> None:
    records = stream(PlainConfig())
    quotes = records[records["type"] == int(InputType.QUOTE)]
    levels = quotes.reshape(-1, LEVELS)
    flags = levels["flags"]
    assert (flags & int(QuoteFlag.LEVEL_MASK) == np.arange(LEVELS)).all()
    assert ((flags & int(QuoteFlag.MORE) != 0) == (np.arange(LEVELS) < LEVELS - 1)).all()
    assert (levels["log_ns"] == levels["log_ns"][:, :1]).all()
    assert (levels["bid_nanos"][:, 0] < levels["ask_nanos"][:, 0]).all()
    assert (np.diff(levels["bid_nanos"]) < 0).all()
    assert (np.diff(levels["ask_nanos"]) > 0).all()
    assert (levels["bid_units"] > 0).all()
    assert (levels["ask_units"] > 0).all()


def crossed_share(quotes: Records) -> float:
    """Share of time in which some venue bids more than another asks, from top-of-book records."""
    bid, ask = np.zeros(64), np.full(64, np.inf)
    crossed_ns, last_ns = 0, int(quotes["log_ns"][0])
    for quote in quotes:
        is_crossed = bid.max() > ask.min()
        crossed_ns += is_crossed * (int(quote["log_ns"]) - last_ns)
        bid[quote["venue"]], ask[quote["venue"]] = quote["bid_nanos"], quote["ask_nanos"]
        last_ns = int(quote["log_ns"])
    return crossed_ns / (last_ns - int(quotes["log_ns"][0]))


def test_venues_cross_each_other_only_briefly() -> None:
    records = stream(PlainConfig(instruments=1, records_per_s=10_000), seconds=5)
    is_top = records["flags"] & int(QuoteFlag.LEVEL_MASK) == 0
    assert crossed_share(records[is_top & (records["type"] == int(InputType.QUOTE))]) < 0.1


def test_flaky_venues_halt_and_say_nothing_until_they_open() -> None:
    records = stream(msgspec.structs.replace(SMALL, venues=24), seconds=60)
    stops = records[records["type"] == int(InputType.STATUS)].view(STATUS.dtype)
    assert set(stops["status"]) == {VenueStatus.HALTED, VenueStatus.OPEN}
    halted: set[int] = set()
    for record in records:
        venue = int(record["venue"])
        if record["type"] == int(InputType.STATUS):
            status = record.view(STATUS.dtype)["status"]
            halted = halted | {venue} if status == VenueStatus.HALTED else halted - {venue}
        else:
            assert venue not in halted


def test_prints_trade_at_the_quote_that_stood() -> None:
    touch: dict[tuple[int, int], tuple[int, int]] = {}
    prints = 0
    for raw in stream(SMALL):
        place = int(raw["venue"]), int(raw["instrument"])
        if raw["type"] == int(InputType.TRADE) and place in touch:
            prints += 1
            assert int(raw["bid_nanos"]) in touch[place]  # a TRADE keeps its price there
        elif raw["type"] == int(InputType.QUOTE) and raw["flags"] & int(QuoteFlag.LEVEL_MASK) == 0:
            touch[place] = int(raw["bid_nanos"]), int(raw["ask_nanos"])
    assert prints > 50


def test_reference_is_a_dense_stream_that_builds_a_replay_market() -> None:
    market = PlainMarket(PlainConfig())
    records = list(records_of(market.reference()))
    headers = [QUOTE.unpack(raw.ljust(QUOTE.size)) for _, raw in records]
    assert [header.source_seq for header in headers] == list(range(1, len(records) + 1))
    assert market.next_reference_seq() == len(records) + 1
    kinds = Counter(kind for kind, _ in records)
    assert kinds == {
        InputType.INSTRUMENT: 4,
        InputType.VENUE: 24,
        InputType.LISTING: 96,
        InputType.FEE: 192,
    }
    venues = [VENUE.unpack(raw) for kind, raw in records if kind == InputType.VENUE]
    assert len({venue.key for venue in venues}) == 24
    assert sum(venue.mic != bytes(4) for venue in venues) == 16
    fees = {FEE.unpack(raw).fixed_nanos for kind, raw in records if kind == InputType.FEE}
    assert min(fees) < 0 < max(fees)
    replay = replay_market(market.reference(), market.venue_latencies)
    for chunk in market.chunks(NS_PER_S):
        replay.advance(chunk)
    assert replay.records_ignored == 0


def test_orders_are_seeded_and_marketable_by_a_few_ticks() -> None:
    market = PlainMarket(SMALL)
    orders = np.frombuffer(market.orders(400), dtype=NEW_ORDER.dtype)
    assert market.orders(100) == market.orders(400)[: 100 * NEW_ORDER.size]
    assert orders["cl_ord_id"][0] == b"D-000001"
    assert (orders["source_seq"] == np.arange(1, 401)).all()
    assert (np.diff(orders["log_ns"]) >= 0).all()
    assert set(orders["policy"]) == {1, 2, 3, 4}
    assert set(orders["time_in_force"]) == {TimeInForce.DAY, TimeInForce.IOC}
    assert set(orders["ord_type"]) == {1, 2}
    assert orders["order_units"].min() == 120
    assert orders["order_units"].max() == 3600
    is_market = orders["ord_type"] == 1
    assert ((orders["limit_nanos"] == 0) == is_market).all()


@pytest.mark.parametrize("wrong", [{"venues": 65}, {"records_per_s": 1}, {"seed": -1}])
def test_a_value_out_of_range_is_named(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        PlainMarket(msgspec.structs.replace(SMALL, **wrong))


@pytest.mark.parametrize("first_s", [0.05, 1, 3.9, 4.1, 9])
def test_a_market_that_starts_later_goes_on_alike(first_s: float) -> None:
    config = PlainConfig(venues=4, instruments=2, records_per_s=2_000)
    first_ns = int(first_s * NS_PER_S)
    names = [name for name in QUOTE.dtype.names or () if name != "source_seq"]

    def rows(since_ns: int) -> list[tuple[object, ...]]:
        market = PlainMarket(config)
        chunks = market.chunks(first_ns + NS_PER_S, 50_000_000, since_ns)
        start_ns = config.start_ns + first_ns
        found = np.concatenate([chunk[chunk["log_ns"] >= start_ns] for chunk in chunks])
        return [tuple(row) for row in found[names]]

    assert rows(first_ns) == rows(0)
    assert rows(0)
