"""Everything that people get wrong: one line, what and where and what to do, and its exit code."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.streams.cli.conftest import Sor
from tests.streams.replay.dataset import HEADER, START_MS, TOML, quote_rows, write_dataset
from tests.streams.replay.reading import manifest_of

Dataset = tuple[Path, Path]


def replay(sor: Sor, dataset: Dataset, out: Path, *more: object) -> tuple[int, str, str]:
    """Run `sor replay` over a dataset with a few orders."""
    return sor("replay", dataset[0], "--data", dataset[1], "--out", out, "--orders", 5, *more)


def spoil(dataset: Dataset, change: Callable[[list[str]], list[str]]) -> None:
    """Change the lines of the data file."""
    path = dataset[1] / "quotes.csv"
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


def refused(result: tuple[int, str, str], code: int, *words: str) -> None:
    """Check exit code, that one line says all the words, and that no traceback is shown."""
    found, out, err = result
    assert found == code, err
    assert err.startswith("sor: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert out == ""
    for word in words:
        assert word in err


def replaced(line: int, column: int, value: str) -> Callable[[list[str]], list[str]]:
    """Return a change of one field; line 1 is the header."""

    def change(lines: list[str]) -> list[str]:
        fields = lines[line - 1].split(",")
        fields[column] = value
        return [*lines[: line - 1], ",".join(fields), *lines[line:]]

    return change


@pytest.fixture
def mine(tmp_path: Path) -> Dataset:
    """Return a dataset of one's own to spoil."""
    return write_dataset(tmp_path / "mine", 200)


