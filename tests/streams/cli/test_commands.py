"""What each verb says, for people and for programs."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.cli.main import COMMANDS
from streams.replay.summary import summarise
from tests.streams.cli.conftest import Sor
from tests.streams.replay.reading import manifest_of, outputs_of

SorJson = Callable[..., dict[str, Any]]
REPLAY_KEYS = [
    "inputs",
    "ticks",
    "orders",
    "decisions",
    "children",
    "fills",
    "venues",
    "elapsed_s",
    "inputs_per_s",
    "state_hash",
    "decision_hash",
    "run",
]
VERIFY_KEYS = [
    "inputs",
    "decisions",
    "mismatches",
    "first_divergence",
    "chain",
    "state_hash",
    "decision_hash",
    "inputs_per_s",
]


def test_replay_and_verify_print_their_contract(
    sor_json: SorJson, dataset: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    made = sor_json(
        "replay",
        dataset[0],
        "--data",
        dataset[1],
        "--out",
        out,
        "--orders",
        20,
        "--seed",
        3,
        "--set",
        "quality.publish_s=5",
    )
    assert list(made) == REPLAY_KEYS
    assert (made["ticks"], made["orders"], made["venues"]) == (2_000, 20, 3)
    assert made["run"] == str(out)
    assert manifest_of(out)["config"]["quality"]["publish_s"] == 5
    for core in ("native", "reference"):
        found = sor_json("verify", out, "--core", core)
        assert list(found)[: len(VERIFY_KEYS)] == VERIFY_KEYS
        assert found["mismatches"] == 0
        assert found["first_divergence"] is None
        assert found["chain"] == "ok"
        for name in ("inputs", "decisions", "state_hash", "decision_hash"):
            assert found[name] == made[name]


def test_counts_agree_with_the_log(
    sor_json: SorJson, dataset: tuple[Path, Path], run: Path
) -> None:
    outputs = outputs_of(run)
    totals = summarise(run).totals
    assert totals.fills == sum(getattr(e, "exec_type", "") == "trade" for e in outputs)
    assert totals.orders == 60
    assert sum(totals.ends.values()) == totals.accepted


def test_replay_for_people(sor: Sor, dataset: tuple[Path, Path], tmp_path: Path) -> None:
    code, out, err = sor(
        "replay", dataset[0], "--data", dataset[1], "--out", tmp_path / "run", "--orders", 50
    )
    assert (code, err) == (0, "")
    for words in ("Run", "2,000 rows -> 2,000 quotes", "AAA", "BBB", "CCC", "lowest_cost", "state"):
        assert words in out
    code, out, err = sor("verify", tmp_path / "run")
    assert (code, err) == (0, "")
    assert out.startswith("Verified")
    assert "0 mismatches" in out


def test_decisions_and_explain(sor: Sor, sor_json: SorJson, run: Path) -> None:
    listed = sor_json("decisions", run, "--limit", 500)["decisions"]
    assert len(listed) == manifest_of(run)["decisions"]
    chosen = next(d for d in listed if len(d["children"]) > 1)
    code, out, _ = sor("explain", run, chosen["out_seq"])
    assert code == 0
    for words in ("Market", "Venues", "Choice", "Cost", "Outcome", "Modelled", "chain", "answered"):
        assert words in out
    assert chosen["cl_ord_id"] in out
    told = sor_json("explain", run, chosen["out_seq"])
    assert told["decision"]["out_seq"] == chosen["out_seq"]
    assert told["order"]["cl_ord_id"] == chosen["cl_ord_id"]
    assert len(told["children"]) == len(chosen["children"])
    assert told["order_state"]["state"] in {"done", "canceled", "expired"}
    assert len(told["chain"]) == 64
    assert isinstance(told["decision"]["expected_cost"], str), "128 bits are text in JSON"
    by_name = sor_json("explain", run, chosen["cl_ord_id"])
    by_order = sor_json("explain", run, f"order:{chosen['order_id']}")
    assert by_name["decision"] == by_order["decision"]


def test_decisions_for_people(sor: Sor, run: Path) -> None:
    code, out, _ = sor("decisions", run, "--limit", 3, "--instrument", "ibm")
    assert code == 0
    rows = [line for line in out.splitlines() if " IBM" in line]
    assert len(rows) == 3
    assert not any(" BAC" in line for line in out.splitlines())


def test_explain_builds_an_index_that_is_gone(sor_json: SorJson, run: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    shutil.rmtree(copy / "shard-000" / "index")
    name = sor_json("decisions", run, "--limit", 1)["decisions"][0]["cl_ord_id"]
    assert sor_json("explain", copy, name) == sor_json("explain", run, name)


def test_quality_in_three_forms(sor: Sor, sor_json: SorJson, run: Path) -> None:
    rows = sor_json("quality", run)["rows"]
    places = [(row["instrument"], row["venue"]) for row in rows]
    assert places == [(i, v) for i in ("BAC", "IBM") for v in ("AAA", "BBB", "CCC")]
    assert all(0.0 <= row["fill_ratio"] <= 1.0 for row in rows)
    code, out, _ = sor("quality", run, "--csv", "--venue", "bbb")
    assert code == 0
    read = list(csv.DictReader(io.StringIO(out)))
    assert [(row["instrument"], row["venue"]) for row in read] == [("BAC", "BBB"), ("IBM", "BBB")]
    assert float(read[0]["fill_ratio"]) == rows[1]["fill_ratio"]
    code, out, _ = sor("quality", run, "--instrument", "IBM", "--table", "liquidity")
    assert code == 0
    # A line for each venue, in the tables of liquidity and of speed.
    assert out.count("IBM") == 6
    assert "BAC" not in out
    assert sor("quality", run, "--csv", "--at", "1")[1] == ""


def test_quality_at_a_moment(sor_json: SorJson, dataset: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "run"
    sor_json(
        "replay",
        dataset[0],
        "--data",
        dataset[1],
        "--out",
        out,
        "--orders",
        5,
        "--set",
        "quality.publish_s=2",
    )
    last = sor_json("quality", out)["rows"][0]
    by_seq = sor_json("quality", out, "--at", last["seq"] - 1)["rows"][0]
    by_time = sor_json("quality", out, "--at", last["log_ns"] - 1)["rows"][0]
    assert by_seq["seq"] < last["seq"]
    assert by_time["quotes"] < last["quotes"]
    assert sor_json("quality", out, "--at", "2100-01-01T00:00:00Z")["rows"][0] == last
    assert sor_json("quality", out, "--at", "2000-01-01")["rows"] == []


def test_bench_reports_its_machine(sor_json: SorJson, sor: Sor, monkeypatch: Any) -> None:
    from streams.cli.benchmarks import engine

    monkeypatch.setattr(engine, "TICKS_A_PIECE", 1_000)
    found = sor_json("bench", "fold.500x24")
    keys = {"machine", "commit", "seed", "results", "failures", "seconds", "size"}
    assert set(found) == keys
    assert not found["failures"]
    (result,) = found["results"]
    assert list(result) == [
        "name",
        "unit",
        "value",
        "p50",
        "p90",
        "p99",
        "p999",
        "max",
        "n",
        "noisy",
        "more",
    ]
    assert (result["name"], result["unit"]) == ("fold.500x24", "ns/tick")
    assert result["value"] > 0
    assert found["machine"]["cores"] >= 1
    code, out, _ = sor("bench", "fold.500*")
    assert code == 0
    assert "fold.500x24" in out


def test_benchmarks_of_whole_paths(
    sor_json: SorJson, dataset: tuple[Path, Path], monkeypatch: Any
) -> None:
    from streams.cli.benchmarks import pipelines
    from streams.simulator.plain_config import PlainConfig

    def slow(**terms: int) -> PlainConfig:
        return PlainConfig(**{**terms, "records_per_s": 2_000, "orders_per_s": 5})

    monkeypatch.setattr(pipelines, "PlainConfig", slow)
    names = ["simulator", "replay", "verify", "pipeline.durable"]
    results = sor_json("bench", *names)["results"]
    assert sorted(r["name"] for r in results) == sorted(names)
    assert all(r["value"] > 0 and r["n"] > 1_000 for r in results)
    assert pipelines.read_dataset(*dataset).n == 2_000


def test_deciding_is_measured_with_its_full_record() -> None:
    from streams.cli.benchmarks.engine import DecideBench

    bench = DecideBench(24)
    result = bench.run(50)
    assert result.n == 50
    assert result.name == "decide.24"
    assert bench.record_bytes > 24 * (16 + 32 + 5 * 8), "24 venues with 5 levels are in it"


def test_parity_is_measured_where_the_generator_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from streams.cli.benchmarks import parity

    monkeypatch.setattr(parity, "SESSION_INPUTS", 500)
    assert parity.parity(500).n == 500


def test_doctor(sor: Sor, sor_json: SorJson, tmp_path: Path) -> None:
    found = sor_json("doctor", tmp_path)
    assert {check["status"] for check in found["checks"]} <= {"ok", "warn"}
    assert {"aggregates._core", "cores agree", "disk sync"} <= {c["name"] for c in found["checks"]}
    assert "engine_generation" in found["versions"]
    code, out, _ = sor("doctor", tmp_path / "nowhere")
    assert code == 1
    assert "name a folder that exists" in out


def test_doctor_names_a_missing_native_core() -> None:
    from streams.cli.doctor import check_native

    check = check_native("aggregates._nothing")
    assert check.status == "fail"
    assert "make setup" in check.advice


def test_help_names_every_verb_and_loads_none(root: Path) -> None:
    code = (
        "import sys; from streams.cli.main import main; main(['--help']); "
        "print(sorted({'numpy', 'polars', 'msgspec', 'rocksdict'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    assert all(verb in result.stdout for verb in COMMANDS)
    assert result.stdout.splitlines()[-1] == "[]"


def test_the_installed_entry_works(root: Path, run: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "streams.cli.main", "decisions", str(run), "--limit", "1"]
    result = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "decision" in result.stdout


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_verb_explains_itself(sor: Sor, verb: str) -> None:
    code, out, _ = sor(verb, "--help")
    assert code == 0
    assert f"sor {verb}" in out
    assert "--json" in out


def test_version(sor: Sor) -> None:
    code, out, _ = sor("--version")
    assert code == 0
    assert out.strip()


def test_a_reader_that_has_gone_ends_the_command_quietly(root: Path, run: Path) -> None:
    command = f"{sys.executable} -m streams.cli.main decisions {run} --limit 500 --json | head -c 1"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    result = subprocess.run(
        ["bash", "-c", command],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (result.stdout, result.stderr) == ("{", "")
