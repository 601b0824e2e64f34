"""`sor evaluate` in a small size: keys, truth, reproducibility, and baselines that work."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.errors import InputError
from streams.cli.main import main
from streams.evaluation import controls, learner
from streams.evaluation.arms import (
    RANDOM_SPLIT,
    SPLITS,
    EngineArm,
    Setting,
    run_baseline,
    run_engine,
)
from streams.evaluation.block import BlockTask, run_block
from streams.evaluation.evaluate import evaluate
from streams.evaluation.plan import Plan, confirmation_seed
from streams.evaluation.score import instant_bps, shortfall_bps
from streams.evaluation.worlds import FEES, HELD_OUT, Shape, drawn_preset

SMALL = Plan(
    venues=(5, 8),
    headline=8,
    orders=10,
    blocks=2,
    side_blocks=2,
    control_blocks=2,
    control_orders=10,
    small_orders=20,
    learn_blocks=2,
    learn_orders=12,
    switch_orders=60,
    families=("clustered",),
    workers=1,
)


def setting(seed: int = 1, venues: int = 8, orders: int = 12) -> Setting:
    return Setting(preset=drawn_preset(Shape(venues=venues), seed), seed=seed, orders=orders)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return evaluate(SMALL, tmp_path_factory.mktemp("evaluation"))


def test_its_keys_are_the_published_ones(result: dict[str, Any]) -> None:
    contract = "A B C improvement ladder controls families configurations_tried seeds"
    assert set(contract.split()) <= set(result)
    a = "venues overlap within_tolerance trivial_share random_overlap best_price_overlap n"
    assert set(a.split()) <= set(result["A"][0])
    assert {"venues", "regret_bps", "ci95", "n"} <= set(result["B"][0])
    assert set("venues accuracy regret_bps share_left_out n".split()) <= set(result["C"][0])
    rows = "baseline bps bps_ci95 percent percent_ci95 gap_closed gap_ci95 n"
    assert set(rows.split()) <= set(result["improvement"][0])
    assert {"name", "effect_bps", "ci95", "passes"} <= set(result["controls"][0])
    assert [row["venues"] for row in result["A"]] == [5, 8]
    assert {row["baseline"] for row in result["improvement"]} == set(SPLITS)
    assert len(result["controls"]) == 7  # (b) is told twice


def test_few_blocks_claim_nothing(result: dict[str, Any]) -> None:
    assert all(row["bps_ci95"] is None for row in result["improvement"])
    assert not any(row["passes"] for row in result["controls"])


def test_the_solver_is_exact_and_a_random_split_is_not(result: dict[str, Any]) -> None:
    for row in result["A"]:
        assert row["overlap"] >= 0.999
        assert row["within_tolerance"] == 1.0
        assert row["random_overlap"] < 0.9


def test_the_same_block_gives_the_same_result() -> None:
    task = BlockTask(shape=Shape(venues=6), seed=5, orders=8, small_orders=12)
    assert run_block(task) == run_block(task)


def test_what_was_tried_is_appended(tmp_path: Path) -> None:
    tiny = msgspec.structs.replace(
        SMALL, venues=(5,), blocks=1, side_blocks=1, control_blocks=1, learn_blocks=1
    )
    assert evaluate(tiny, tmp_path)["configurations_tried"] == 1
    record = tmp_path / "configurations_tried.jsonl"
    other = json.loads(record.read_text())
    other["ours"]["miss_ticks"] = [9.0, 9.0]
    record.write_text(record.read_text() + json.dumps(other) + "\n")
    assert evaluate(tiny, tmp_path)["configurations_tried"] == 2
    assert len(record.read_text().splitlines()) == 3


@pytest.mark.parametrize("split", [*SPLITS.values(), 6, RANDOM_SPLIT])
def test_a_baseline_fills_and_never_more_than_its_parent(split: int) -> None:
    results = run_baseline(setting(), split, 400_000)
    assert (results["filled_units"] <= results["units"]).all()
    assert results["filled_units"].sum() > 0
    assert (results["filled_units"] + results["clean_units"] == results["units"]).all()


def test_a_sweep_that_knows_fees_beats_one_that_does_not() -> None:
    found = []
    for seed in range(8):
        one = setting(seed, venues=12, orders=20)
        costs = [np.nanmean(shortfall_bps(run_baseline(one, s), one.preset)) for s in (0, 4, 5)]
        found.append(costs)
    best_price, blind, aware = np.mean(found, axis=0)
    assert aware < blind < best_price


def test_nobody_beats_an_instant_sweep_of_the_true_books_by_much() -> None:
    gaps = []
    for seed in range(6):
        one = setting(seed)
        results = run_engine(one, EngineArm())
        gaps.append(
            np.nanmean(shortfall_bps(results, one.preset) - instant_bps(results, one.preset))
        )
    assert np.mean(gaps) > 0


def test_controls_that_are_exact_are_exactly_nothing() -> None:
    for seed in (1, 2):
        assert controls.relabelled(8, seed, 10) == 0.0
        assert controls.equal_fees(8, seed, 10) == 0.0
        assert controls.one_venue(8, seed, 10) == 0.0


def test_a_control_notices_fees_that_differ() -> None:
    one = setting(3, venues=10, orders=30)
    blind = run_engine(one, EngineArm(fee_aware=False))
    aware = run_engine(one, EngineArm())
    assert np.nanmean(shortfall_bps(blind, one.preset)) != np.nanmean(
        shortfall_bps(aware, one.preset)
    )


def test_live_quality_chooses_better_than_frozen() -> None:
    """The learner learns: more right choices of small orders once it has seen a day."""
    early, late = [], []
    for seed in range(6):
        block = learner.choices_around_switch(12, seed, 240)
        right = list(zip(block["when"], block["right"], strict=True))
        early += [ok for when, ok in right if when <= 30]
        late += [ok for when, ok in right if 60 < when <= block["switch"]]
    assert np.mean(late) > np.mean(early)


def test_families_are_different_markets() -> None:
    shapes = [Shape(venues=8, family=family) for family in HELD_OUT]
    means = [
        run_baseline(Setting(preset=drawn_preset(shape, 1), seed=1, orders=10), 5)["notional"].sum()
        for shape in shapes
    ]
    assert len(set(means)) == len(HELD_OUT) == 3


def test_a_shape_is_what_it_says() -> None:
    equal = drawn_preset(Shape(venues=24, equal_fees=True), 1)
    assert {(v.take, v.add) for v in equal.venues if v.kind == "lit"} == {FEES[0]}
    same = drawn_preset(Shape(venues=6, identical=True), 1)
    assert len({msgspec.structs.replace(v, key="x") for v in same.venues}) == 1
    assert sum(v.kind == "dark" for v in equal.venues) == 4


def test_confirmation_seeds_come_from_the_commit() -> None:
    assert confirmation_seed("abc") == int(hashlib.sha256(b"abc").hexdigest()[:10], 16)
    assert confirmation_seed("abc") != confirmation_seed("abd")


def test_the_command_prints_one_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], result: dict[str, Any]
) -> None:
    asked = []

    def instead(plan: Plan, out: Path | None, progress: object) -> dict[str, Any]:
        asked.append(plan)
        return result

    monkeypatch.setattr("streams.evaluation.evaluate.evaluate", instead)
    assert main(["evaluate", "--venues", "12", "--orders", "7", "--seed", "9", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == set(result)
    assert (asked[0].headline, asked[0].orders, asked[0].first_seed) == (12, 7, 9)
    assert main(["evaluate"]) == 0
    table = capsys.readouterr().out
    assert "re-routing fee-aware sweep" in table
    assert "too few blocks" in table


@pytest.mark.parametrize(
    "words",
    [
        ["--venues", "1"],
        ["--venues", "65"],
        ["--seed", "-1"],
        ["--quick", "--full"],
        ["--part", "dessert"],
    ],
)
def test_impossible_sizes_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", *words]) == 2
    assert "--" in capsys.readouterr().err


def test_a_page_gets_its_tables(result: dict[str, Any], tmp_path: Path) -> None:
    from streams.evaluation.page import MARK, write_page
    from streams.evaluation.report import reports

    page, made = tmp_path / "RESULTS.md", reports(result)
    begin, end = f"<!-- tables: {MARK} -->", f"<!-- end of tables: {MARK} -->"
    page.write_text(f"before\n{begin}\nformer tables\n{end}\nafter\n")
    for _ in range(2):
        write_page(page, made, "told")
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "former" not in text
    for words in ("The room:", "re-routing fee-aware sweep", "Ladder", "(f) another", "quarter 1"):
        assert words in text
    with pytest.raises(InputError, match="no such page"):
        write_page(tmp_path / "none.md", made, "told")
    page.write_text("no marks")
    with pytest.raises(InputError, match="has no marks"):
        write_page(page, made, "told")


def test_facts_have_a_page_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from streams.evaluation.facts import FACTS
    from streams.evaluation.page import FACTS_MARK

    row = {"market": "simulated fx_12", "records": 9} | {fact: 0.5 for fact, _ in FACTS}
    monkeypatch.setattr("streams.evaluation.facts.compare_facts", lambda data: [row])
    page = tmp_path / "RESULTS.md"
    page.write_text(f"<!-- tables: {FACTS_MARK} -->\n<!-- end of tables: {FACTS_MARK} -->\n")
    assert main(["evaluate", "--facts", str(tmp_path), "--page", str(page)]) == 0
    assert "simulated fx_12" in capsys.readouterr().out
    assert "| simulated fx_12 |" in page.read_text()
    assert main(["evaluate", "--facts", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["facts"] == [row]


def test_a_plot_is_written(result: dict[str, Any], tmp_path: Path) -> None:
    from streams.evaluation.plots import plot

    path = plot(result, tmp_path)
    assert path is not None
    assert path.stat().st_size > 1000


def test_a_truth_needs_a_market_of_its_own() -> None:
    from streams.evaluation._arena import TrueMarket
    from streams.simulator.synthetic.market import market_arguments

    market = TrueMarket(*market_arguments(setting().preset, 1))
    with pytest.raises(InputError, match="six terms"):
        market.run_baseline([1], 2**62)
    with pytest.raises(InputError, match="no such"):
        market.true_book(99, 0)
    assert market.true_book(0, 0)[0][0] == (0, 0)
    assert market.value_x256(0) > 0
    assert market.regime == 0


def test_the_market_is_measured_alone_and_routed(monkeypatch: pytest.MonkeyPatch) -> None:
    from streams.cli.benchmarks import market

    monkeypatch.setattr(market, "SECONDS", 3)
    alone, routed = market.alone(False), market.routed(False)
    assert (alone.name, routed.name) == ("market", "market.routed")
    assert alone.n > 1_000
    assert routed.n > 1_000
