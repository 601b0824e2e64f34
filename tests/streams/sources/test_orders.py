"""Seeded orders: uniform over quotes, sized by the touch, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.codes import InputType, OrdType, Side, TimeInForce
from schemas.errors import InputError
from schemas.market import QUOTE
from schemas.orders import NEW_ORDER
from streams.sources.base import DatasetReader
from streams.sources.orders import OrderMix, order_mix, seeded_orders
from streams.sources.touch import TouchTracker, is_top_quote

TICK, LOT = 10_000_000, 100
MIX = OrderMix(
    symbols=("AAA", "BBB"),
    venues=3,
    tick_nanos=np.array([TICK, TICK]),
    lot_units=np.array([LOT, LOT]),
    touch_e3=np.array([100, 300, 500, 1000, 3000]),
)


def market(count: int, seed: int = 1) -> NDArray[np.void]:
    """Return random quotes of 2 instruments at 3 venues, some sides empty, and some prints."""
    rng = np.random.default_rng(seed)
    quotes = QUOTE.zeros(count)
    quotes["type"] = np.where(rng.random(count) < 0.1, int(InputType.TRADE), int(InputType.QUOTE))
    quotes["log_ns"] = np.sort(rng.integers(0, 10 * count, count))
    quotes["venue"] = rng.integers(0, 3, count)
    quotes["source"] = quotes["venue"] + 1
    quotes["instrument"] = rng.integers(0, 2, count)
    for side, base in (("bid", 100), ("ask", 106)):
        quotes[f"{side}_units"] = rng.integers(0, 8, count) * 150
        quotes[f"{side}_nanos"] = (base + rng.integers(0, 6, count)) * TICK
    return quotes


def touch_of(quotes: NDArray[np.void], place: int) -> tuple[int, int, int, int]:
    """Return the consolidated touch after `place`, venue by venue."""
    books = {}
    for quote in quotes[: place + 1]:
        if quote["type"] == InputType.QUOTE and quote["instrument"] == quotes["instrument"][place]:
            books[int(quote["venue"])] = quote
    bids = [(int(q["bid_nanos"]), int(q["bid_units"])) for q in books.values() if q["bid_units"]]
    asks = [(int(q["ask_nanos"]), int(q["ask_units"])) for q in books.values() if q["ask_units"]]
    bid, ask = max(bids, default=(0, 0))[0], min(asks, default=(0, 0))[0]
    sizes = [sum(n for px, n in side if px == best) for side, best in ((bids, bid), (asks, ask))]
    return bid, sizes[0], ask, sizes[1]


def in_chunks(records: NDArray[np.void], size: int) -> list[NDArray[np.void]]:
    """Return the records in pieces."""
    return [records[i : i + size] for i in range(0, len(records), size)]


@pytest.mark.parametrize("size", [7, 64, 1000])
def test_the_touch_is_the_best_over_venues(size: int) -> None:
    quotes = market(600)
    quotes = quotes[is_top_quote(quotes)]
    tracker = TouchTracker(2, 3)
    for i, chunk in enumerate(in_chunks(quotes, size)):
        chosen = np.flatnonzero(np.arange(len(chunk)) % 3 == 0)
        touch = tracker.advance(chunk, chosen)
        for row, place in enumerate(chosen):
            bid, bid_units, ask, ask_units = touch_of(quotes, i * size + int(place))
            assert (touch.bid_units[row], touch.ask_units[row]) == (bid_units, ask_units)
            assert not bid_units or touch.bid_nanos[row] == bid
            assert not ask_units or touch.ask_nanos[row] == ask


def test_the_same_seed_gives_the_same_orders_in_any_chunks() -> None:
    quotes = market(5_000)
    first = seeded_orders(in_chunks(quotes, 64), 200, 7, MIX)
    assert first.tobytes() == seeded_orders([quotes], 200, 7, MIX).tobytes()
    assert first.tobytes() != seeded_orders([quotes], 200, 8, MIX).tobytes()


def test_every_order_is_sized_and_limited_by_the_touch_of_its_time() -> None:
    quotes = market(3_000)
    orders = seeded_orders(in_chunks(quotes, 500), 300, 7, MIX)
    places = {
        (int(q["log_ns"]), int(q["instrument"])): i
        for i, q in enumerate(quotes)
        if q["type"] == InputType.QUOTE
    }
    checked = 0
    for order in orders:
        same_time = np.count_nonzero(quotes["log_ns"] == order["log_ns"])
        if same_time > 1:
            continue
        bid, bid_units, ask, ask_units = touch_of(
            quotes, places[int(order["log_ns"]), int(order["instrument"])]
        )
        is_buy = order["side"] == Side.BUY
        units = ask_units if is_buy else bid_units
        sizes = {max(units * m // 1000 // LOT, 1) * LOT for m in MIX.touch_e3.tolist()}
        assert int(order["order_units"]) in sizes
        through = int(order["limit_nanos"] - ask if is_buy else bid - order["limit_nanos"])
        expected = {0} if order["ord_type"] == OrdType.MARKET else {0, TICK, 2 * TICK}
        assert (0 if order["ord_type"] == OrdType.MARKET else through) in expected
        checked += 1
    assert checked > 100


def test_the_mix_is_as_described() -> None:
    orders = seeded_orders(in_chunks(market(20_000), 1_000), 4_000, 7, MIX)
    assert (np.diff(orders["log_ns"]) >= 0).all()
    assert orders["source_seq"].tolist() == list(range(1, 4_001))
    assert set(orders["source"].tolist()) == {200}
    assert orders["cl_ord_id"][[0, -1]].tolist() == [b"R7-000001", b"R7-004000"]
    assert orders["policy"][:5].tolist() == [1, 2, 3, 4, 1]
    assert orders["account"][:2].tolist() == [b"ACC-1", b"ACC-2"]
    assert (orders["log_ns"] == orders["transact_ns"]).all()
    assert set(zip(orders["instrument"].tolist(), orders["symbol"].tolist(), strict=True)) == {
        (0, b"AAA"),
        (1, b"BBB"),
    }
    ioc = np.mean(orders["time_in_force"] == int(TimeInForce.IOC))
    buys = np.mean(orders["side"] == int(Side.BUY))
    market_share = np.mean(orders["ord_type"] == int(OrdType.MARKET))
    assert abs(ioc - 0.6) < 0.03
    assert abs(buys - 0.5) < 0.03
    assert abs(market_share - 1 / 3) < 0.03


def test_orders_are_spread_evenly_over_the_quotes() -> None:
    quotes = market(40_000)
    orders = seeded_orders(in_chunks(quotes, 4_096), 4_000, 11, MIX)
    quarters = np.quantile(quotes["log_ns"], [0.25, 0.5, 0.75])
    shares = np.bincount(np.searchsorted(quarters, orders["log_ns"]), minlength=4) / 4_000
    assert np.abs(shares - 0.25).max() < 0.03


def test_too_few_quotes_are_refused() -> None:
    with pytest.raises(InputError, match=r"--orders 100: the dataset has [0-9]+ two-sided"):
        seeded_orders([market(50)], 100, 7, MIX)
    with pytest.raises(InputError, match="no record"):
        seeded_orders([], 1, 7, MIX)


def test_no_orders_are_no_orders() -> None:
    assert seeded_orders([market(50)], 0, 7, MIX).shape == (0,)


def test_the_terms_come_from_the_dataset(prediction: Callable[..., DatasetReader]) -> None:
    pair = "KXMENWORLDCUP-26-MX:1"
    reader = prediction(*(f"{i},{i},kalshi,{pair},5.5,5.8,0,0,10,20," for i in range(1, 50)))
    mix = order_mix(reader, policies=(2,))
    assert mix.touch_e3.tolist() == [100, 300, 500, 1000, 3000]
    orders = seeded_orders(reader.chunks(), 20, 7, mix)
    assert orders.dtype == NEW_ORDER.dtype
    assert (orders["order_units"] % 100 == 0).all()
    assert set(orders["policy"].tolist()) == {2}
    limits = set(orders["limit_nanos"][orders["side"] == int(Side.BUY)].tolist())
    assert limits <= {0, 58_000_000, 59_000_000, 60_000_000}
