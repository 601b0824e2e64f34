"""The three-market reader: past-only basis, contracts as units, modelled marks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.codes import InputType, QuoteFlag, TradeCondition
from schemas.errors import InputError
from schemas.market import TRADE
from streams.sources.base import DatasetReader
from streams.sources.basis import MidSeries, basis_shift
from streams.sources.binance_csv import BinanceReader
from streams.sources.config import Basis
from streams.sources.contracts import contract_units

T0 = 1_723_161_254_000_000_000
MS = 1_000_000
BOTH = int(QuoteFlag.MODELLED_BID | QuoteFlag.MODELLED_ASK)
SPOT, USDM, COINM = range(3)

Make = Callable[..., DatasetReader]
ReadAll = Callable[[DatasetReader], NDArray[np.void]]


def quote(ms: float, market: str, bid: str, ask: str, sizes: tuple[str, str] = ("1", "2")) -> str:
    """Return one BBO row; the symbol follows from the market."""
    symbol = {"spot": "btcusdt", "usdm": "btcusdt", "cm": "btcusd_perp"}[market]
    event = "" if market == "spot" else str(1_723_161_255_000 + int(ms))
    return f"{T0 + int(ms * MS)},,{event},{market},{symbol},{bid},{sizes[0]},{ask},{sizes[1]},1"


def trade(ms: float, market: str, price: str, size: str, maker: int = 1) -> str:
    """Return one trade row."""
    symbol = {"spot": "btcusdt", "usdm": "btcusdt", "cm": "btcusd_perp"}[market]
    event = 1_723_161_255_000 + int(ms)
    return f"{T0 + int(ms * MS)},{event},{event},{market},{symbol},{price},{size},{maker}"


def two_markets(market: str, last_ms: int, gap: Callable[[int], float]) -> list[str]:
    """Return spot and perpetual rows every 20 ms; `gap` is the perpetual's distance to spot."""
    rows = []
    for ms in range(0, last_ms, 20):
        rows.append(quote(ms, "spot", "60000.00", "60000.02"))
        bid = 60000 + gap(ms)
        rows.append(quote(ms + 10, market, f"{bid:.1f}", f"{bid + 0.1:.1f}", ("700", "1234")))
    return rows


def of(records: NDArray[np.void], venue: int, kind: InputType) -> NDArray[np.void]:
    """Return a venue's records of one type."""
    found: NDArray[np.void] = records[(records["venue"] == venue) & (records["type"] == kind)]
    return found


def test_the_reference_market_is_untouched(binance: Make, read_all: ReadAll) -> None:
    records = read_all(binance([quote(0, "spot", "61837.63", "61837.64", ("3.78826", "1.54698"))]))
    (only,) = records
    assert (only["bid_nanos"], only["ask_nanos"]) == (61_837_630_000_000, 61_837_640_000_000)
    assert (only["bid_units"], only["ask_units"]) == (378_826_000, 154_698_000)
    assert (only["flags"], only["venue_ns"]) == (0, 0)


