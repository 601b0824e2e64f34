"""Both cores over random inputs: every output byte and the state compared."""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from typing import Any

from aggregates import kernel
from streams.cli.benchmarks.engine import require
from streams.cli.benchmarks.timing import Result, rate

CHECKOUT = Path(__file__).resolve().parents[3]
GENERATOR = CHECKOUT / "tests" / "aggregates" / "generator.py"
SESSION_INPUTS = 20_000


def parity(inputs: int) -> Result:
    """Random inputs a second through both cores; a difference is an error, not a figure."""
    generator = load_generator()
    started_ns = time.perf_counter_ns()
    for seed in range(inputs // SESSION_INPUTS):
        inputs_of_seed = generator.random_inputs(seed, SESSION_INPUTS)
        engines = [kernel.load(core) for core in ("native", "reference")]
        one, other = (engine.step(inputs_of_seed) for engine in engines)
        same = one == other and engines[0].state_bytes() == engines[1].state_bytes()
        require(same, f"the cores agree on seed {seed}")
    elapsed_ns = time.perf_counter_ns() - started_ns
    return rate("parity", "inputs/s", inputs // SESSION_INPUTS * SESSION_INPUTS, elapsed_ns)


def load_generator() -> Any:
    """The tests' generator of random inputs, which an installed wheel does not have."""
    if str(CHECKOUT) not in sys.path:
        sys.path.insert(0, str(CHECKOUT))
    return importlib.import_module("tests.aggregates.generator")
