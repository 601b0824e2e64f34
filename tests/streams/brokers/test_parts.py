"""The parts of a broker's runtime without a broker."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import HEADER
from schemas.errors import InputError
from schemas.topic_envelope import (
    MAX_PAYLOAD,
    Envelope,
    EnvelopeError,
    MessageKind,
    open_envelope,
    seal,
)
from schemas.topics import DEAD_LETTERS, INPUTS, MARKET_DATA, REFERENCE
from schemas.units import NS_PER_S
from streams.brokers.frames import CLOCK_SOURCE, seal_frame, sequence
from streams.brokers.ingest import Ingest
from streams.brokers.partitioner import Partitioner
from streams.brokers.read_side import GapError, OnceReader
from streams.brokers.shard_fold import ShardFold, WrongEngineError
from streams.brokers.snapshots import FolderStore, cut, newest
from streams.replay.sharding import shard_of
from tests.builders import START_NS, Tape, set_up
from tests.streams.brokers.flows import embedded, frames, tape_of

APPEND_NS = START_NS + 3600 * NS_PER_S


def times(records: bytes) -> list[int]:
    return [HEADER.unpack(records, at).log_ns for at in range(0, len(records), 64)]


def output(number: int, previous: int, payload: bytes = b"x") -> bytes:
    kind = MessageKind.OUTPUT
    return seal(
        Envelope(kind=kind, topic="t", shard=0, id=number, previous=previous, payload=payload)
    )


@given(st.binary(max_size=200), st.integers(0, 2**63), st.integers(0, 0xFFFF))
def test_an_envelope_gives_back_what_it_holds(payload: bytes, number: int, shard: int) -> None:
    given_ = Envelope(kind=1, topic=INPUTS, shard=shard, id=number, payload=payload, causation=7)
    found = open_envelope(seal(given_), INPUTS)
    assert (found.shard, found.id, found.causation) == (shard, number, 7)
    assert bytes(found.payload) == payload


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_is_found(at: int, change: int) -> None:
    whole = bytearray(seal_frame(3, 9, bytes(range(128))))
    whole[at % len(whole)] ^= change
    with pytest.raises(EnvelopeError):
        open_envelope(bytes(whole), INPUTS)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "empty"),
        (b"{}", "no envelope"),
        (seal_frame(0, 1, bytes(64))[:-1], "checksum"),
        (seal_frame(0, 1, bytes(MAX_PAYLOAD)), "at most"),
        (b"SORE\x02" + seal_frame(0, 1, bytes(64))[5:], "version 2"),
    ],
)
def test_what_is_no_envelope_is_named(raw: bytes, says: str) -> None:
    with pytest.raises(EnvelopeError, match=says):
        open_envelope(raw, INPUTS)


def test_a_message_that_strayed_is_not_taken() -> None:
    with pytest.raises(EnvelopeError, match="found on"):
        open_envelope(seal_frame(0, 1, bytes(64)), REFERENCE)


def test_a_sequenced_frame_stays_as_it_is() -> None:
    tape = tape_of(1, 50)
    data = bytes(tape.data)
    frame = sequence(data, START_NS - 1, APPEND_NS)
    assert bytes(frame.records) == data
    assert frame.log_ns == tape.now_ns


def test_times_follow_the_partition() -> None:
    """A clock that is behind, a time that is missing, and one from the future."""
    tape = Tape()
    for log_ns in (50, 40, 0, APPEND_NS + 2 * NS_PER_S, 60):
        tape.quote(0, 0, ("1", 1), ("2", 1), log_ns=log_ns)
    wanted = [50, 50, APPEND_NS, APPEND_NS, APPEND_NS]
    assert times(bytes(sequence(bytes(tape.data), 10, APPEND_NS).records)) == wanted
    tape.timer(log_ns=0, source=CLOCK_SOURCE, source_seq=8)
    mixed = sequence(bytes(tape.data), 10, APPEND_NS)
    assert times(bytes(mixed.records)) == [*wanted, APPEND_NS]
    assert mixed.clock_seq == 8
    assert times(bytes(sequence(bytes(tape.data), 55, APPEND_NS).records))[:2] == [55, 55]


@pytest.mark.parametrize("size", [0, 1, 63, 65])
def test_a_frame_that_is_cut_off_is_refused(size: int) -> None:
    with pytest.raises(InputError):
        sequence(bytes(size), 0, APPEND_NS)


def test_an_order_that_is_cut_off_is_refused() -> None:
    tape = Tape()
    tape.order(0, "A", 1, 100)
    with pytest.raises(InputError, match="cut off"):
        sequence(bytes(tape.data)[:128], 0, APPEND_NS)


def test_a_restart_from_a_snapshot_publishes_the_same_bytes(tmp_path: Path) -> None:
    data = bytes(tape_of(2, 200).data)
    pieces = [seal_frame(2, n, frame) for n, frame in enumerate(frames(data, 1_000))]
    fold, store, half = ShardFold(2), FolderStore(tmp_path), len(pieces) // 2
    for raw in pieces[:half]:
        fold.fold(raw, (INPUTS, 2, 0), APPEND_NS)
    fold.next_place = "17"
    asyncio.run(store.put(2, list(cut(*fold.snapshot()))))
    owed = [out for raw in pieces[half:] for out in fold.fold(raw, (INPUTS, 2, 0), APPEND_NS)]
    found = newest(asyncio.run(store.load([2]))[2])
    assert found is not None
    other = ShardFold(2)
    other.restore(*found)
    again = [out for raw in pieces[half:] for out in other.fold(raw, (INPUTS, 2, 0), APPEND_NS)]
    assert (other.next_place, again) == ("17", owed)
    assert owed
    assert embedded(2, data)


def test_a_snapshot_is_complete_or_absent() -> None:
    fold = ShardFold(0)
    first, second = dict(cut(*fold.snapshot())), dict(cut(*fold.snapshot()))
    both = {**first, **second}
    whole = newest(both)
    assert whole is not None
    assert whole[0].number == 2
    for key in second:
        partly = newest({name: blob for name, blob in both.items() if name != key})
        assert partly is not None
        assert partly[0].number == 1
    assert newest({}) is None
    damaged = {
        key: blob[:-1] + b"!" if "manifest" not in key else blob for key, blob in both.items()
    }
    assert newest(damaged) is None


@pytest.mark.promise(p=19)
def test_another_generation_is_refused() -> None:
    tape = Tape()
    tape.engine(version_hash=b"f" * 32)
    with pytest.raises(WrongEngineError, match="activates engine"):
        ShardFold(0).fold(seal_frame(0, 1, bytes(tape.data)), (INPUTS, 0, 5), APPEND_NS)


def test_a_reader_takes_each_once_and_stops_at_a_gap() -> None:
    reader = OnceReader("t", check=True)
    assert reader.take(output(3, 0)) is not None
    assert reader.take(output(3, 0)) is None
    assert (reader.repeated, reader.differing) == (1, 0)
    assert reader.take(output(3, 0, b"y")) is None
    assert reader.differing == 1
    with pytest.raises(GapError, match="follows 5"):
        reader.take(output(7, 5))
    assert reader.take(output(5, 3)) is not None


def test_records_go_to_their_shard_and_broadcasts_to_all() -> None:
    tape = Tape()
    partitioner = Partitioner(4)
    partitioner.learn(7, "IBM")
    venue, quote = tape.venue(0, "XAAA"), tape.quote(7, 0, ("1", 1), ("2", 1))
    status, stranger = tape.status(0, 1), tape.quote(8, 0, ("1", 1), ("2", 1))
    parts = dict(partitioner.split([venue, quote, status, stranger]))
    home = shard_of("IBM", 4)
    assert set(parts) == {0, 1, 2, 3}
    assert parts[home].startswith(venue + quote)
    assert stranger in parts[0]
    assert all(status in part for part in parts.values())


def test_ingest_turns_the_same_message_into_the_same_frame() -> None:
    tape = Tape()
    set_up(tape)
    ingest = Ingest(4)
    ingest.learn(bytes(tape.data))
    raw = b'{"type":"status","venue":"XAAA","status":"halted"}'
    found = ingest.take(MARKET_DATA, 2, 41, raw)
    assert found == ingest.take(MARKET_DATA, 2, 41, raw)
    assert [out.shard for out in found] == [0, 1, 2, 3]
    head = HEADER.unpack(open_envelope(found[0].value, INPUTS).payload)
    assert (head.source, head.source_seq) == (102, 42)
    (dead,) = ingest.take(MARKET_DATA, 0, 1, b"nonsense")
    assert (dead.topic, dead.value) == (DEAD_LETTERS, b"nonsense")
    (beyond,) = ingest.take(MARKET_DATA, 30, 1, raw)
    assert beyond.topic == DEAD_LETTERS
