"""The experiment on a GPU, as far as a machine without one can show it: what it asks the driver."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pytest

from streams.cli.benchmarks import accelerator
from streams.cli.benchmarks.accelerator import IN_BYTES, LEVELS, OUT_BYTES, PTX, Gpu


class Driver:
    """Answers every call with success; host memory is real, device memory is only counted."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.buffers: list[Any] = []
        self.device_bytes: list[int] = []
        self.fails = ""

    def __getattr__(self, function: str) -> Any:
        def call(*arguments: Any) -> int:
            self.calls.append(function)
            if function == "cuMemAllocHost_v2":
                self.buffers.append(ctypes.create_string_buffer(arguments[1].value))
                arguments[0]._obj.value = ctypes.addressof(self.buffers[-1])
            if function == "cuMemAlloc_v2":
                self.device_bytes.append(arguments[1].value)
            return 2 if function == self.fails else 0

        return call


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: made)
    monkeypatch.setattr(accelerator, "SWEEP", 64)
    return made


def test_every_part_is_timed(driver: Driver) -> None:
    result = accelerator.accelerator()
    parts = {f"{size}_{part}_us" for size in ("one", "sweep") for part in ("send", "whole")}
    assert parts <= set(result.more)
    assert result.value == result.more["one_whole_us"] > 0
    assert {IN_BYTES, OUT_BYTES, 64 * IN_BYTES, 64 * OUT_BYTES} <= set(driver.device_bytes)
    assert driver.calls.count("cuLaunchKernel") == driver.calls.count("cuCtxSynchronize")


def test_prices_and_sizes_lie_level_by_level(driver: Driver) -> None:
    decisions = accelerator.Decisions(Gpu(), 3)
    raw = ctypes.string_at(decisions.host_in.value or 0, 3 * IN_BYTES)
    words = memoryview(raw).cast("q")
    assert list(words[:3]) == [10_000] * 3
    assert words[3 * LEVELS] == 100, "the first size of the first level"
    assert len(words) == 3 * 2 * LEVELS


def test_what_fails_is_named(driver: Driver) -> None:
    driver.fails = "cuModuleLoadData"
    with pytest.raises(RuntimeError, match="cuModuleLoadData failed with CUDA error 2"):
        Gpu()


def test_it_is_there_only_with_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert not accelerator.is_present()


def test_the_kernels_are_those_of_the_source() -> None:
    source = (Path(PTX).with_suffix(".cu")).read_text(encoding="utf-8")
    assert f"#define LEVELS {LEVELS}\n" in source
    assert f"#define WORDS {accelerator.WORDS}\n" in source
    for kernel in ("empty", "sweep"):
        assert f".visible .entry {kernel}(" in PTX.read_text(encoding="utf-8")
        assert f" {kernel}(" in source
