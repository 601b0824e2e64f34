"""Proving frames ahead finds exactly what proving them one by one finds."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import CorruptLogError
from streams.log import SegmentReader
from streams.log.ahead import AheadReader

MakeLog = Callable[..., Path]


def told(reader: SegmentReader) -> tuple[list[bytes], str]:
    """The payloads, and how it ended."""
    payloads: list[bytes] = []
    try:
        payloads.extend(bytes(frame.payload) for frame in reader)
    except CorruptLogError as damage:
        return payloads, str(damage)
    return payloads, f"{reader.torn} {reader.next_seq} {reader.chain_head!r}"


@pytest.mark.promise(p=3)
@pytest.mark.parametrize("stream", ["inputs", "outputs"])
@pytest.mark.parametrize("segment_bytes", [1 << 20, 3_000])
def test_the_same_damage_is_named(
    stream: str, segment_bytes: int, make_log: MakeLog, full_size: bool, seed: int
) -> None:
    folder = make_log(stream, groups=12, segment_bytes=segment_bytes)
    dice, paths = random.Random(5 + seed), sorted(folder.glob("*.seg"))
    tries = 5_000 if full_size else 150
    for _ in range(tries):
        path = dice.choice(paths)
        data = path.read_bytes()
        spoiled = bytearray(data)
        if dice.random() < 0.2:
            del spoiled[dice.randrange(len(spoiled)) :]
        else:
            spoiled[dice.randrange(len(spoiled))] ^= dice.randrange(1, 256)
        path.write_bytes(spoiled)
        one = told(SegmentReader(folder, stream, None, True, 3))
        assert told(AheadReader(folder, stream, None, 3)) == one
        path.write_bytes(data)
    whole = told(SegmentReader(folder, stream, None, True, 3))
    for start in (2, 17, 36):
        ahead = told(AheadReader(folder, stream, start, 3))
        assert ahead == told(SegmentReader(folder, stream, start, True, 3))
        assert ahead[1] == whole[1]
    print(f"damages={tries} told otherwise=0")
