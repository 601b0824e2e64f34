"""A small synthetic dataset on disk, and runs made of it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from streams.config.load import load_config
from streams.replay.interrupt import Interrupt
from streams.replay.replay import Replay, ReplayRequest

START_MS = 1_700_000_000_000
VENUES = ("AAA", "BBB", "CCC")

TOML = """
name = "small"
reader = "bbo_csv"
about = "three venues, two instruments, made for tests"

[quotes]
glob = "quotes*.csv"
time = "time"
time_unit = "ms"
venue_time = "venue_time"
venue_time_unit = "ms"
market = "venue"
symbol = "symbol"
bid = "bid"
bid_size = "bid_size"
ask = "ask"
ask_size = "ask_size"

[clock]
backwards = "sort"

[instruments]
pattern = '^(?P<key>[A-Z]+)$'
key = "{key}"
quote_ccy = "USD"
decimals = 0
tick = "0.01"
round_lot = "1"
asset_class = 1

[[venues]]
key = "AAA"
name = "Venue A"
codes = ["a"]
taker = { fixed = "0.003" }
maker = {}
out_us = 1_000
back_us = 1_000
ack_prior_us = 2_000

[[venues]]
key = "BBB"
name = "Venue B"
codes = ["b"]
taker = { fixed = "-0.001" }
maker = {}
out_us = 5_000
back_us = 7_000
ack_prior_us = 12_000

[[venues]]
key = "CCC"
name = "Venue C"
codes = ["c"]
taker = {}
maker = {}
out_us = 0
back_us = 0
ack_prior_us = 100

[modelled]
latency = "assumed"

[replay]
horizon_ms = 2_000
stale_ms = 1_000
"""

HEADER = "time,venue_time,venue,symbol,bid,bid_size,ask,ask_size"


def quote_rows(count: int, seed: int = 1) -> list[str]:
    """Lines of quotes, several a second, ten milliseconds apart on average."""
    generator = random.Random(seed)
    time_ms = START_MS
    middle = {"IBM": 18_400, "BAC": 1_390}
    rows = []
    for _ in range(count):
        time_ms += generator.randint(0, 20)
        symbol = generator.choice(sorted(middle))
        middle[symbol] += generator.choice((-1, 0, 0, 0, 1))
        bid = middle[symbol] - generator.randint(1, 2)
        ask = middle[symbol] + generator.randint(1, 2)
        sizes = generator.randint(1, 9) * 100, generator.randint(1, 9) * 100
        venue = generator.choice("abc")
        rows.append(
            f"{time_ms},{time_ms - 3},{venue},{symbol},"
            f"{bid / 100:.2f},{sizes[0]},{ask / 100:.2f},{sizes[1]}"
        )
    return rows


def write_dataset(folder: Path, count: int = 2_000, toml: str = TOML) -> tuple[Path, Path]:
    """(dataset TOML, data folder) with `count` quotes."""
    data = folder / "data"
    data.mkdir(parents=True)
    (data / "quotes.csv").write_text("\n".join([HEADER, *quote_rows(count)]) + "\n")
    path = folder / "small.toml"
    path.write_text(toml)
    return path, data


def make_run(
    dataset: tuple[Path, Path], out: Path, *, settings: tuple[str, ...] = (), **wanted: Any
) -> dict[str, Any]:
    """Replays the dataset; the result of the run in `out`."""
    terms: dict[str, Any] = {"orders": 60, "seed": 7, **wanted}
    config = load_config(None, {}, settings)
    request = ReplayRequest(dataset[0], dataset[1], out, config=config, **terms)
    return Replay(request).execute(Interrupt())
