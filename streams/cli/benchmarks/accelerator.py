"""Whether an accelerator would help: the floor's sweep on a GPU, transfers included.

`python streams/cli/benchmarks/accelerator.py` needs nothing but Python and the GPU's driver, and
prints one JSON object; `sor bench accelerator` gives the same where there is a GPU.
"""

from __future__ import annotations

import ctypes
import json
import statistics
import sys
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

PTX = Path(__file__).parent / "gpu" / "sweep.ptx"
LEVELS, WORDS, VENUES = 120, 476, 24
IN_BYTES, OUT_BYTES = LEVELS * 16, WORDS * 4 + 8
SWEEP = 131_072
THREADS = 128
REPEATS, WARM = 300, 20
Words = ctypes.c_uint64


class Gpu:
    """The first GPU, through its driver's C interface."""

    def __init__(self) -> None:
        self.driver = ctypes.CDLL("libcuda.so.1")
        self.call("cuInit", 0)
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self.call("cuDeviceGet", ctypes.byref(device), 0)
        self.call("cuCtxCreate_v2", ctypes.byref(context), 0, device)
        name = ctypes.create_string_buffer(128)
        self.call("cuDeviceGetName", name, 128, device)
        self.name = name.value.decode()
        self.module = ctypes.c_void_p()
        self.call("cuModuleLoadData", ctypes.byref(self.module), PTX.read_bytes() + b"\0")

    def call(self, function: str, *arguments: Any) -> None:
        """Calls the driver; RuntimeError names what failed."""
        code = getattr(self.driver, function)(*arguments)
        if code:
            raise RuntimeError(f"{function} failed with CUDA error {code}")

    def memory(self, size: int) -> Words:
        """Device memory."""
        found = Words()
        self.call("cuMemAlloc_v2", ctypes.byref(found), ctypes.c_size_t(size))
        return found

    def pinned(self, size: int) -> ctypes.c_void_p:
        """Host memory that copies need not be staged from."""
        found = ctypes.c_void_p()
        self.call("cuMemAllocHost_v2", ctypes.byref(found), ctypes.c_size_t(size))
        return found

    def kernel(self, name: str, count: int, *arguments: Any) -> Callable[[], None]:
        """A launch of `count` threads that returns when they are done."""
        function = ctypes.c_void_p()
        self.call("cuModuleGetFunction", ctypes.byref(function), self.module, name.encode())
        pointers = [ctypes.cast(ctypes.byref(one), ctypes.c_void_p) for one in arguments]
        table = (ctypes.c_void_p * max(1, len(pointers)))(*pointers)
        blocks = -(-count // THREADS)

        def launch(kept: Any = arguments) -> None:  # noqa: ARG001
            size = (blocks, 1, 1, THREADS, 1, 1)
            self.call("cuLaunchKernel", function, *size, 0, None, table, None)
            self.call("cuCtxSynchronize")

        return launch


class Decisions:
    """`count` decisions' inputs on the host, and room for them and their records on the GPU."""

    def __init__(self, gpu: Gpu, count: int) -> None:
        self.gpu, self.count = gpu, count
        self.host_in = gpu.pinned(count * IN_BYTES)
        self.host_out = gpu.pinned(count * OUT_BYTES)
        for level in range(LEVELS):
            price = array("q", [10_000 + level % 5 * 100 + level * 7 % 60]) * count
            units = array("q", [100 + level * 3 % 7 * 100]) * count
            for place, column in ((level, price), (LEVELS + level, units)):
                start = self.host_in.value or 0
                raw, where = column.tobytes(), start + place * count * 8
                ctypes.memmove(where, raw, len(raw))
        self.inputs, self.outputs = gpu.memory(count * IN_BYTES), gpu.memory(count * OUT_BYTES)
        fees = array("q", [venue * 13 % 45 - 15 for venue in range(VENUES)]).tobytes()
        self.fees = gpu.memory(len(fees))
        gpu.call("cuMemcpyHtoD_v2", self.fees, fees, ctypes.c_size_t(len(fees)))
        sizes = Words(self.inputs.value + count * LEVELS * 8)
        total = Words(self.outputs.value + count * WORDS * 4)
        places = (self.inputs, sizes, self.fees, self.outputs, total, ctypes.c_int(count))
        self.decide = gpu.kernel("sweep", count, *places)

    def send(self) -> None:
        """Books to the GPU."""
        size = ctypes.c_size_t(self.count * IN_BYTES)
        self.gpu.call("cuMemcpyHtoD_v2", self.inputs, self.host_in, size)

    def fetch(self) -> None:
        """Records and sums from the GPU."""
        size = ctypes.c_size_t(self.count * OUT_BYTES)
        self.gpu.call("cuMemcpyDtoH_v2", self.host_out, self.outputs, size)

    def whole(self) -> None:
        """There, decided, and back."""
        self.send()
        self.decide()
        self.fetch()


def median_us(work: Callable[[], None], repeats: int) -> float:
    """Median time of `work`."""
    samples = []
    for number in range(WARM + repeats):
        started_ns = time.perf_counter_ns()
        work()
        if number >= WARM:
            samples.append((time.perf_counter_ns() - started_ns) / 1000)
    return round(statistics.median(samples), 3)


def figures() -> dict[str, Any]:
    """us of a launch, of one decision and its parts, and of many at once."""
    gpu = Gpu()
    one, many = Decisions(gpu, 1), Decisions(gpu, SWEEP)
    found: dict[str, Any] = {"device": gpu.name, "sweep_decisions": SWEEP}
    found["launch_us"] = median_us(gpu.kernel("empty", 1), REPEATS)
    for name, decisions, repeats in (("one", one, REPEATS), ("sweep", many, REPEATS // 10)):
        for part in ("send", "decide", "fetch", "whole"):
            found[f"{name}_{part}_us"] = median_us(getattr(decisions, part), repeats)
    for part in ("decide", "whole"):
        found[f"sweep_{part}_ns_a_decision"] = found[f"sweep_{part}_us"] * 1000 / SWEEP
    return found


def is_present() -> bool:
    """Whether this machine has a GPU's driver."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def accelerator() -> Any:
    """us of one decision there and back; the parts and the sweep beside it."""
    from streams.cli.benchmarks.timing import Result

    found = figures()
    more = {name: float(value) for name, value in found.items() if name != "device"}
    value = found["one_whole_us"]
    return Result(name="accelerator", unit="us", value=value, n=REPEATS, more=more)


if __name__ == "__main__":
    json.dump(figures(), sys.stdout, indent=1)