def test_a_constant_gap_is_taken_off_and_marked(binance: Make, read_all: ReadAll) -> None:
    reader = binance(two_markets("usdm", 8_000, lambda ms: -22.7))
    quotes = of(read_all(reader), USDM, InputType.QUOTE)
    warm = reader.report().outcomes["basis_warmup"].count
    assert 200 < warm < 300
    assert len(quotes) == 400 - warm
    assert set((quotes["bid_nanos"] // 10**7).tolist()) == {6_000_000}
    assert set(quotes["flags"].tolist()) == {BOTH}
    assert (quotes["venue_ns"] > 0).all()


def test_prices_stay_on_the_ticks_of_the_market(binance: Make, read_all: ReadAll) -> None:
    rng = np.random.default_rng(5)
    rows = two_markets("usdm", 8_000, lambda ms: -20 + float(rng.integers(-30, 30)) / 10)
    quotes = of(read_all(binance(rows)), USDM, InputType.QUOTE)
    assert len(quotes) > 50
    assert (quotes["bid_nanos"] % 100_000_000 == 0).all()
    assert (quotes["ask_nanos"] - quotes["bid_nanos"] == 100_000_000).all()


def test_no_later_row_changes_an_earlier_record(binance: Make, read_all: ReadAll) -> None:
    rng = np.random.default_rng(3)
    rows = two_markets("usdm", 9_000, lambda ms: -20 + float(rng.integers(-50, 50)) / 10)
    trades = [trade(ms + 5, "usdm", "59980.0", "0.5") for ms in range(0, 9_000, 100)]
    whole = read_all(binance(rows, trades))
    for cut in (5_100, 6_005, 7_777):
        future = [quote(cut + i, "usdm", "40000.0", "40000.1") for i in range(200)]
        future += [quote(cut + i, "spot", "90000.0", "90000.1") for i in range(200)]
        kept = [r for r in rows if int(r.split(",")[0]) < T0 + cut * MS]
        changed = read_all(binance(kept + future, trades))
        before = whole[whole["log_ns"] < T0 + cut * MS]
        assert len(before) > 200
        assert changed[: len(before)].tobytes() == before.tobytes()


def test_a_row_does_not_count_in_its_own_basis(binance: Make, read_all: ReadAll) -> None:
    rows = two_markets("usdm", 8_000, lambda ms: -20.0)
    jump = quote(8_000, "usdm", "70000.0", "70000.1")
    last = of(read_all(binance([*rows, jump])), USDM, InputType.QUOTE)[-1]
    assert 70_019_000_000_000 < last["bid_nanos"] < 70_021_000_000_000


def test_trades_get_the_basis_and_a_side(binance: Make, read_all: ReadAll) -> None:
    rows = two_markets("usdm", 8_000, lambda ms: -20.0)
    trades = [trade(7_000, "usdm", "59980.0", "0.25", 1), trade(7_001, "spot", "60000.0", "1", 0)]
    records = read_all(binance(rows, trades))
    (usdm,) = of(records, USDM, InputType.TRADE).view(TRADE.dtype)
    (spot,) = of(records, SPOT, InputType.TRADE).view(TRADE.dtype)
    assert abs(int(usdm["price_nanos"]) - 60_000_000_000_000) <= 100_000_000
    assert usdm["conditions"] == TradeCondition.REGULAR | TradeCondition.MODELLED
    assert (usdm["units"], usdm["aggressor"], spot["aggressor"]) == (25_000_000, 2, 1)
    assert spot["conditions"] == TradeCondition.REGULAR


def test_coin_margined_sizes_are_contracts(binance: Make, read_all: ReadAll) -> None:
    rows = two_markets("cm", 8_000, lambda ms: -16.6)
    trades = [trade(7_000, "cm", "59983.4", "3")]
    records = read_all(binance(rows, trades))
    quotes = of(records, COINM, InputType.QUOTE)
    doubled_mid = 2 * 59_983_400_000_000 + 100_000_000
    for side, contracts in (("bid_units", 700), ("ask_units", 1234)):
        assert set(quotes[side].tolist()) == {contracts * 100 * 10**8 * 2 * 10**9 // doubled_mid}
    (print_,) = of(records, COINM, InputType.TRADE).view(TRADE.dtype)
    assert print_["units"] == 3 * 100 * 10**8 * 2 * 10**9 // doubled_mid
    assert set(quotes["flags"].tolist()) == {BOTH}


def test_what_is_worth_no_unit_or_shifts_below_zero_is_rejected(
    binance: Make, read_all: ReadAll
) -> None:
    rows = two_markets("cm", 8_000, lambda ms: 16.6)
    low = quote(8_001, "cm", "0.1", "0.2"), quote(8_002, "cm", "60000.0", "60000.1", ("0", "1"))
    trades = [trade(7_001, "cm", "60016.6", "0.00000001"), trade(7_002, "cm", "0.1", "5")]
    reader = binance([*rows, *low], trades)
    records = read_all(reader)
    counts = {name: o.count for name, o in reader.report().outcomes.items()}
    assert counts["zero_size_trade"] == 1
    assert counts["bad_price"] == 2
    assert counts["zero_size_side"] == 1
    quotes = of(records, COINM, InputType.QUOTE)
    assert ((quotes["bid_nanos"] == 0) == (quotes["bid_units"] == 0)).all()


def test_prints_come_before_quotes_of_the_same_venue_and_time(
    binance: Make, read_all: ReadAll
) -> None:
    quotes = [quote(0, "spot", "1.00", "1.01"), quote(1, "spot", "1.00", "1.02")]
    records = read_all(binance(quotes, [trade(1, "spot", "1.01", "1")]))
    assert records["type"].tolist() == [InputType.QUOTE, InputType.TRADE, InputType.QUOTE]
    assert records["source_seq"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("bad", "outcome"),
    [
        (trade(1, "spot", "0", "1"), "bad_price"),
        (trade(1, "spot", "1", "-1"), "negative_size"),
        (trade(1, "spot", "1", "0"), "zero_size_trade"),
        (trade(1, "spot", "1", "").replace("spot", "dex"), "unknown_venue"),
    ],
)
def test_bad_trades_are_rejected_by_name(
    binance: Make, read_all: ReadAll, bad: str, outcome: str
) -> None:
    reader = binance([quote(0, "spot", "1", "1.01")], [bad])
    assert len(read_all(reader)) == 1
    assert reader.report().outcomes[outcome].sample == "trades_all_markets.csv.gz:2"


def test_a_basis_is_needed(tmp_path: Path, binance: Make) -> None:
    dataset = binance([quote(0, "spot", "1", "1.01")]).dataset
    with pytest.raises(InputError, match=r"needs a \[basis\] table"):
        BinanceReader(msgspec.structs.replace(dataset, basis=None), tmp_path)


@given(
    st.integers(0, 10**13),
    st.integers(1, 10**12),
    st.integers(10**6, 2 * 10**17),
)
def test_contract_units_are_floored_exactly(contracts: int, value: int, doubled: int) -> None:
    exact = contracts * 2 * value // doubled
    if exact < 2**52:
        found = contract_units(np.array([contracts]), value, np.array([doubled]))
        assert found.tolist() == [exact]


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60), st.integers(1, 8))
def test_the_shift_is_the_median_of_the_samples_before(gaps: list[int], samples: int) -> None:
    times = np.arange(len(gaps), dtype=np.int64) * 100 * MS
    reference = MidSeries(times, np.full(len(gaps), 2_000))
    market = MidSeries(times, 2_000 + 2 * np.array(gaps))
    settings = Basis(reference="R", sample_ms=100, window_ms=100 * samples, min_samples=1)
    found = basis_shift(market, reference, settings, 1).at(times)
    for i in range(len(gaps)):
        window = gaps[max(0, i - samples) : i]
        if window:
            assert found[i] == np.rint(median(window))
        else:
            assert np.isnan(found[i])


def test_no_reference_no_basis() -> None:
    settings = Basis(reference="R", sample_ms=100, window_ms=1000, min_samples=1)
    empty = MidSeries(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    some = MidSeries(np.array([5]), np.array([7]))
    assert np.isnan(basis_shift(some, empty, settings, 1).at(np.array([9]))).all()
    assert basis_shift(empty, some, settings, 1).at(np.array([9])).shape == (1,)
