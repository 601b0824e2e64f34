"""Seeded inputs of a shard, and what the embedded engine makes of them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from aggregates import kernel
from schemas.codes import OutputType, Side, TimeInForce
from schemas.wire import iter_inputs, iter_raw_outputs
from streams.brokers.frames import seal_frame
from tests.builders import MS, Tape, set_up

VENUES = ("XAAA", "XBBB", "XCCC", "XDDD")


def tape_of(shard: int, count: int) -> Tape:
    """A tape of `count` quotes with an order after every tenth and a fill for some children."""
    draw, tape = random.Random(shard), Tape()
    set_up(tape, VENUES)
    for number in range(count):
        tape.wait(draw.randrange(1, 2 * MS))
        bid = 10_000 + draw.randrange(-5, 6)
        sizes = draw.randrange(1, 900), draw.randrange(1, 900)
        quote = (f"{bid / 100:.2f}", sizes[0]), (f"{(bid + 2) / 100:.2f}", sizes[1])
        tape.quote(0, draw.randrange(len(VENUES)), *quote)
        if number % 10 == 9:
            side = draw.choice((Side.BUY, Side.SELL))
            tape.order(0, f"S{shard}-{number}", side, draw.randrange(1, 500), policy=1)
    return tape


def repeating_tape(shard: int, commands: int) -> Tape:
    """A tape of orders of which every tenth is one from before, near or far, said again."""
    draw, tape = random.Random(1_000 + shard), Tape()
    set_up(tape, VENUES)
    said: list[tuple[str, Side, int]] = []
    for number in range(commands):
        tape.wait(draw.randrange(1, MS))
        bid = 10_000 + draw.randrange(-5, 6)
        quote = (f"{bid / 100:.2f}", 900), (f"{(bid + 2) / 100:.2f}", 900)
        tape.quote(0, draw.randrange(len(VENUES)), *quote)
        if said and draw.randrange(10) == 0:
            name, side, units = draw.choice(said if draw.randrange(2) else said[-20:])
        else:
            side = draw.choice((Side.BUY, Side.SELL))
            name, units = f"R{shard}-{number}", draw.randrange(1, 500)
            said.append((name, side, units))
        tape.order(0, name, side, units, policy=1, time_in_force=TimeInForce.IOC)
    return tape


def frames(data: bytes, size: int, seed: int = 0) -> Iterator[bytes]:
    """Whole records in pieces of about `size` bytes."""
    draw, piece = random.Random(seed), bytearray()
    for _, raw in iter_inputs(data):
        piece += raw
        if len(piece) >= draw.randrange(64, 2 * size):
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def embedded(shard: int, data: bytes) -> bytes:
    """Outputs of the embedded engine."""
    engine = kernel.load("native", shard)
    consumed, outputs = engine.step(data)
    assert consumed == len(data)
    return outputs


def decision_hash(outputs: bytes) -> str:
    """Hash of the decisions among outputs."""
    sha = hashlib.sha256()
    for kind, raw in iter_raw_outputs(outputs):
        if kind == OutputType.DECISION:
            sha.update(raw)
    return sha.hexdigest()


def wanted_of(tapes: dict[int, bytes]) -> dict[int, bytes]:
    """Outputs of the embedded engine, by shard."""
    return {shard: embedded(shard, data) for shard, data in tapes.items()}


def counts_of(wanted: dict[int, bytes]) -> dict[int, int]:
    """Output records, by shard."""
    return {shard: sum(1 for _ in iter_raw_outputs(out)) for shard, out in wanted.items()}


def poisons(data: bytes) -> list[bytes]:
    """Messages that are no frame of shard 0, each in its own way."""
    whole = seal_frame(0, 1, data[:640])
    return [
        b"",
        whole[:-1],
        whole[:4] + bytes([9]) + whole[5:],
        b"{not json",
        bytes(10 << 20),
        seal_frame(0, 1, data[:100]),
        seal_frame(1, 1, data[:640]),
        whole[:100] + b"X" + whole[101:],
    ]
