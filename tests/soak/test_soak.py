"""The engine process under load for longer than a moment: nothing lost, nothing grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.cli.benchmarks.machine import commit, machine
from streams.replay.interrupt import Interrupt
from streams.replay.verify import verify
from tests.soak.load import Measured, engine_process, run_load, service

PEAK_RECORDS_PER_S = 10_000
PEAK_ORDERS_PER_S = 50
BOUND_MS = 1_000.0
"""No hang: a p99 beyond it would mean that a queue grows. The figure itself is printed."""

ROUNDING_MB = 1e-9
"""What the arithmetic of a slope leaves where memory did not move at all (5e-13 seen)."""


def say(promise: int, what: str, measured: Measured) -> None:
    """One line with the raw counts."""
    print(
        f"P{promise} {what}: {measured.sent:,} orders sent, {len(measured.positions):,} accepted, "
        f"{len(measured.refused):,} refused, p99 {measured.p99_ms():.1f} ms, seed 1, "
        f"commit {commit()[:12]}, load {machine()['load']}"
    )


def nothing_lost(run: Path, measured: list[Measured]) -> None:
    """Every answer names its own position, and the log executes again to the same bytes."""
    positions = [position for one in measured for position in one.positions]
    assert len(positions) == len(set(positions))
    assert all(len(one.positions) + len(one.refused) == one.sent for one in measured)
    verdict, found = verify(run, "native", Interrupt())
    assert verdict.passed
    assert found["inputs"] >= max(positions)


@pytest.mark.promise(p=14)
@pytest.mark.slow
def test_twice_the_peak_and_a_burst_of_ten_times(tmp_path: Path, full_size: bool) -> None:
    seconds, burst_s = (1_800.0, 10.0) if full_size else (4.0, 1.0)
    config = service(tmp_path / "run", 2 * PEAK_RECORDS_PER_S)
    with engine_process(config) as process:
        steady = run_load(config, process, 2 * PEAK_ORDERS_PER_S, seconds, "steady")
        burst = run_load(config, process, 10 * PEAK_ORDERS_PER_S, burst_s, "burst")
        after = run_load(config, process, PEAK_ORDERS_PER_S, 2.0, "after")
    for what, measured in (("2x", steady), ("10x", burst), ("after", after)):
        say(14, what, measured)
        assert not full_size or measured.p99_ms() < BOUND_MS, (
            "the full size has a machine to itself"
        )
        assert set(measured.refused) <= {"overloaded"}, "what is shed says so"
        assert max(measured.waiting) <= 8_192, "queues are bounded"
    assert not after.refused, "once the burst is over nothing is refused"
    nothing_lost(tmp_path / "run", [steady, burst, after])


@pytest.mark.promise(p=16)
@pytest.mark.slow
def test_nothing_grows(tmp_path: Path, full_size: bool) -> None:
    """The warm-up of the full size fills the memory of 65,536 orders that a repeat is known by."""
    seconds = 1_800.0 if full_size else 8.0
    config = service(tmp_path / "run", PEAK_RECORDS_PER_S)
    with engine_process(config) as process:
        rate, warm_s = (700, 100.0) if full_size else (PEAK_ORDERS_PER_S, 2.0)
        warm = run_load(config, process, rate, warm_s, "warm")
        measured = run_load(config, process, PEAK_ORDERS_PER_S, seconds, "long")
    slope, error = measured.slope()
    say(16, f"{seconds:.0f} s", measured)
    print(
        f"P16 memory {slope:+.2f} MB/h, standard error {error:.2f}, "
        f"resident {measured.rss_mb[0]:.1f} to {measured.rss_mb[-1]:.1f} MB, "
        f"open files {min(measured.files)} to {max(measured.files)}"
    )
    assert not warm.refused
    assert not measured.refused
    assert max(measured.files) <= max(measured.files[: len(measured.files) // 2]) + 2
    if full_size:
        assert slope - 2 * error <= ROUNDING_MB, "the slope's interval includes 0"
        assert slope < 1.0
    else:
        assert measured.rss_mb[-1] - measured.rss_mb[len(measured.rss_mb) // 2] < 8
