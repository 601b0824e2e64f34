"""A dataset TOML is validated once; every error names the place and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import InputError
from streams.sources.config_file import load_dataset
from streams.sources.open_dataset import open_dataset

NAMES = ["prediction_2venues", "binance_3markets", "us_equity_2013"]


@pytest.fixture
def shipped(root: Path) -> str:
    """Return the text of a shipped dataset file."""
    return (root / "deploy" / "datasets" / "binance_3markets.toml").read_text()


def load(tmp_path: Path, text: str) -> str:
    """Return the error that loading `text` raises."""
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_dataset(path)
    return str(caught.value).replace(str(path), "FILE")


@pytest.mark.parametrize("name", NAMES)
def test_shipped_datasets_are_valid(root: Path, name: str) -> None:
    dataset = load_dataset(root / "deploy" / "datasets" / f"{name}.toml")
    assert dataset.modelled
    assert all(venue.out_us > 0 and venue.back_us > 0 for venue in dataset.venues)


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("[clock]", "[clocks]", "unknown key `clocks`; the nearest known key is `clock`"),
        ("window_ms =", "windw_ms =", "`basis.windw_ms`; the nearest known key is `window_ms`"),
        ("maker = { rate", "maker = { rte", "`venues.maker.rte`; the nearest known key is `rate`"),
        ('tick = "0.01"', 'tick = "0.01 USD"', "`instruments.tick` = '0.01 USD' is not a decimal"),
        ('round_lot = "0.001"', 'round_lot = "1e-9"', "is not a decimal text with at most 8"),
        ('contract_value = "100"', 'contract_value = "1oo"', "`listings.contract_value` = '1oo'"),
    ],
)
def test_typos_are_found_with_their_line(
    tmp_path: Path, shipped: str, good: str, bad: str, said: str
) -> None:
    assert good in shipped
    line = shipped[: shipped.index(good)].count("\n") + 1
    message = load(tmp_path, shipped.replace(good, bad, 1))
    assert message.startswith(f"FILE:{line}: ")
    assert said in message


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("decimals = 8", 'decimals = "8"', r"$.instruments.decimals"),
        ('time_unit = "ns"', 'time_unit = "weeks"', r"$.quotes.time_unit"),
        ('glob = "bbo_all_markets*.csv.gz"\n', "", "missing required field `glob`"),
        ('key = "BINANCE-USDM"', 'key = "BINANCE-SPOT"', "`BINANCE-SPOT` is given twice"),
        ('codes = ["cm"]', 'codes = ["spot"]', "venue code `spot` is given twice"),
        ('key = "BINANCE-USDM"', 'key = "BINANCE-USDM-FUTURES"', "key <= 16 bytes"),
        ('reference = "BINANCE-SPOT"', 'reference = "SPOT"', "`basis.reference` = 'SPOT'"),
        ('tick = "0.01"', 'tick = "0"', "`instruments.tick` must be above 0"),
        ("[clock]", "[clock", "not TOML"),
        ("out_us = 2_000", 'out_us = 1\nschedule = { file = "no.json", name = "x" }', "no.json"),
        (
            "out_us = 2_000",
            'out_us = 1\ntiers = [{}]\nschedule = { file = "no.json", name = "x" }',
            "`tiers` and `schedule` exclude each other",
        ),
        (
            "out_us = 2_000",
            'out_us = 1\nbilling = { basis = "luck" }',
            "$.venues[0].billing.basis",
        ),
    ],
)
def test_wrong_values_are_refused(
    tmp_path: Path, shipped: str, good: str, bad: str, said: str
) -> None:
    assert good in shipped
    assert said in load(tmp_path, shipped.replace(good, bad, 1))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the dataset file"):
        load_dataset(tmp_path / "absent.toml")


def test_opening_names_what_is_missing(tmp_path: Path, root: Path, shipped: str) -> None:
    toml = root / "deploy" / "datasets" / "binance_3markets.toml"
    with pytest.raises(InputError, match="no such folder"):
        open_dataset(toml, tmp_path / "absent")
    with pytest.raises(InputError, match=r"no file matches 'bbo_all_markets\*\.csv\.gz'"):
        open_dataset(toml, tmp_path)
    typo = tmp_path / "x.toml"
    typo.write_text(shipped.replace('reader = "binance_csv"', 'reader = "binance_cvs"'))
    with pytest.raises(
        InputError, match="unknown reader 'binance_cvs'; the nearest is 'binance_csv"
    ):
        open_dataset(typo, tmp_path)


@pytest.mark.parametrize("scale", ["0.02", "0.0000000001", "-1"])
def test_a_scale_must_be_a_power_of_ten(tmp_path: Path, shipped: str, scale: str) -> None:
    (tmp_path / "bbo_all_markets.csv.gz").touch()
    (tmp_path / "trades_all_markets.csv.gz").touch()
    typo = tmp_path / "x.toml"
    typo.write_text(shipped.replace("[clock]", f'[scales]\nprice = "{scale}"\n[clock]'))
    with pytest.raises(InputError):
        list(open_dataset(typo, tmp_path).chunks())
