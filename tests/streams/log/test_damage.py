"""Promise 3: damage is never silent, and damage in the middle is never taken for a torn tail."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import CorruptLogError
from streams.log import (
    Anchor,
    DamagedLogError,
    Frame,
    LogReport,
    SegmentReader,
    _journal,
    check,
    recover,
)

pytestmark = pytest.mark.promise(p=3)
MakeLog = Callable[..., Path]
SEGMENT_HEADER = 64


def payloads(directory: Path, stream: str) -> bytes:
    """All record bytes that a reader gives."""
    return b"".join(bytes(frame.payload) for frame in SegmentReader(directory, stream))


def verdict(directory: Path, stream: str) -> LogReport | DamagedLogError:
    """What a check says."""
    try:
        return check(directory, stream)
    except DamagedLogError as damage:
        return damage


def last_frame(directory: Path, stream: str) -> tuple[Path, int, int]:
    """File, offset and last seq before the last frame."""
    frame = list(SegmentReader(directory, stream))[-1]
    return frame.path, frame.offset, frame.first_seq - 1


@pytest.mark.parametrize("stream", ["inputs", "outputs"])
def test_every_byte_flipped(stream: str, make_log: MakeLog, full_size: bool) -> None:
    directory = make_log(stream, groups=4, size=2, segment_bytes=700)
    last_path, last_offset, kept = last_frame(directory, stream)
    assert last_offset > SEGMENT_HEADER, "the last segment must hold a frame in the middle"
    for path in sorted(directory.glob("*.seg")):
        data = path.read_bytes()
        for at in range(len(data)):
            for mask in [1 << bit for bit in range(8)] if full_size else [1 << at % 8]:
                path.write_bytes(data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :])
                found = verdict(directory, stream)
                if path == last_path and at >= last_offset:
                    assert isinstance(found, LogReport)
                    assert found.torn is not None
                    assert (found.torn.path, found.torn.offset) == (path, last_offset)
                    assert found.last_seq == kept
                else:
                    assert isinstance(found, DamagedLogError), f"byte {at} of {path.name}"
                    assert found.path == path
                    assert found.offset <= at
        path.write_bytes(data)


@pytest.mark.parametrize("stream", ["inputs", "outputs"])
def test_every_length(stream: str, make_log: MakeLog, samples: Any, full_size: bool) -> None:
    directory = make_log(stream, groups=3, size=2)
    path = directory / f"{stream}-{1:020d}.seg"
    data = path.read_bytes()
    records = samples.of(stream, 6)
    ends = {frame.offset: frame.first_seq - 1 for frame in SegmentReader(directory, stream)}
    for length in range(len(data)):
        path.write_bytes(data[:length])
        kept = max((seq for end, seq in ends.items() if end <= length), default=0)
        report = check(directory, stream)
        assert report.last_seq == kept
        assert (report.torn is None) == (length in ends)
        if length % 16 and not full_size:
            continue  # each recovery syncs several times
        recover(directory, stream)
        assert payloads(directory, stream) == b"".join(records[:kept])
        assert check(directory, stream).torn is None
        for leftover in directory.iterdir():
            leftover.unlink()


def test_truncation_of_an_earlier_segment(make_log: MakeLog) -> None:
    directory = make_log("inputs", groups=6, segment_bytes=1000)
    first = min(directory.glob("*.seg"))
    data = first.read_bytes()
    for length in range(len(data)):
        first.write_bytes(data[:length])
        assert isinstance(verdict(directory, "inputs"), DamagedLogError)


BLOCK = 512
SPOILERS: dict[str, Callable[[bytearray, int, random.Random], None]] = {
    "zeroed block": lambda data, at, _: data.__setitem__(
        slice(at, at + BLOCK), bytes(len(data[at : at + BLOCK]))
    ),
    "foreign block": lambda data, at, dice: data.__setitem__(
        slice(at, at + BLOCK), dice.randbytes(len(data[at : at + BLOCK]))
    ),
    "misplaced block": lambda data, at, dice: data.__setitem__(
        slice(at, at + BLOCK), data[(other := dice.randrange(len(data) - BLOCK)) : other + BLOCK]
    ),
    "lost bytes": lambda data, at, dice: data.__delitem__(slice(at, at + dice.randint(1, 99))),
    "grown bytes": lambda data, at, dice: data.__setitem__(
        slice(at, at), dice.randbytes(dice.randint(1, 99))
    ),
    "bit flips": lambda data, at, dice: data.__setitem__(at, data[at] ^ (1 << dice.randint(0, 7))),
}


@pytest.mark.parametrize("spoiler", SPOILERS)
def test_blocks_spoiled_in_the_middle(spoiler: str, make_log: MakeLog, full_size: bool) -> None:
    directory = make_log("outputs", groups=30)
    path, last_offset, _ = last_frame(directory, "outputs")
    data = path.read_bytes()
    dice = random.Random(spoiler)
    rounds = 2000 if full_size else 60
    for _ in range(rounds):
        spoiled = bytearray(data)
        at = dice.randrange(SEGMENT_HEADER, last_offset - BLOCK)
        SPOILERS[spoiler](spoiled, at, dice)
        if spoiled == data:
            continue
        path.write_bytes(spoiled)
        with pytest.raises(DamagedLogError):
            check(directory, "outputs")
        with pytest.raises(DamagedLogError):
            recover(directory, "outputs")
        assert path.read_bytes() == spoiled, "damage must not be cut away"
    print(f"spoiler={spoiler} rounds={rounds} silent=0")


def test_the_last_two_frames_damaged_at_once(make_log: MakeLog) -> None:
    directory = make_log("inputs")
    path = directory / f"inputs-{1:020d}.seg"
    data = bytearray(path.read_bytes())
    for frame in list(SegmentReader(directory, "inputs"))[-2:]:
        data[frame.offset + 100] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedLogError, match="another one was begun after it"):
        check(directory, "inputs")


def test_swapped_frames(make_log: MakeLog) -> None:
    directory = make_log("inputs")
    path = directory / f"inputs-{1:020d}.seg"
    data = path.read_bytes()
    starts = [frame.offset for frame in SegmentReader(directory, "inputs")]
    a, b, c = starts[:3]
    path.write_bytes(data[:a] + data[b:c] + data[a:b] + data[c:])
    with pytest.raises(DamagedLogError, match="seq"):
        check(directory, "inputs")


def forge(path: Path, frame: Frame, change: Callable[[bytearray], None]) -> None:
    """Change a frame's bytes and give it the checksum that fits them."""
    data = path.read_bytes()
    end = frame.offset + 64 + len(frame.payload) + 32 * frame.count * (frame.stream == "outputs")
    forged = bytearray(data[frame.offset : end])
    change(forged)
    (segment_crc,) = struct.unpack_from("<I", data, 12)
    forged[8:12] = struct.pack("<I", _journal.crc32c(forged[:8] + forged[12:], segment_crc))
    path.write_bytes(data[: frame.offset] + forged + data[end:])


