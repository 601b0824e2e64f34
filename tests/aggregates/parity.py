"""Runs both cores over the same inputs and says where they part."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from aggregates import kernel
from aggregates.engine import SIZES
from aggregates.kernel import Engine
from schemas import wire
from schemas.envelope import SLOT
from schemas.units import INT64_MAX

Step = tuple[int, bytes]
Spoil = Callable[[int, Step], Step]
"""(native position, native answer) -> answer to compare, for planting differences."""


class DifferenceError(AssertionError):
    """The cores disagree; the message names the first record and shows both answers."""


class Twins:
    """Both cores in lockstep."""

    def __init__(self, spoil: Spoil | None = None) -> None:
        self.reference, self.native = kernel.load("reference"), kernel.load("native")
        self.spoil = spoil

    def step(self, batch: bytes, limit_ns: int = INT64_MAX, stop_on_child: bool = False) -> Step:
        """What both answer."""
        before = self.reference.state_bytes(), self.native.state_bytes()
        expected = self.reference.step(batch, limit_ns, stop_on_child)
        found = self._native(batch, limit_ns, stop_on_child)
        if found != expected:
            self.reference.restore(before[0])
            self.native.restore(before[1])
            self._say_where(batch)
            raise DifferenceError(f"{expected[0]} or {found[0]} bytes of {len(batch)} consumed")
        return found

    def check_state(self) -> None:
        """The states are the same bytes."""
        expected, found = self.reference.state_bytes(), self.native.state_bytes()
        if found != expected:
            at = next(i for i, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b)
            raise DifferenceError(f"record {self.native.seq}: states differ at byte {at}")

    def swap(self) -> None:
        """Each core goes on, in a new engine, from the state of the other."""
        states = self.native.state_bytes(), self.reference.state_bytes()
        self.reference, self.native = kernel.load("reference"), kernel.load("native")
        self.reference.restore(states[0])
        self.native.restore(states[1])

    def _native(self, batch: bytes, limit_ns: int, stop_on_child: bool) -> Step:
        found = self.native.step(batch, limit_ns, stop_on_child)
        return self.spoil(self.native.seq, found) if self.spoil else found

    def _say_where(self, batch: bytes) -> None:
        for record in split(batch):
            expected = self.reference.step(record)
            found = self._native(record, INT64_MAX, False)
            if found != expected:
                raise DifferenceError(
                    f"input record {self.reference.seq}: {wire.input_dict(record)}\n"
                    f"reference: {shown(expected)}\nnative:    {shown(found)}"
                )


def shown(step: Step) -> str:
    """An answer as a person reads it."""
    try:
        return f"{step[0]} bytes, {[wire.to_dict(event) for event in wire.iter_outputs(step[1])]}"
    except Exception as error:  # noqa: BLE001 (a difference may be unreadable)
        return f"{step[0]} bytes, unreadable ({error}): {step[1].hex()}"


def split(inputs: bytes) -> list[bytes]:
    """Whole input records, one by one."""
    found, offset = [], 0
    while offset + SLOT <= len(inputs):
        size = SIZES[inputs[offset]]
        if offset + size <= len(inputs):
            found.append(inputs[offset : offset + size])
        offset += size
    return found


def run(inputs: bytes, rng: random.Random, spoil: Spoil | None = None) -> bytes:
    """Both cores over `inputs` in random batches, limits and cuts; what they said.

    A batch may end inside a record, a limit may hold records back, and a step may stop at a child:
    whatever is left is given again.
    """
    twins, outputs, start = Twins(spoil), bytearray(), 0
    while start < len(inputs):
        end = min(len(inputs), start + rng.choice((64, 100, 640, 6400, 64_000)))
        limit_ns = twins.native.log_ns + rng.choice((0, 10**6)) if rng.random() < 0.2 else INT64_MAX
        consumed, said = twins.step(inputs[start:end], limit_ns, rng.random() < 0.3)
        if not consumed:
            consumed, said = twins.step(inputs[start : start + 640])
        start += consumed
        outputs += said
        if rng.random() < 0.1:
            twins.check_state()
        if rng.random() < 0.05:
            twins.swap()
    twins.check_state()
    return bytes(outputs)


def whole(core: str, inputs: Any) -> tuple[bytes, Engine]:
    """One core over all of `inputs` in one batch: (outputs, engine)."""
    engine = kernel.load(core)
    consumed, outputs = engine.step(inputs)
    assert consumed == len(inputs)
    return outputs, engine
