"""Stylised facts of recorded and simulated markets, side by side.

Both are read as the router reads them: input records, one consolidated book an instrument. Times
are `log_ns`; sizes are relative to the median, so that shares and coins compare.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from schemas.codes import InputType, TradeCondition
from schemas.market import QUOTE, TRADE
from schemas.units import NS_PER_MS, NS_PER_S
from streams.simulator.synthetic.load import PRESETS, load_preset
from streams.simulator.synthetic.market import synthetic_market
from streams.sources.open_dataset import open_dataset

RECORDED = (
    ("us_equity_2013", "us_equity_nbbo_trades_2013"),
    ("binance_3markets", "binance_3markets_2024"),
)
"""(dataset, folder below the data)."""
SIMULATED = ("us_equity_24", "crypto_20", "fx_12")
MOST_RECORDS = 300_000
SIMULATED_S = 120
FACTS = (
    ("spread_bps_p50", "quoted spread of the consolidated book, median, bps"),
    ("spread_p90_to_p50", "its 90 % quantile over its median"),
    ("size_p90_to_p50", "size at the touch: 90 % quantile over median"),
    ("gap_ms_p50", "time between quotes of a book, median, ms"),
    ("gap_cv", "its coefficient of variation (1 for a Poisson process)"),
    ("best_share_top", "largest share of time at the best bid of a venue"),
    ("best_venues", "venues at the best bid, mean"),
    ("sign_autocorrelation", "autocorrelation of trade signs, lag 1"),
    ("effective_to_quoted", "effective over quoted spread, mean"),
)
Row = dict[str, Any]


@dataclass
class Facts:
    """Folds market records of any number of instruments."""

    bids: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    asks: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    spreads: list[float] = field(default_factory=list)
    sizes: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    last_ns: dict[tuple[int, int], int] = field(default_factory=dict)
    gaps: list[float] = field(default_factory=list)
    at_best: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    observed: int = 0
    signs: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    effective: list[float] = field(default_factory=list)
    records: int = 0

    def quote(self, quote: Any) -> None:
        """Top of a venue's book."""
        self.records += 1
        place = quote.instrument, quote.venue
        if place in self.last_ns:
            self.gaps.append((quote.log_ns - self.last_ns[place]) / NS_PER_MS)
        self.last_ns[place] = quote.log_ns
        _put(self.bids[quote.instrument], quote.venue, quote.bid_nanos, quote.bid_units)
        _put(self.asks[quote.instrument], quote.venue, quote.ask_nanos, quote.ask_units)
        if quote.bid_units:
            self.sizes[quote.instrument].append(quote.bid_units)
        best = self._best(quote.instrument)
        if best is None:
            return
        bid, ask = best
        self.spreads.append((ask - bid) / (ask + bid) * 2e4)
        self.observed += 1
        for venue, nanos in self.bids[quote.instrument].items():
            self.at_best[venue] += nanos == bid

    def trade(self, trade: Any) -> None:
        """A continuous print; its side is told or taken from the mid."""
        self.records += 1
        best = self._best(trade.instrument)
        if best is None or not trade.conditions & (TradeCondition.REGULAR | TradeCondition.ISO):
            return
        bid, ask = best
        from_mid = 2 * trade.price_nanos - bid - ask
        sign = {1: 1, 2: -1}.get(trade.aggressor, (from_mid > 0) - (from_mid < 0))
        if sign:
            self.signs[trade.instrument].append(sign)
        if ask > bid:
            self.effective.append(min(10.0, abs(from_mid) / (ask - bid)))

    def _best(self, instrument: int) -> tuple[int, int] | None:
        bids, asks = self.bids[instrument], self.asks[instrument]
        if not bids or not asks:
            return None
        bid, ask = max(bids.values()), min(asks.values())
        return (bid, ask) if bid < ask else None

    def row(self, name: str) -> Row:
        """Every fact, None where the records do not show it."""
        gaps = np.array([gap for gap in self.gaps if gap > 0])
        ratios = [_ratio(np.array(units)) for units in self.sizes.values()]
        sizes = [ratio for ratio in ratios if ratio is not None]
        best = [count / self.observed for count in self.at_best.values()] if self.observed else []
        return {
            "market": name,
            "records": self.records,
            "spread_bps_p50": _quantile(self.spreads, 0.5),
            "spread_p90_to_p50": _ratio(np.array(self.spreads)),
            "size_p90_to_p50": float(np.mean(sizes)) if sizes else None,
            "gap_ms_p50": _quantile(gaps, 0.5),
            "gap_cv": float(gaps.std() / gaps.mean()) if len(gaps) else None,
            "best_share_top": max(best, default=None),
            "best_venues": sum(best) if best else None,
            "sign_autocorrelation": self._autocorrelation(),
            "effective_to_quoted": float(np.mean(self.effective)) if self.effective else None,
        }

    def _autocorrelation(self) -> float | None:
        pairs = [a * b for signs in self.signs.values() for a, b in pairwise(signs)]
        means = [np.mean(signs) for signs in self.signs.values() if signs]
        if len(pairs) < 100:
            return None
        square = float(np.mean(means)) ** 2
        return (float(np.mean(pairs)) - square) / (1.0 - square)


def compare_facts(data: Path, seconds: int = SIMULATED_S) -> list[Row]:
    """A row for each recorded set that is there, and one for each preset."""
    rows = []
    for dataset, folder in RECORDED:
        if (data / folder).is_dir():
            reader = open_dataset(Path("deploy/datasets") / f"{dataset}.toml", data / folder)
            rows.append(_fold(_recorded(reader)).row(f"recorded {dataset}"))
    for name in SIMULATED:
        preset = load_preset(PRESETS / f"{name}.toml")
        market = synthetic_market(preset, 1)
        batch = market.pull(preset.market.start_ns + seconds * NS_PER_S, 1 << 40)
        rows.append(_fold(_slots(batch)).row(f"simulated {name}"))
    return rows


def fact_rows(rows: list[Row]) -> tuple[list[str], list[list[str]]]:
    """Columns and cells, a fact a line."""
    columns = ["fact", *(row["market"] for row in rows)]
    cells = [
        [about, *("-" if row[fact] is None else f"{row[fact]:.3g}" for row in rows)]
        for fact, about in FACTS
    ]
    return columns, cells


def _recorded(reader: Any) -> Iterator[bytes]:
    """The first records, a slot at a time; every market record takes one."""
    left = MOST_RECORDS
    for chunk in reader.chunks():
        raw = chunk[:left].tobytes()
        yield from _slots(raw)
        left -= len(chunk)
        if left <= 0:
            return


def _slots(batch: bytes) -> Iterator[bytes]:
    for at in range(0, len(batch), 64):
        yield batch[at : at + 64]


def _fold(slots: Iterator[bytes]) -> Facts:
    facts = Facts()
    for raw in slots:
        if raw[0] == InputType.QUOTE and raw[1] & 0x0F == 0:
            facts.quote(QUOTE.unpack(raw))
        elif raw[0] == InputType.TRADE:
            facts.trade(TRADE.unpack(raw))
    return facts


def _put(side: dict[int, int], venue: int, nanos: int, units: int) -> None:
    if units:
        side[venue] = nanos
    else:
        side.pop(venue, None)


def _quantile(values: Any, share: float) -> float | None:
    return float(np.quantile(values, share)) if len(values) else None


def _ratio(values: Any) -> float | None:
    if not len(values):
        return None
    middle, high = np.quantile(values, [0.5, 0.9])
    return float(high / middle) if middle else None
