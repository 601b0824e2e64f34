"""What a row costs: bounded memory, and no allocation while ticks are folded."""

from __future__ import annotations

from pathlib import Path

from streams.cli.benchmarks import native

ROW_BYTES = 2048


def test_a_row_is_within_its_bound() -> None:
    told = native.row_bytes()
    openings = told.more["openings"]
    assert told.value <= 1_444
    assert told.value + openings <= ROW_BYTES, "with the history of two opens a day"


def test_warm_ticks_allocate_nothing(tmp_path: Path) -> None:
    bench = native.NativeBench(tmp_path, 20, 24)
    told = bench.fold_allocations(2)
    assert told.n == 2 * native.TICKS
    assert told.value == told.max == 0.0


def test_every_family_can_be_left_out(tmp_path: Path) -> None:
    bench = native.NativeBench(tmp_path, 20, 24)
    told = bench.families(2)
    assert [one.name.rpartition(".")[2] for one in told] == list(native.LADDER)
    assert all(one.value > 0.0 for one in told)
