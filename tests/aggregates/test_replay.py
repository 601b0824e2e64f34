"""The fold depends on its records alone: not on batches, not on restarts, not on the process."""

from __future__ import annotations

import random
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates import kernel
from aggregates.kernel import Engine, state_hash
from schemas.codes import InputType, OutputType
from schemas.envelope import HEADER, SLOT, SLOTS
from schemas.errors import InputError
from tests.aggregates.generator import random_day, random_inputs
from tests.builders import START_NS, Tape, children, of_type, records, set_up

SEEDS = st.integers(0, 2**32)


def in_pieces(engine: Engine, inputs: bytes, rng: random.Random) -> bytes:
    """Outputs of `inputs` handed over in random pieces that may end inside a record."""
    outputs, start, end = b"", 0, 0
    while start < len(inputs):
        end = min(len(inputs), max(end, start) + rng.choice((1, 63, 64, 65, 320, 5000)))
        limit_ns = rng.choice((2**63 - 1, 2**63 - 1, engine.log_ns))
        consumed, told = engine.step(inputs[start:end], limit_ns, rng.random() < 0.5)
        start += consumed
        outputs += told
    return outputs


def check_batches(core: str, seed: int, count: int) -> None:
    """Any batches: same outputs, same state."""
    inputs = random_inputs(seed, count)
    whole, pieces = kernel.load(core), kernel.load(core)
    consumed, outputs = whole.step(inputs)
    assert consumed == len(inputs)
    assert in_pieces(pieces, inputs, random.Random(seed)) == outputs
    assert pieces.state_bytes() == whole.state_bytes()
    assert (pieces.seq, pieces.out_seq, pieces.log_ns) == (whole.seq, whole.out_seq, whole.log_ns)


def check_restart(core: str, seed: int, count: int) -> None:
    """A state taken anywhere and put back goes on with the same bytes."""
    inputs = random_inputs(seed, count)
    ends = record_ends(inputs)
    cut = ends[random.Random(seed).randrange(len(ends))]
    first, second = kernel.load(core), kernel.load(core)
    first.step(inputs[:cut])
    state = first.state_bytes()
    second.restore(state)
    assert second.state_bytes() == state
    assert second.step(inputs[cut:]) == first.step(inputs[cut:])
    assert state_hash(second) == state_hash(first)
    assert (second.seq, second.out_seq, second.log_ns) == (first.seq, first.out_seq, first.log_ns)


def record_ends(inputs: bytes) -> list[int]:
    """Offsets at which a record ends."""
    sizes = {int(kind): slots * SLOT for kind, slots in SLOTS.items()}
    ends, offset = [], 0
    while offset < len(inputs):
        offset += sizes.get(inputs[offset], SLOT)
        ends.append(offset)
    return ends


@settings(max_examples=10)
@given(seed=SEEDS)
def test_batches_change_nothing(core: str, seed: int) -> None:
    check_batches(core, seed, 400)


@settings(max_examples=10)
@given(seed=SEEDS)
def test_restarts_change_nothing(core: str, seed: int) -> None:
    check_restart(core, seed, 500)


def test_a_state_goes_to_the_other_core_and_back() -> None:
    inputs = random_inputs(9, 1500)
    ends = record_ends(inputs)
    cuts = [0, ends[500], ends[1000], len(inputs)]
    whole = kernel.load("reference")
    outputs, state = b"", None
    for index, (start, end) in enumerate(pairwise(cuts)):
        engine = kernel.load(("native", "reference")[index % 2])
        if state is not None:
            engine.restore(state)
        outputs += engine.step(inputs[start:end])[1]
        state = engine.state_bytes()
    assert outputs == whole.step(inputs)[1]
    assert state == whole.state_bytes()


def test_another_process_with_another_hash_seed(core: str) -> None:
    program = (
        "from aggregates.kernel import load, state_hash;"
        "from tests.aggregates.generator import random_inputs;"
        f"e = load({core!r}); e.step(random_inputs(3, 800)); print(state_hash(e))"
    )
    engine = kernel.load(core)
    engine.step(random_inputs(3, 800))
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert said == {state_hash(engine)}


def test_a_limit_holds_back_later_records(engine: Engine) -> None:
    tape = Tape()
    set_up(tape)
    early = len(tape.data)
    tape.wait(1)
    tape.timer()
    consumed, _ = engine.step(bytes(tape.data), START_NS)
    assert (consumed, engine.log_ns) == (early, START_NS)
    consumed, _ = engine.step(bytes(tape.data[early:]), START_NS + 1)
    assert (consumed, engine.log_ns) == (SLOT, START_NS + 1)


def test_stops_after_the_input_that_sends(engine: Engine) -> None:
    tape = Tape()
    set_up(tape)
    tape.quote(0, 0, ("9.99", 100), ("10.00", 100))
    tape.order(0, "A", 1, 50, limit="10.00")
    sent = len(tape.data)
    tape.order(0, "B", 1, 50, limit="10.00")
    consumed, outputs = engine.step(bytes(tape.data), stop_on_child=True)
    assert consumed == sent
    assert len(children(outputs)) == 1
    consumed, outputs = engine.step(bytes(tape.data[sent:]), stop_on_child=True)
    assert consumed == len(tape.data) - sent


def test_takes_any_buffer(core: str) -> None:
    inputs = random_inputs(4, 200)
    told = [kernel.load(core).step(kind(inputs)) for kind in (bytes, bytearray, memoryview)]
    assert told[0] == told[1] == told[2]
    assert kernel.load(core).step(b"") == (0, b"")


def test_a_state_that_is_cut_off_is_refused(core: str) -> None:
    engine = kernel.load(core)
    engine.step(random_day(5, 1500).inputs)
    state = engine.state_bytes()
    for size in (0, 7, 100, 4000, len(state) // 2, len(state) - 1):
        with pytest.raises(InputError):
            kernel.load(core).restore(state[:size])
    for magic in (b"NOTSTATE", b"SORSTATE\2\0\0\0"):
        with pytest.raises(InputError):
            kernel.load(core).restore(magic + state[len(magic) :])
    assert engine.state_bytes() == state


def check_generation(core: str, seed: int, count: int) -> None:
    """Before any activation, and after that of another generation, no order is accepted."""
    day = random_day(seed, count, calm=True)
    inputs = bytearray(day.inputs)
    offset = 0
    for end in record_ends(bytes(inputs)):
        if inputs[offset] == InputType.ENGINE:
            inputs[offset + HEADER.size : end] = b"another generation of engines!!!"
        offset = end
    _, outputs = kernel.load(core).step(bytes(inputs))
    assert children(day.outputs)
    assert not children(outputs)
    assert not of_type(outputs, OutputType.ORDER_STATE)
    assert len(list(records(outputs))) > 50


def test_only_the_activated_generation_trades(core: str) -> None:
    check_generation(core, 6, 1500)


def test_an_unknown_core_is_named() -> None:
    with pytest.raises(InputError, match="native or reference"):
        kernel.load("fast")


def test_shards_differ_in_name_only(core: str) -> None:
    inputs = random_inputs(7, 800)
    outputs = [kernel.load(core, shard).step(inputs)[1] for shard in (0, 9)]
    told = [[record._replace(shard=0) for _, record, _ in records(out)] for out in outputs]
    assert told[0] == told[1]
    assert {record.shard for _, record, _ in records(outputs[1])} == {9}
