"""The codec of input frames: exact, bounded, and refusing whatever it did not make itself."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codes import InputType
from schemas.envelope import SLOT
from schemas.market import QUOTE, TRADE
from streams.log import SegmentReader, _journal, check
from streams.log.errors import DamagedLogError

PADDING = 8


def market(count: int, seed: int = 1) -> list[bytes]:
    """Quotes and prints of a few venues, as a feed would send them."""
    generator = random.Random(seed)
    log_ns = 1_700_000_000_000_000_000
    prices = {key: generator.randrange(10_000, 90_000) * 10_000_000 for key in range(12)}
    seqs = [0] * 4
    records: list[bytes] = []
    for _ in range(count):
        venue, instrument = generator.randrange(4), generator.randrange(3)
        key = venue * 3 + instrument
        log_ns += generator.randrange(2_000_000)
        prices[key] += generator.choice((-1, 0, 0, 1)) * 10_000_000
        seqs[venue] += 1
        header = {
            "venue": venue,
            "source": 1 + venue,
            "instrument": instrument,
            "source_seq": seqs[venue],
            "log_ns": log_ns,
            "venue_ns": log_ns - 1_000_000 - generator.randrange(5_000),
        }
        size = generator.randrange(1, 9) * 100
        if generator.random() < 0.2:
            facts = {"price_nanos": prices[key], "units": size, "trade_id": len(records)}
            records.append(TRADE.pack(type=InputType.TRADE, **header, **facts))
            continue
        book = {"bid_nanos": prices[key], "ask_nanos": prices[key] + 10_000_000}
        sizes = {"bid_units": size, "ask_units": generator.randrange(1, 9) * 100}
        records.append(QUOTE.pack(type=InputType.QUOTE, **header, **book, **sizes))
    return records


SLOTS = st.lists(st.binary(min_size=SLOT, max_size=SLOT) | st.just(bytes(SLOT)), max_size=20)


@given(SLOTS, st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_round_trip_is_exact(slots: list[bytes], seed: int) -> None:
    """Any slots between repeated ones, so that the frame shrinks and is encoded."""
    plain = b"".join([*market(60, seed), *slots, bytes(64 * SLOT)])
    encoded = _journal.encode_ticks(plain)
    assert encoded is not None
    assert len(encoded) < len(plain)
    assert _journal.decode_ticks(encoded) == plain


@given(st.lists(st.sampled_from(range(256)), max_size=300).map(bytes))
@settings(max_examples=300, deadline=None)
def test_random_bytes_are_refused_or_decoded(noise: bytes) -> None:
    for content in (noise, noise + bytes(PADDING), (128).to_bytes(4, "little") + noise + bytes(8)):
        plain = _journal.decode_ticks(content)
        assert plain is None or len(plain) <= 13 * len(content)


@given(st.integers(0, 2**32), st.integers(1, 3), st.data())
@settings(max_examples=300, deadline=None)
def test_spoiled_frames_never_crash(seed: int, edits: int, data: st.DataObject) -> None:
    encoded = _journal.encode_ticks(b"".join(market(30, seed)))
    assert encoded is not None
    spoiled = bytearray(encoded)
    for _ in range(edits):
        at = data.draw(st.integers(0, len(spoiled) - 1))
        spoiled[at] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(0, len(spoiled)))
    for content in (bytes(spoiled), bytes(spoiled[:length])):
        plain = _journal.decode_ticks(content)
        assert plain is None or len(plain) <= 13 * len(content)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda encoded: b"",
        lambda encoded: encoded[:-1],
        lambda encoded: encoded + b"\0",
        lambda encoded: encoded[:-1] + b"\1",
        lambda encoded: b"\xff\xff\xff\xff" + encoded[4:],
        lambda encoded: bytes(4) + encoded[4:],
        lambda encoded: (len(market(30)) * SLOT - SLOT).to_bytes(4, "little") + encoded[4:],
        lambda encoded: encoded[:6] + b"\xff" + encoded[7:],
    ],
)
def test_malformed_is_refused(spoil: Any) -> None:
    encoded = _journal.encode_ticks(b"".join(market(30)))
    assert encoded is not None
    assert _journal.decode_ticks(spoil(encoded)) is None


def test_a_tick_takes_less_than_forty_bytes() -> None:
    records = market(5_000)
    encoded = _journal.encode_ticks(b"".join(records))
    assert encoded is not None
    assert len(encoded) / len(records) < 30


def test_noise_is_stored_plain() -> None:
    assert _journal.encode_ticks(random.Random(1).randbytes(64 * 50)) is None
    assert _journal.encode_ticks(b"") is None
    assert _journal.encode_ticks(bytes(65)) is None


def test_records_and_chain_are_those_of_the_plain_log(tmp_path: Path, samples: Any) -> None:
    records = market(600) + samples.inputs(20)
    heads, sizes, payloads = [], [], []
    for codec in ("none", "delta"):
        folder = tmp_path / codec
        folder.mkdir()
        groups = samples.split(records, 100)
        heads.append(samples.write(folder, "inputs", groups, codec=codec))
        report = check(folder, "inputs")
        assert (report.records, report.torn) == (len(records), None)
        assert report.chain_head == heads[-1]
        sizes.append(report.file_bytes)
        payloads.append(b"".join(bytes(f.payload) for f in SegmentReader(folder, "inputs")))
    assert heads[0] == heads[1] == samples.chain("inputs", 3, records)[-1]
    assert payloads[0] == payloads[1] == b"".join(records)
    assert sizes[1] < sizes[0] * 0.5


def test_reading_starts_inside_an_encoded_frame(tmp_path: Path, samples: Any) -> None:
    records = market(300)
    samples.write(tmp_path, "inputs", samples.split(records, 100))
    frames = list(SegmentReader(tmp_path, "inputs", 150))
    assert b"".join(bytes(frame.payload) for frame in frames) == b"".join(records[149:])


@pytest.mark.promise(p=3)
def test_every_byte_of_an_encoded_log_is_proven(tmp_path: Path, samples: Any) -> None:
    samples.write(tmp_path, "inputs", samples.split(market(24), 12))
    (path,) = tmp_path.glob("*.seg")
    data = path.read_bytes()
    last = list(SegmentReader(tmp_path, "inputs"))[-1].offset
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        if at >= last:
            assert check(tmp_path, "inputs").torn is not None
            continue
        with pytest.raises(DamagedLogError):
            check(tmp_path, "inputs")


def test_an_unknown_codec_is_refused(tmp_path: Path) -> None:
    from schemas.errors import InputError

    with pytest.raises(InputError, match="'delta' or 'none'"):
        _journal.SegmentWriter(str(tmp_path), "inputs", 0, codec="zip")
