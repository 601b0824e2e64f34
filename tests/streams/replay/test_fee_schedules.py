"""A recorded market whose venues charge by a published schedule and the month's volume."""

from __future__ import annotations

import gzip
import re
from itertools import islice
from pathlib import Path

import pytest

from schemas.events import ChildStateEvent, ExecutionQualityEvent
from streams.sources.config_file import load_dataset
from streams.sources.fee_schedules import read_schedules
from tests.streams.replay.dataset import make_run
from tests.streams.replay.reading import outputs_of

ROWS = 40_000
MARKETS = {"BINANCE-USDM": "linear.trading", "BINANCE-COINM": "inverse.trading"}
TIERS = {"BINANCE-USDM": 3, "BINANCE-COINM": 2}
"""What the month so far has reached at 7,500 of the one and 2,500 of the other."""
BILLING = {
    "BINANCE-USDM": '{ basis = "month_to_date", month_to_date = 7_500 }',
    "BINANCE-COINM": '{ basis = "prior_tier", prior_tier = 2 }',
}

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def dataset(root: Path, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset TOML over the first rows of the recording, with schedules."""
    folder = tmp_path_factory.mktemp("schedules")
    for name in ("bbo_all_markets.csv.gz", "trades_all_markets.csv.gz"):
        with (
            gzip.open(shared_data / "binance_3markets_2024" / name, "rb") as source,
            gzip.open(folder / name, "wb", compresslevel=1) as target,
        ):
            target.writelines(islice(source, ROWS))
    (listed,) = (shared_data / "crypto_fee_schedules").glob("*.json")
    text = (root / "deploy/datasets/binance_3markets.toml").read_text()
    for venue, market in MARKETS.items():
        schedule = f'{{ file = "{listed}", name = "binance", market = "{market}" }}'
        more = f"schedule = {schedule}\nbilling = {BILLING[venue]}\n"
        text, found = re.subn(rf'(key = "{venue}"\n)', rf"\g<1>{more}", text)
        assert found == 1
    path = folder / "with_schedules.toml"
    path.write_text(text)
    return path


def test_fills_are_charged_by_the_tier_in_force(
    dataset: Path, shared_data: Path, tmp_path: Path
) -> None:
    make_run((dataset, dataset.parent), tmp_path / "run", orders=400)
    events = outputs_of(tmp_path / "run")
    venues = [venue.key for venue in load_dataset(dataset).venues]
    (listed,) = (shared_data / "crypto_fee_schedules").glob("*.json")
    fills = dict.fromkeys(venues, 0)
    for event in events:
        if isinstance(event, ChildStateEvent) and event.exec_type == "trade":
            key = venues[event.venue]
            rate_e9 = 1_000_000
            if key in MARKETS:
                (lines,) = (read_schedules(listed, (MARKETS[key],))["binance"],)
                rate_e9 = next(
                    line.rate_e9
                    for line in lines
                    if (line.liquidity, line.tier) == (1, TIERS[key]) and event.liquidity == "take"
                )
            exact = event.last_nanos * rate_e9 // 10**9 * event.last_units // 10**8
            assert abs(event.fee_nanos - exact) <= 1, key
            fills[key] += 1
    assert all(count > 5 for count in fills.values()), fills
    told = [event for event in events if isinstance(event, ExecutionQualityEvent)]
    assert told
    assert all(event.fee_mismatches == 0 for event in told)
    assert any(event.fee_charged_nanos for event in told)
