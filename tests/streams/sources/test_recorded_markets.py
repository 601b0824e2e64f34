"""The recorded markets, against a plain recount that shares no code with the readers."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aggregates.engine import ReferenceEngine
from aggregates.kernel import GENERATION
from schemas.codes import InputType, QuoteFlag
from schemas.market import TRADE
from streams.sources.base import DatasetReader
from streams.sources.open_dataset import open_dataset

pytestmark = pytest.mark.data
MODELLED = (int(QuoteFlag.MODELLED_BID), int(QuoteFlag.MODELLED_ASK))


def rows_of(folder: Path, pattern: str) -> Iterator[dict[str, str]]:
    """Yield every row of the files as text."""
    for path in sorted(folder.glob(pattern)):
        with gzip.open(path, "rt") as lines:
            yield from csv.DictReader(lines)


def check_order(records: NDArray[np.void]) -> None:
    """Check the total order and the dense numbers of every source."""
    step = np.diff(records["log_ns"])
    assert (step >= 0).all()
    assert (np.diff(records["source"].astype(int))[step == 0] >= 0).all()
    assert (records["source"] == records["venue"] + 1).all()
    for source in np.unique(records["source"]):
        seqs = records["source_seq"][records["source"] == source]
        assert (seqs == np.arange(1, len(seqs) + 1)).all()


def test_prediction_markets(root: Path, shared_data: Path) -> None:
    folder = shared_data / "prediction_2venues_2026"
    reader = open_dataset(root / "deploy/datasets/prediction_2venues.toml", folder)
    records = np.concatenate(list(reader.chunks()))
    check_order(records)
    rows = list(rows_of(folder, "*.csv.gz"))
    sides = Counter(int(row["bid"] == "") + int(row["ask"] == "") for row in rows)
    outcomes = {name: o.count for name, o in reader.report().outcomes.items()}
    assert outcomes == {"half_missing": sides[1], "both_sides_missing": sides[2]}
    expected = sorted(
        (
            int(row["t_fetch"]),
            int(Decimal(row["bid"] or 0) * 10**7),
            int(Decimal(row["ask_sz"] or 0) * 100),
        )
        for row in rows
    )
    found = zip(records["log_ns"] // 10**6, records["bid_nanos"], records["ask_units"], strict=True)
    assert sorted((int(t), int(b), int(n)) for t, b, n in found) == expected
    assert refusals(reader) == 0


def refusals(reader: DatasetReader) -> int:
    """Return how many bytes the engine says to a market without orders."""
    engine = ReferenceEngine(0, GENERATION)
    blob = reader.reference() + b"".join(chunk.tobytes() for chunk in reader.chunks())
    consumed, said = engine.step(blob)
    assert consumed == len(blob)
    return len(said)


def test_binance_markets(root: Path, shared_data: Path) -> None:
    folder = shared_data / "binance_3markets_2024"
    reader = open_dataset(root / "deploy/datasets/binance_3markets.toml", folder)
    records = np.concatenate(list(reader.chunks()))
    check_order(records)
    report = reader.report()
    assert set(report.outcomes) == {"basis_warmup"}
    books = Counter(row["market"] for row in rows_of(folder, "bbo_*"))
    assert report.total_rows == books.total() + sum(1 for _ in rows_of(folder, "trades_*"))
    assert len(records) == report.total_rows - report.outcomes["basis_warmup"].count
    spot = records[(records["venue"] == 0) & (records["type"] == int(InputType.QUOTE))]
    assert len(spot) == books["spot"]
    expected = [
        (
            int(row["local_ns"]),
            int(Decimal(row["bid"]) * 10**9),
            int(Decimal(row["ask_qty"]) * 10**8),
        )
        for row in rows_of(folder, "bbo_*")
        if row["market"] == "spot"
    ]
    found = zip(spot["log_ns"], spot["bid_nanos"], spot["ask_units"], strict=True)
    assert sorted((int(t), int(b), int(n)) for t, b, n in found) == sorted(expected)
    quotes = records[records["type"] == int(InputType.QUOTE)]
    assert (quotes["flags"] == np.where(quotes["venue"] == 0, 0, sum(MODELLED))).all()


def test_a_day_of_us_equity(root: Path, shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "us_equity_nbbo_trades_2013"
    for name in ("IBM_20131007_nbbo.csv.gz", "IBM_20131007_trades.csv.gz"):
        (tmp_path / name).symlink_to(source / name)
    reader = open_dataset(root / "deploy/datasets/us_equity_2013.toml", tmp_path)
    records = np.concatenate(list(reader.chunks()))
    check_order(records)
    rows = list(rows_of(tmp_path, "*_nbbo*"))
    outcomes = {name: o.count for name, o in reader.report().outcomes.items()}
    assert outcomes.pop("unchanged_quote", 0) >= 0
    assert outcomes == recount(rows)
    tape = list(rows_of(tmp_path, "*_trades*"))
    prints = records[records["type"] == int(InputType.TRADE)].view(TRADE.dtype)
    assert len(prints) == len(tape)
    assert int(prints["units"].sum()) == sum(int(row["size"]) for row in tape)
    check_best(records, [row for row in rows if row["flag"] != "1"])


def recount(rows: list[dict[str, str]]) -> dict[str, int]:
    """Return the outcomes of the best-quote rows by a plain count."""
    good = [row for row in rows if row["flag"] != "1"]
    two_sided = [r for r in good if r["bid_sz"] != "0" and r["ask_sz"] != "0"]
    gaps = [int(row["ask_1e4"]) - int(row["bid_1e4"]) for row in two_sided]
    found = {
        "flagged_suspicious": len(rows) - len(good),
        "half_missing": len(good) - len(two_sided),
        "crossed": sum(gap < 0 for gap in gaps),
        "locked": gaps.count(0),
    }
    return {name: count for name, count in found.items() if count}


def check_best(records: NDArray[np.void], rows: list[dict[str, str]]) -> None:
    """Check that the books' best is the recorded best after each of its times."""
    quotes = records[records["type"] == int(InputType.QUOTE)]
    last_row = {int(row["ms_et"]): row for row in rows}
    midnight_ns = int(quotes["log_ns"][0]) - int(rows[0]["ms_et"]) * 10**6
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    checked = 0
    ends = np.flatnonzero(np.append(np.diff(quotes["log_ns"]) > 0, False))
    end_set = set(ends.tolist())
    for i, (venue, ns, bid, ask) in enumerate(
        zip(
            quotes["venue"].tolist(),
            quotes["log_ns"].tolist(),
            quotes["bid_nanos"].tolist(),
            quotes["ask_nanos"].tolist(),
            strict=True,
        )
    ):
        bids[venue], asks[venue] = bid, ask or 10**18
        row = last_row.get((ns - midnight_ns) // 10**6) if i in end_set else None
        if row and row["bid_sz"] != "0" and row["ask_sz"] != "0":
            assert max(bids.values()) == int(row["bid_1e4"]) * 10**5
            assert min(asks.values()) == int(row["ask_1e4"]) * 10**5
            checked += 1
    assert checked > 10_000