def test_a_truncated_gzip_names_file_and_line(sor: Sor, mine: Dataset, tmp_path: Path) -> None:
    plain = mine[1] / "quotes.csv"
    packed = gzip.compress(plain.read_bytes())
    (mine[1] / "quotes.csv.gz").write_bytes(packed[: len(packed) // 2])
    plain.unlink()
    mine[0].write_text(TOML.replace("quotes*.csv", "quotes*.csv.gz"))
    refused(replay(sor, mine, tmp_path / "run"), 2, "quotes.csv.gz:", "truncated")
    assert not (tmp_path / "run").exists()


def test_a_renamed_column_names_the_nearest(sor: Sor, mine: Dataset, tmp_path: Path) -> None:
    spoil(mine, lambda lines: [lines[0].replace("bid_size", "bid_sise"), *lines[1:]])
    result = replay(sor, mine, tmp_path / "run")
    refused(result, 2, "quotes.csv:1:", "no column `bid_size`", "the nearest is `bid_sise`")


@pytest.mark.parametrize(
    ("column", "value", "outcome", "treatment"),
    [
        (4, "0", "bad_price", "rejected"),
        (4, "-1", "bad_price", "rejected"),
        (5, "-100", "negative_size", "rejected"),
        (0, str(START_MS - 5), "time_backwards_sorted", "repaired"),
        (2, "zzz", "unknown_venue", "rejected"),
    ],
)
def test_an_odd_row_is_counted_by_name(
    sor: Sor,
    mine: Dataset,
    tmp_path: Path,
    column: int,
    value: str,
    outcome: str,
    treatment: str,
) -> None:
    spoil(mine, replaced(100, column, value))
    code, out, err = replay(sor, mine, tmp_path / "run")
    assert code == 0, err
    found = manifest_of(tmp_path / "run")["read"]["outcomes"][outcome]
    assert found == {"treatment": treatment, "count": 1, "sample": "quotes.csv:100"}
    line = next(line for line in out.splitlines() if outcome in line)
    assert treatment in line
    assert "quotes.csv:100" in line
    assert sor("verify", tmp_path / "run")[0] == 0


@pytest.mark.parametrize(
    ("line", "reason", "words"),
    [
        ({"Symbol": "XYZ"}, "unknown_instrument", "the instrument does not exist here"),
        ({"OrderQty": "0"}, "bad_size", "is not a size"),
        ({"Price": "400"}, "price_collar", "400 is outside the price collar"),
    ],
)
def test_a_bad_order_is_refused_with_its_reason(
    sor: Sor, mine: Dataset, tmp_path: Path, line: dict[str, str], reason: str, words: str
) -> None:
    import json

    order: dict[str, Any] = {
        "ClOrdID": "BAD-1",
        "Symbol": "IBM",
        "Account": "ACC",
        "Side": "BUY",
        "OrderQty": "100",
        "Price": "190",
        "TransactTime": (START_MS + 1_000) * 10**6,
    }
    path = tmp_path / "orders.jsonl"
    path.write_text(json.dumps({**order, **line}))
    code, out, err = replay(sor, mine, tmp_path / "run", "--orders-file", path)
    assert code == 0, err
    assert f"refused: {reason.replace('_', ' ')} 1" in out
    code, out, err = sor("explain", tmp_path / "run", "BAD-1")
    assert code == 0, err
    assert "Order BAD-1 refused" in out
    assert words in out


def test_an_orders_file_with_a_bad_line(sor: Sor, mine: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text('{"ClOrdID": "A"}\n')
    result = replay(sor, mine, tmp_path / "run", "--orders-file", path)
    refused(result, 2, "orders.jsonl:1:", "correct that line")


def test_a_configuration_typo_names_the_nearest(sor: Sor, mine: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "engine.toml"
    path.write_text("[limits]\ncolar_bps = 5\n")
    result = replay(sor, mine, tmp_path / "run", "--config", path)
    refused(result, 2, "engine.toml:2:", "`limits.colar_bps`", "`collar_bps`")


def test_a_dataset_typo_names_the_nearest(sor: Sor, mine: Dataset, tmp_path: Path) -> None:
    mine[0].write_text(TOML.replace("time_unit", "time_unt", 1))
    refused(replay(sor, mine, tmp_path / "run"), 2, "small.toml:9:", "`time_unit`")


def test_an_output_folder_with_a_run_names_the_option(
    sor: Sor, mine: Dataset, tmp_path: Path
) -> None:
    assert replay(sor, mine, tmp_path / "run")[0] == 0
    refused(replay(sor, mine, tmp_path / "run"), 2, "already holds a run", "--force")
    assert replay(sor, mine, tmp_path / "run", "--force")[0] == 0


def test_an_output_folder_that_is_no_run_is_left_alone(
    sor: Sor, mine: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("dear")
    refused(replay(sor, mine, tmp_path / "run", "--force"), 2, "is not a run")
    assert (tmp_path / "run" / "thesis.txt").read_text() == "dear"


def test_a_file_that_is_not_there(sor: Sor, mine: Dataset, tmp_path: Path) -> None:
    missing = (tmp_path / "none.toml", mine[1])
    refused(replay(sor, missing, tmp_path / "run"), 2, "none.toml", "cannot read")
    nowhere = (mine[0], tmp_path / "nowhere")
    refused(replay(sor, nowhere, tmp_path / "run"), 2, "no such folder", "--data")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["fly"], 2, ['Unknown command "fly"', "sor --help"]),
        (["verify"], 2, ["RUN"]),
        (["verify", "nowhere"], 3, ["no run here"]),
        (["explain", "nowhere", "1"], 3, ["no run here"]),
        (["verify", "nowhere", "--core", "fast"], 2, ["unknown core 'fast'"]),
        (["replay", "a.toml", "--data", ".", "--out", "x", "--sed", "5"], 2, ["--sed"]),
        (["demo", "--seconds", "-1"], 2, ["--seconds -1"]),
        (["bench", "flight"], 2, ["no benchmark 'flight'", "fold.500x24"]),
        (["decisions", "nowhere", "--limit", "0"], 2, ["--limit 0"]),
    ],
)
def test_bad_use(sor: Sor, arguments: list[str], code: int, words: list[str]) -> None:
    refused(sor(*arguments), code, *words)


def test_what_a_run_does_not_hold(sor: Sor, run: Path) -> None:
    refused(sor("explain", run, "999999"), 3, "no decision or order '999999'", "sor decisions")
    refused(sor("explain", run, "order:x"), 2, "order:NUMBER")
    refused(sor("quality", run, "--venue", "ZZZ"), 2, "--venue ZZZ", "AAA, BBB, CCC")
    refused(sor("decisions", run, "--instrument", "ZZZ"), 2, "--instrument ZZZ", "BAC, IBM")
    refused(sor("quality", run, "--at", "noon"), 2, "--at noon")
    refused(sor("verify", run, "--core", "fast"), 2, "unknown core 'fast'")


def test_our_own_bug_is_one_line_too(sor: Sor, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(arguments: list[str]) -> int:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("streams.cli.main.run", break_down)
    refused(sor("doctor"), 1, "internal error, ZeroDivisionError", "--debug")


def test_a_machine_that_fails_is_named(sor: Sor, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(arguments: list[str]) -> int:
        raise OSError(28, "No space left on device", "manifest.json")

    monkeypatch.setattr("streams.cli.main.run", break_down)
    refused(sor("doctor"), 1, "manifest.json: No space left on device")


def test_debug_shows_the_traceback(sor: Sor) -> None:
    from schemas.errors import NotFoundError

    with pytest.raises(NotFoundError):
        sor("verify", "nowhere", "--debug")


def test_the_rows_are_those_of_the_header() -> None:
    assert all(row.count(",") == HEADER.count(",") for row in quote_rows(5))
