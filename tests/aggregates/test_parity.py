"""The native core and the readable one write the same bytes for whatever they are given."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from aggregates import kernel
from schemas import wire
from schemas.codes import OutputType
from schemas.errors import InputError
from tests.aggregates.extremes import extreme_inputs
from tests.aggregates.generator import random_inputs
from tests.aggregates.parity import DifferenceError, Step, Twins, run, split, whole

PLAUSIBLE, GARBAGE, EXTREME = range(100, 119), range(200, 205), range(300, 326)
RESTING = range(400, 406)
COUNT = 4000
EXTREME_COUNT = 1200
SEEN: Counter[str] = Counter()
"""Inputs compared and outputs of each type, over the tests of this file."""


def compare(inputs: bytes, seed: int) -> None:
    outputs = run(inputs, random.Random(seed))
    SEEN["inputs"] += len(split(inputs))
    SEEN.update({kind.name: n for kind, n in wire.count_types(outputs).items()})
    # The same log in one batch says the same.
    assert whole("native", inputs)[0] == outputs


@pytest.mark.parametrize("seed", PLAUSIBLE)
def test_a_plausible_market(seed: int) -> None:
    compare(random_inputs(seed, COUNT, engine=kernel.load("native")), seed)


@pytest.mark.parametrize("seed", RESTING)
def test_a_market_of_resting_orders(seed: int) -> None:
    compare(random_inputs(seed, COUNT, resting=True, engine=kernel.load("native")), seed)


@pytest.mark.parametrize("seed", GARBAGE)
def test_mostly_garbage(seed: int) -> None:
    compare(random_inputs(seed, COUNT, garbage=0.4, engine=kernel.load("native")), seed)


SELDOM = {
    OutputType.REPLACE_CHILD: 15,  # only what rests, and random amendments seldom meet it
    OutputType.BUDGET_STATE: 300,
    OutputType.MASS_CANCEL_REPORT: 60,
}


@pytest.mark.parametrize("seed", EXTREME)
def test_numbers_at_their_bounds(seed: int) -> None:
    compare(extreme_inputs(seed, EXTREME_COUNT), seed)


def test_enough_was_compared() -> None:
    markets = len(PLAUSIBLE) + len(RESTING) + len(GARBAGE)
    planned = COUNT * markets + EXTREME_COUNT * len(EXTREME)
    assert planned >= 130_000
    if SEEN["inputs"] >= planned:  # the whole file ran
        for kind in OutputType:
            assert SEEN[kind.name] > SELDOM.get(kind, 1000), SEEN


def test_batches_and_buffers_change_nothing() -> None:
    inputs = random_inputs(7, 3000, engine=kernel.load("native"))
    outputs, engine = whole("native", inputs)
    cuts = sorted({0, len(inputs), *random.Random(7).sample(range(len(inputs)), 200)})
    pieces, other, left = [], kernel.load("native"), b""
    for start, end in pairwise(cuts):
        batch = left + inputs[start:end]
        consumed, said = other.step(np.frombuffer(batch, dtype=np.uint8))
        left = batch[consumed:]
        pieces.append(said)
    assert b"".join(pieces) == outputs
    assert other.state_bytes() == engine.state_bytes()
    assert whole("native", memoryview(b"xyz" + inputs)[3:])[0] == outputs


def test_a_long_batch_may_run_beside_others() -> None:
    """Batches beyond the size up to which the interpreter is kept waiting."""
    inputs = random_inputs(8, 3000, engine=kernel.load("native"))
    assert len(inputs) > 64 * 64
    assert whole("native", inputs)[0] == whole("reference", inputs)[0]


@pytest.mark.parametrize("core", ["native", "reference"])
def test_states_that_are_none_are_refused(core: str) -> None:
    state = whole("native", random_inputs(9, 500, engine=kernel.load("native")))[1].state_bytes()
    engine = kernel.load(core)
    for bad in (b"", state[:-1], state[:200], state + b"\0", b"X" + state[1:]):
        with pytest.raises(InputError):
            engine.restore(bad)
    assert engine.seq == 0
    engine.restore(state)
    assert engine.state_bytes() == state


def test_no_restored_bytes_crash_the_native_core() -> None:
    """Whatever a snapshot holds, it is refused or folded on; nothing is read out of bounds."""
    rng = random.Random(10)
    inputs = random_inputs(10, 1500, engine=kernel.load("native"))
    state = whole("native", inputs)[1].state_bytes()
    taken = 0
    for _ in range(300):
        spoiled = bytearray(state)
        for _ in range(rng.choice((1, 3))):
            spoiled[rng.randrange(len(spoiled))] = rng.randrange(256)
        engine = kernel.load("native")
        try:
            engine.restore(bytes(spoiled))
        except InputError:
            continue
        engine.step(inputs)
        taken += 1
    assert taken


def flipped(at_seq: int) -> object:
    """Flips one bit of the native outputs that hold record `at_seq` or a later one."""

    def spoil(seq: int, step: Step) -> Step:
        consumed, outputs = step
        if seq < at_seq or not outputs:
            return step
        return consumed, outputs[:-1] + bytes([outputs[-1] ^ 1])

    return spoil


def test_a_planted_difference_is_found_and_shown() -> None:
    inputs = random_inputs(11, 1000, engine=kernel.load("native"))
    with pytest.raises(
        DifferenceError, match=r"input record \d+: .*type.*\nreference: .*\nnative:"
    ):
        run(inputs, random.Random(1), flipped(500))  # type: ignore[arg-type]


def test_a_planted_difference_in_bytes_consumed_is_found() -> None:
    inputs = random_inputs(12, 300, engine=kernel.load("native"))
    with pytest.raises(DifferenceError):
        run(inputs, random.Random(1), lambda _, step: (step[0] - 64, step[1]))


def test_a_planted_difference_in_state_is_found() -> None:
    twins = Twins()
    inputs = split(random_inputs(13, 300, engine=kernel.load("native")))
    twins.step(b"".join(inputs[:-1]))
    twins.native.step(inputs[-1])
    with pytest.raises(DifferenceError, match="states differ at byte 16"):
        twins.check_state()
