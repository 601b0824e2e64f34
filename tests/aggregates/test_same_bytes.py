"""Promise 8: same seed, same bytes, in any process, whatever its hash seed, from both cores."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import hashlib, sys
from aggregates import kernel
from tests.aggregates.generator import random_inputs
first, last, count = map(int, sys.argv[1:])
for seed in range(first, last):
    inputs = random_inputs(seed, count, engine=kernel.load("native"))
    told = [str(seed), hashlib.sha256(inputs).hexdigest()]
    for core in ("native", "reference"):
        engine = kernel.load(core)
        _, outputs = engine.step(inputs)
        told += [hashlib.sha256(outputs).hexdigest(), kernel.state_hash(engine)]
    print(*told)
"""


def hashes(root: Path, hash_seed: int, first: int, last: int, count: int) -> list[list[str]]:
    """Seed, hash of the inputs, then log and state hash of each core, from one process."""
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", CODE, *map(str, (first, last, count))]
    ran = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    return [line.split() for line in ran.stdout.splitlines()]


@pytest.mark.promise(p=8)
def test_same_seed_same_bytes(root: Path, full_size: bool, seed: int) -> None:
    seeds, count = (1_000, 400) if full_size else (8, 300)
    first = 1 + seed * seeds
    one, other = (hashes(root, h, first, first + seeds, count) for h in (1, 4_000_000_000))
    assert len(one) == len(other) == seeds
    for here, there in zip(one, other, strict=True):
        assert here == there
        assert here[2:4] == here[4:6], f"seed {here[0]}: the cores differ"
    assert len({line[3] for line in one}) == seeds, "every seed is another day"
    print(f"seeds={seeds} processes=2 cores=2 equal={seeds} different=0")