FORGERIES = [  # what is changed, at which byte of the frame, from the last frame?
    ("chain", 64 + 45, False),
    ("chain", 64 + 45, True),
    ("chain", 40, True),
    ("codec", 3, True),
    ("seq", 16, True),
]


@pytest.mark.parametrize("stream", ["inputs", "outputs"])
@pytest.mark.parametrize(("fault", "at", "last"), FORGERIES)
def test_forged_frames(stream: str, fault: str, at: int, last: bool, make_log: MakeLog) -> None:
    directory = make_log(stream)
    frame = list(SegmentReader(directory, stream))[-1 if last else 1]
    forge(frame.path, frame, lambda data: data.__setitem__(at, data[at] ^ 1))
    for act in (check, recover):
        with pytest.raises(DamagedLogError, match=rf"does not belong here \({fault}\)") as raised:
            act(directory, stream)
        assert (raised.value.seq, raised.value.offset) == (frame.first_seq, frame.offset)


def test_a_forged_record_chain(make_log: MakeLog) -> None:
    directory = make_log("outputs")
    frame = list(SegmentReader(directory, "outputs"))[-1]
    forge(frame.path, frame, lambda data: data.__setitem__(-40, data[-40] ^ 1))
    with pytest.raises(DamagedLogError, match="chain"):
        check(directory, "outputs")
    assert check(directory, "outputs", verify_chain=False).last_seq == 12


def test_recover_keeps_what_it_cuts(make_log: MakeLog, samples: Any) -> None:
    directory = make_log("inputs")
    path, offset, kept = last_frame(directory, "inputs")
    data = path.read_bytes()
    path.write_bytes(data[:-5])
    report = recover(directory, "inputs")
    assert report.torn is not None
    assert (report.torn.size, report.last_seq) == (len(data) - 5 - offset, kept)
    assert path.read_bytes() == data[:offset]
    assert path.with_suffix(".torn").read_bytes() == data[offset:-5]
    assert recover(directory, "inputs").torn is None
    samples.write(
        directory, "inputs", [samples.inputs(2)], next_seq=kept + 1, chain_head=report.chain_head
    )
    assert check(directory, "inputs").last_seq == kept + 2


def test_a_stream_that_can_be_derived_again_is_cut_at_damage(
    make_log: MakeLog, samples: Any
) -> None:
    directory = make_log("outputs", groups=12, segment_bytes=3000)
    paths = sorted(directory.glob("*.seg"))
    assert len(paths) > 2
    frames = list(SegmentReader(directory, "outputs"))
    hit = next(frame for frame in frames if frame.path == paths[-2])
    data = bytearray(hit.path.read_bytes())
    data[hit.offset + 70] ^= 1
    hit.path.write_bytes(data)
    report = recover(directory, "outputs", rederivable=True)
    assert report.last_seq == hit.first_seq - 1
    assert check(directory, "outputs") == recover(directory, "outputs", full=True)
    assert payloads(directory, "outputs") == b"".join(samples.outputs(hit.first_seq - 1))


def test_an_anchor_tells_lost_records_from_a_torn_write(make_log: MakeLog, samples: Any) -> None:
    directory = make_log("inputs")
    chain = samples.chain("inputs", 3, samples.inputs(12))
    anchor = Anchor(12, chain[12])
    assert check(directory, "inputs", anchor=anchor).last_seq == 12
    path, offset, kept = last_frame(directory, "inputs")
    data = path.read_bytes()
    for length in (offset, offset + 10):
        path.write_bytes(data[:length])
        with pytest.raises(CorruptLogError, match=rf"end at seq {kept}.*seq 12 was durable"):
            recover(directory, "inputs", anchor=anchor)
        assert path.read_bytes() == data[:length]
    path.write_bytes(data)
    with pytest.raises(CorruptLogError, match="were replaced"):
        check(directory, "inputs", anchor=Anchor(9, chain[8]))
