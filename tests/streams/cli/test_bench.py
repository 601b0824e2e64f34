"""The harness of the benchmarks: what it measures is real, and its reports compare."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from aggregates import kernel
from schemas.errors import InputError
from streams.cli import bench as bench_command
from streams.cli.benchmarks import engine, native, solver
from streams.cli.benchmarks.budget import BEGIN, END, write_budget
from streams.cli.benchmarks.compare import ratios
from streams.cli.benchmarks.keep import markdown
from streams.cli.benchmarks.market import hit_rates
from streams.cli.benchmarks.timing import Calibration, Result, from_samples
from tests.streams.cli.conftest import Sor

RESULT_KEYS = ("name", "unit", "value", "p50", "p90", "p99", "p999", "max", "n", "noisy", "more")
STAGES = ("decode", "admission", "candidates", "allocation", "record", "children")
SorJson = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[native.NativeBench]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "TICKS", 2_000)
        patch.setattr(native, "BLOCKS", 20)
        patch.setattr(native, "RESPONSE_RECORDS", 8_000)
        made = native.NativeBench(tmp_path_factory.mktemp("bench"), 20, 24)
        made.scripts()
        yield made


def test_the_engine_is_measured_without_python(bench: native.NativeBench) -> None:
    fold, decide = bench.fold(3), bench.decide(50)
    assert (fold.name, fold.unit, fold.n) == ("fold.20x24.native", "ns/tick", 6_000)
    assert (decide.name, decide.n) == ("decide.24.native", 50)
    assert 0 < decide.value <= (decide.p99 or 0) <= (decide.max or 0)
    assert bench.decide_bare(50).name == "decide.24.native.bare"


def test_a_script_folded_again_is_news_each_time(bench: native.NativeBench) -> None:
    """More orders than the script has: a repeat would be refused, and the count come out less."""
    assert bench.decide(50).n == 50
    once, thrice = (bench.decide_instructions(count).value for count in (10, 50))
    assert thrice > 0.5 * once, "a refused repeat takes a small part of a decision's instructions"


def test_instructions_are_counted_the_same_twice(bench: native.NativeBench) -> None:
    first, second = bench.decide_instructions(10), bench.decide_instructions(10)
    assert first.value == second.value > 1_000
    assert bench.fold_instructions().value > 10


def test_deciding_allocates_nothing_once_warm(bench: native.NativeBench) -> None:
    assert bench.allocations().p50 == 0


def test_refused_orders_are_not_measured(bench: native.NativeBench) -> None:
    """More orders in a moment than an engine keeps."""
    script = bench._mixed("crowded", 2_000, 1, 1)
    with pytest.raises(InputError, match="refused for reason 43"):
        bench._samples("whatif", script, 300)


def test_response_counts_from_the_scheduled_arrival(bench: native.NativeBench) -> None:
    orders, load = bench.response(is_full=False)
    assert orders.n == load.n == 20
    assert orders.value > 0
    assert load.name == "response.24.load_lateness"


def test_floors_are_there_to_compare_with() -> None:
    found = {result.name: result for result in native.floors(500)}
    names = {"floor.fold.12000", "floor.decide.24", "floor.decide.24.cold", "floor.clock"}
    assert names <= set(found)
    assert all(result.value > 0 for result in found.values())


def test_a_report_is_kept_and_compared(sor: Sor, sor_json: SorJson, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for _ in range(2):
        code, _, _ = sor(
            "bench", "floor", "--quick", "--out", tmp_path / "kept", "--markdown", page
        )
        assert code == 0
    text = page.read_text(encoding="utf-8")
    assert "| floor.decide.24 | us |" in text
    assert "- compiler: " in text
    (first, *_) = sorted((tmp_path / "kept").iterdir())
    rows = sor_json("bench", "compare", first, first)["ratios"]
    assert {row["ratio"] for row in rows} == {1.0}
    code, out, _ = sor("bench", "compare", first, first)
    assert code == 0
    assert "B / A" in out


def report(*values: float, noisy: bool = False) -> list[dict[str, Any]]:
    return [
        {"results": [{"name": "x", "unit": "us", "value": value, "noisy": noisy}]}
        for value in values
    ]


def test_ratios_have_an_interval_only_where_runs_repeat() -> None:
    (single,) = ratios(report(2.0), report(3.0, noisy=True))
    assert (single["ratio"], single["ci95"], single["noisy"]) == (1.5, None, True)
    (row,) = ratios(report(1.9, 2.1, 2.0), report(3.1, 2.9, 3.0))
    low, high = row["ci95"]
    assert 1.3 < low < 1.5 < high < 1.7


@pytest.mark.parametrize(
    ("content", "says"), [("{", "not a report"), ("[]", "no results"), (None, "no report")]
)
def test_what_is_no_report_is_named(
    sor: Sor, tmp_path: Path, content: str | None, says: str
) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    code, _, err = sor("bench", "compare", path, path)
    assert code in {2, 3}
    assert says in err
    assert sor("bench", "compare", path)[0] == 2


def test_the_schema_of_a_report_is_published(sor: Sor) -> None:
    code, out, _ = sor("bench", "--schema")
    assert code == 0
    fields = json.loads(out)["$defs"]["Result"]["properties"]
    assert set(RESULT_KEYS) == set(fields)


def test_counted_instructions_are_never_noisy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 0.0, 0.0))
    results = [Result(name=unit, unit=unit, value=1.0, n=1) for unit in ("us", "instructions")]
    timed, counted = Calibration().run(lambda: results, 60)
    assert (timed.noisy, counted.noisy) == (True, False)


def page(figures: dict[str, tuple[str, float]]) -> list[str]:
    """Lines of the page for results that have the same value at all quantiles."""
    results = [
        vars_of(from_samples(name, unit, np.array([value, value])))
        for name, (unit, value) in figures.items()
    ]
    return markdown({"machine": {}, "commit": "", "seed": 1, "results": results})


def test_figures_stand_beside_their_floor_their_goal_and_each_other() -> None:
    lines = page(
        {
            "decide.24.native": ("us", 3.0),
            "floor.decide.24": ("us", 1.5),
            "log.bytes_per_tick": ("bytes", 14.0),
            "order_to_durable": ("ms", 0.5),
        }
    )
    start = "- `decide.24.native` value is 2.0 times `floor.decide.24` (goal <= 2.5: met)"
    assert start in lines
    assert "- `log.bytes_per_tick` value 14 bytes, goal <= 40 (0.35 x): met" in lines
    (missed,) = [line for line in lines if line.startswith("- `decide.24.native` p99 3 us, goal")]
    assert "(2.00 x): not met: bound by its memory" in missed
    assert "- engine compute: `decide.24.native` p50 3 p99 3 us" in lines
    assert "- order in to durable and released: `order_to_durable` p50 0.5 p99 0.5 ms" in lines
    assert not any(line.startswith("## Two") for line in page({"log.durable": ("inputs/s", 1e6)}))


def test_one_that_fails_is_named_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Result:
        raise InputError("no such disk")

    def endless() -> Result:
        time.sleep(60)
        raise AssertionError

    monkeypatch.setitem(bench_command.LONGEST_S, "quick", 1)
    fine = Result(name="fine", unit="us", value=1.0, n=1)
    found = bench_command.measured(
        {"broken": broken, "endless": endless, "fine": lambda: fine}, "quick"
    )
    assert [result.name for result in found.results] == ["fine"]
    assert {one.name: one.error for one in found.failures} == {
        "broken": "InputError: no such disk",
        "endless": "TimeoutError: took more than 1 s",
    }
    lines = markdown(msgspec.to_builtins(found))
    assert "- `broken`: InputError: no such disk" in lines


def test_the_quick_table_leaves_the_longest_out(tmp_path: Path) -> None:
    quick, whole = (bench_command.Catalogue(size, None, tmp_path) for size in ("quick", "whole"))
    left_out = set(whole.chosen(())) - set(quick.chosen(()))
    assert "snapshot.pause.none" in left_out
    assert set(quick.chosen(("snapshot.pause.none", "floor"))) == {"snapshot.pause.none", "floor"}
    with pytest.raises(InputError, match="no benchmark 'none'"):
        quick.chosen(("none",))


def test_stages_add_up_to_the_decision(bench: native.NativeBench) -> None:
    stages = bench.decide_stages(20)
    parts = {name: n for name, n in stages.more.items() if name in STAGES}
    assert set(parts) == set(STAGES)
    assert min(parts.values()) > 0
    assert sum(parts.values()) == pytest.approx(stages.more["with_record"], abs=1)
    assert stages.value == pytest.approx(stages.more["with_record"] - parts["record"], abs=1)


def test_the_budget_stands_between_its_marks(sor: Sor, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    stages = dict.fromkeys(STAGES, 100.0) | {"record": 500.0, "with_record": 1000.0}
    log = dict.fromkeys(("append_us", "write_inputs_us", "write_outputs_us"), 2.0)
    figures: dict[str, dict[str, Any]] = {
        "fold.500x24.instructions": {"value": 700.0},
        "decide.24.stages": {"more": stages},
        "decide.24.native": {"p50": 4.0},
        "log.stages": {"more": {**log, "sync_us_a_group": 300.0, "orders_a_group": 9.0}},
    }
    page.write_text(f"above\n{BEGIN}\n| stale |\n{END}\nbelow\n", encoding="utf-8")
    write_budget(page, figures)
    text = page.read_text(encoding="utf-8")
    assert "stale" not in text
    assert text.startswith("above\n")
    assert text.endswith("\nbelow\n")
    assert "| without its record | 500 | | 2.00 us |" in text
    assert "the next bottleneck, is **record**" in text
    with pytest.raises(InputError, match=r"needs log\.stages"):
        write_budget(page, {name: row for name, row in figures.items() if name != "log.stages"})
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(InputError, match="to write between"):
        write_budget(page, figures)
    assert sor("bench", "floor", "--quick", "--budget", tmp_path / "none.md")[0] == 3


def test_beliefs_at_hand_are_counted() -> None:
    counted = {"belief_looks": 200, "belief_sizes_found": 50, "belief_acks_found": 0}
    assert hit_rates(counted) == {"sizes_hit_percent": 75.0, "acks_hit_percent": 100.0}
    decided = engine.DecideBench(24)
    decided.run(20)
    counters = decided.engine.counters()
    assert set(counters) == set(counted)
    assert counters["belief_looks"] == 20 * 24
    assert kernel.load("reference").counters() == {}


def test_what_ifs_and_level_costs_are_measured(bench: native.NativeBench) -> None:
    assert bench.whatif(3).value > 0
    both = bench.side_by_side(2, 3)
    assert (both.name, both.n) == ("parallel.decisions.2", 2 * 3 * 256)
    assert both.value > 0
    assert {result.name for result in native.scores(100)} == {
        f"score.{where}.{width}"
        for where in ("alone", "sweep")
        for width in ("scalar", "vector", "wide")
    }
    with pytest.raises(InputError, match="width"):
        native.run_program("score", 3, 1, 1)
    with pytest.raises(InputError, match="stripped"):
        native.named({}, "venuefold::decide(")


def vars_of(result: Result) -> dict[str, Any]:
    return {field: getattr(result, field) for field in result.__struct_fields__}


def test_shards_run_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    from streams.cli.benchmarks import parallel

    monkeypatch.setattr(parallel, "TICKS", 2_000)
    assert [parallel.thread_counts(n) for n in (1, 2, 3, 16)] == [
        [1, 2],
        [1, 2],
        [1, 2],
        [1, 2, 4, 8, 16],
    ]
    one, two = parallel.parallel(1), parallel.parallel(2)
    assert (one.n, two.n) == (20_000, 40_000)
    assert min(one.value, two.value) > 0


def test_the_table_of_splits_has_a_line_for_each_number_of_venues() -> None:
    figures = {name: 1.0 for name, _, _ in solver.COLUMNS.values()} | {"venues": 50, "n": 63}
    results: list[dict[str, Any]] = [
        {"more": {}},
        {"more": figures},
        {"more": {"shares_not_placed": 0.0}},
    ]
    head, rule, row = solver.table_lines(results)
    assert head.startswith("| venues | cases that count |")
    assert rule.count("---") == len(solver.COLUMNS)
    assert row.startswith("| 50 | 63 | 100.0 | 100.00 |")
    assert solver.table_lines(results[:1]) == []
