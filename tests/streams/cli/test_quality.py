"""`sor quality`: three tables for people, one object for programs, one flat table for sheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streams.cli.quality_cells import amount, error_amount, estimate, milliseconds, samples, since

Sor = Callable[..., tuple[int, str, str]]
SorJson = Callable[..., dict[str, Any]]


def test_every_table_is_printed_with_its_units(sor: Sor, run: Path) -> None:
    code, out, err = sor("quality", run)
    assert (code, err) == (0, "")
    for title in ("Liquidity", "Speed and fills", "Execution: cost", "Venues"):
        assert title in out
    for unit in ("feed delay ms", "at best %", "bps ± se (n)", "within 5 ticks", "after 50 ms"):
        assert unit in out
    assert "None" not in out
    assert "nan" not in out


def test_a_table_alone(sor: Sor, sor_json: SorJson, run: Path) -> None:
    out = sor("quality", run, "--table", "venues")[1]
    assert "Venues" in out
    assert "Liquidity" not in out
    assert list(sor_json("quality", run, "--table", "execution")) == ["execution"]


def test_json_holds_all_tables_and_null_for_missing(sor_json: SorJson, run: Path) -> None:
    found = sor_json("quality", run)
    assert list(found) == ["rows", "execution", "venues"]
    assert {row["health"] for row in found["venues"]} <= {"up", "degraded", "down", "cooling"}
    parts = [part for row in found["execution"] for part in row["adverse_bps"]]
    assert all((part["value"] is None) == (part["n"] == 0.0) for part in parts)
    one = sor_json("quality", run, "--instrument", "IBM", "--venue", "AAA")
    assert [(row["instrument"], row["venue"]) for row in one["execution"]] == [("IBM", "AAA")]
    assert [row["venue"] for row in one["venues"]] == ["AAA"]


def test_csv_has_a_column_for_each_value(sor: Sor, sor_json: SorJson, run: Path) -> None:
    found = sor_json("quality", run)["execution"]
    out = sor("quality", run, "--csv", "--table", "execution")[1]
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["venue"] for row in rows] == [row["venue"] for row in found]
    for row, wanted in zip(rows, found, strict=True):
        for number, part in enumerate(wanted["impact_bps"], start=1):
            for name, value in (("", part["value"]), ("_se", part["se"]), ("_n", part["n"])):
                assert row[f"impact_{number}_bps{name}"] == ("" if value is None else str(value))
        assert row["all_in_bps_n"] == str(wanted["all_in_bps"]["n"])
        assert float(row["available_8_n"]) == wanted["available"][7]["n"]


def test_the_silence_after_a_recording_is_not_held_against_venues(
    sor_json: SorJson, dataset: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    often = ("--set", "quality.publish_s=2", "--set", "health.stale_floor_ms=1")
    sor_json("replay", dataset[0], "--data", dataset[1], "--out", out, "--orders", 0, *often)
    assert {row["health"] for row in sor_json("quality", out)["venues"]} == {"up"}
    late = sor_json("quality", out, "--at", "2100-01-01")["venues"]
    assert "up" not in {row["health"] for row in late}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (estimate("1.50", "0.20", 12.34), "1.50 ± 0.20 (12.3)"),
        (estimate("1.50", "-", 1.0), "1.50 (1.0)"),
        (estimate("-", "0.20", 0.0), "-"),
        (amount(None), "-"),
        (amount(1_234_567.8), "1,234,568"),
        (amount(0.012345), "0.01235"),
        (amount(3e-9), "0"),
        (error_amount(0.0006011), "0.0006"),
        (milliseconds(-1_268_830_000.0), "-1,268.83"),
        (milliseconds(380_000), "0.380"),
        (milliseconds(None), "-"),
        (samples(0.01), "<0.1"),
        (samples(35_115.2), "35,115"),
        (since(0), "start"),
        (since(1_381_176_000 * 10**9), "10-07 20:00:00"),
    ],
)
def test_cells(text: str, wanted: str) -> None:
    assert text == wanted
