"""`sor whatif`: the same policy changes nothing, another is told apart or not, bad files fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import InputError
from schemas.market import QUOTE
from streams.cli.main import main
from streams.evaluation.statistics import MIN_BLOCKS
from streams.whatif import compare as compared
from streams.whatif.clean_up import CleanUp
from streams.whatif.compare import DAY_NS, Outcome, verdict, whatif
from streams.whatif.tally import Parent
from tests.streams.replay.dataset import make_run, write_dataset


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whatif")
    dataset = write_dataset(folder)
    out = folder / "run"
    make_run(dataset, out)
    return out


def policy(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text)
    return path


def test_the_model_error_of_a_replay_run_is_small_and_comes_first(
    run: Path, tmp_path: Path
) -> None:
    result = whatif(run, policy(tmp_path, "[policies.lowest_cost]\nmiss_penalty_bps = 2.0\n"))
    assert result["orders"] > 10
    keys = list(result)
    assert keys.index("model_error") < keys.index("difference")
    assert abs(result["model_error"]["bps"]) < 1.0
    assert result["model_error"]["ci95"] is None
    assert result["model_error"]["why"] == "too few blocks"


def test_the_policy_that_was_logged_changes_nothing(run: Path, tmp_path: Path) -> None:
    same = whatif(run, policy(tmp_path, "[policies.lowest_cost]\n"))
    assert same["difference"]["bps"] == 0.0
    assert same["difference"]["verdict"] == "not distinguishable"
    assert all(order["difference_bps"] == 0.0 for order in same["per_order"])


def test_a_policy_for_all_orders_changes_decisions(run: Path, tmp_path: Path) -> None:
    text = '[orders]\ndefault_policy = "best_price"\n[policies.best_price]\nsplit = false\n'
    path = policy(tmp_path, text)
    result = whatif(run, path)
    assert any(order["difference_bps"] for order in result["per_order"])
    units = {row["name"]: row for row in result["by"]["venue"]}
    assert any(row["original_units"] != row["other_units"] for row in units.values())
    assert {row["name"] for row in result["by"]["side"]} <= {"buy", "sell"}
    assert sum(row["n"] for row in result["by"]["instrument"]) == result["orders"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "names no policy"),
        ("[limits]\ncollar_bps = 1.0\n", "has no place"),
        ("[policies.nonesuch]\n", "nonesuch"),
        ("[policies.lowest_cost]\ncolour = 1\n", "colour"),
        ('[orders]\ndefault_policy = "nonesuch"\n', "nonesuch"),
    ],
)
def test_a_policy_file_is_refused_by_what_is_wrong(
    run: Path, tmp_path: Path, text: str, wrong: str
) -> None:
    with pytest.raises(InputError, match=wrong):
        whatif(run, policy(tmp_path, text))


def test_the_command_prints_an_object_or_tables(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = policy(tmp_path, "[policies.lowest_cost]\nmiss_penalty_bps = 50.0\n")
    assert main(["whatif", str(run), "--policy", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["orders"] > 10
    assert main(["whatif", str(run), "--policy", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "model error" in shown
    assert shown.index("model error") < shown.index("other policy")


def estimate(bps: float, interval: list[float] | None) -> dict[str, Any]:
    return {"bps": bps, "ci95": interval}


@pytest.mark.parametrize(
    ("error", "change", "said"),
    [
        (estimate(0.5, None), estimate(0.4, None), "not distinguishable"),
        (estimate(-0.5, None), estimate(0.5, None), "not distinguishable"),
        (estimate(0.1, None), estimate(0.4, None), "no interval: too few blocks"),
        (estimate(0.1, [0, 0.2]), estimate(0.4, [-0.1, 0.9]), "not distinguishable"),
        (estimate(0.1, [0, 0.2]), estimate(0.4, [0.2, 0.6]), "dearer"),
        (estimate(0.1, [0, 0.2]), estimate(-0.4, [-0.6, -0.2]), "cheaper"),
    ],
)
def test_what_may_be_said(error: dict[str, Any], change: dict[str, Any], said: str) -> None:
    assert verdict(error, change) == said


def test_days_are_the_blocks() -> None:
    def outcome(day: int) -> Outcome:
        parent = Parent(0, 1, arrival_ns=day * DAY_NS)
        return Outcome(("A", str(day), 0), parent, 1.0, 1.0 + day % 2, 3.0, ({}, {}))

    few = compared._estimate([outcome(day) for day in range(MIN_BLOCKS - 1)], lambda o: o.change)
    assert few["ci95"] is None
    many = compared._estimate([outcome(day) for day in range(MIN_BLOCKS)], lambda o: o.change)
    assert many["blocks"] == MIN_BLOCKS
    assert many["ci95"] is not None
    assert many["ci95"][0] < 1.5 < many["ci95"][1]


def test_what_is_left_is_priced_at_the_touches_of_the_horizon() -> None:
    quotes = QUOTE.zeros(3)
    quotes["venue"], quotes["log_ns"] = [0, 1, 0], [1, 2, 50]
    quotes["ask_nanos"], quotes["ask_units"] = [100, 90, 70], [10, 4, 10]
    clean = CleanUp(b"", quotes)
    clean.units_per_one, clean.horizon_ns = {0: 1}, 10
    clean.books = {0: {0: quotes[quotes["venue"] == 0], 1: quotes[quotes["venue"] == 1]}}
    parent = Parent(0, 1, units=10, filled=4, notional=4 * 95, arrival_ns=5, mid_nanos=95.0)
    paid = 4 * 95 + 4 * 90 + 2 * 100
    assert clean.shortfall_bps(parent) == pytest.approx((paid - 950) / 950 * 1e4)
    assert clean.shortfall_bps(Parent(0, 1, units=10)) is None


def test_logged_decisions_are_the_optimum_of_their_snapshots(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protocol A on records: this run is small but its books and fees are those of a file."""
    assert main(["evaluate", "--run", str(run), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)["A"][0]
    assert row["venues"] == 3
    assert row["n"] + row["left_out"] > 0
    if row["n"]:
        assert row["overlap"] >= 0.999
    assert main(["evaluate", "--run", str(run)]) == 0
    assert "overlap" in capsys.readouterr().out


def test_what_rests_is_told_again_without_an_error(tmp_path: Path) -> None:
    names = ("best_price", "lowest_cost", "fastest", "preferred")
    settings = tuple(f"policies.{name}.posting=[0,1,2,3]" for name in names)
    out = tmp_path / "run"
    make_run(write_dataset(tmp_path), out, settings=settings)
    result = whatif(out, policy(tmp_path, "[policies.lowest_cost]\nsplit = false\n"))
    assert result["orders"] > 10
    assert result["model_error"]["bps"] == 0.0


def test_sizes_are_told_from_small_to_large(run: Path, tmp_path: Path) -> None:
    result = whatif(run, policy(tmp_path, "[policies.lowest_cost]\nsplit = false\n"))
    names = [row["name"] for row in result["by"]["size"]]
    places = [[name.startswith(words) for words in compared.BUCKETS].index(True) for name in names]
    assert places == sorted(places)
    assert len(places) > 1
