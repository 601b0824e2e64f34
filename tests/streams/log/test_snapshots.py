"""Snapshots are whole or absent, and a bad one is named, byte for byte."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import CorruptLogError, InputError
from streams.log import SnapshotStore
from streams.log._journal import crc32c
from streams.log.errors import DamagedFileError
from streams.log.pages import PAGE_BYTES
from streams.log.snapshot_file import CHECK, HEADER_BYTES, START, file_name

STATES = {seq: random.Random(seq).randbytes(PAGE_BYTES // 2 * seq) for seq in (1, 2, 5)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SnapshotStore]:
    """Yield a store with snapshots at seq 1, 2 and 5, of half a page, one and more than two."""
    store = SnapshotStore(tmp_path / "snapshots")
    for seq, state in STATES.items():
        store.put(seq, seq * 10, seq * 100, bytes([seq] * 32), bytes(32), state)
    yield store
    store.close()


def file(store: SnapshotStore, seq: int) -> Path:
    """The file of one snapshot."""
    return store.path / file_name(seq)


def test_what_is_put_comes_back(store: SnapshotStore) -> None:
    assert [entry.seq for entry in store.entries()] == [1, 2, 5]
    again = SnapshotStore(store.path, read_only=True)
    latest = again.latest()
    assert latest is not None
    assert (latest.info.seq, latest.info.out_seq, latest.info.log_ns) == (5, 50, 500)
    assert (latest.info.input_chain, latest.state) == (b"\5" * 32, STATES[5])
    with pytest.raises(InputError, match="read-only"):
        again.put(6, 6, 6, bytes(32), bytes(32), b"")


@pytest.mark.parametrize(("max_seq", "expected"), [(0, None), (1, 1), (4, 2), (5, 5), (9, 5)])
def test_latest_at_or_before(store: SnapshotStore, max_seq: int, expected: int | None) -> None:
    found = store.latest(max_seq)
    assert (found and found.info.seq) == expected


def test_an_empty_state_and_an_empty_store(tmp_path: Path) -> None:
    assert SnapshotStore(tmp_path / "absent", read_only=True).latest() is None
    store = SnapshotStore(tmp_path / "new")
    assert store.latest() is None
    store.put(1, 1, 1, bytes(32), bytes(32), b"")
    latest = store.latest()
    assert latest is not None
    assert latest.state == b""
    with pytest.raises(InputError, match="32 bytes"):
        store.put(2, 1, 1, b"", bytes(32), b"")


def test_an_unfinished_one_is_none(store: SnapshotStore) -> None:
    left = file(store, 5).rename(file(store, 5).with_name(file_name(5) + ".new"))
    latest = store.latest()
    assert latest is not None
    assert latest.info.seq == 2
    assert store.damaged == []
    assert store.discard_after(5) == 0
    assert not left.exists()


def test_those_ahead_of_the_log_go(store: SnapshotStore) -> None:
    assert store.discard_after(4) == 1
    assert [entry.seq for entry in store.entries()] == [1, 2]


@pytest.mark.promise(p=3)
def test_one_byte_anywhere_is_named(store: SnapshotStore, full_size: bool, seed: int) -> None:
    dice, path = random.Random(3 + seed), file(store, 5)
    data = path.read_bytes()
    places = range(len(data)) if full_size else dice.sample(range(len(data)), 400)
    for at in places:
        spoiled = bytearray(data)
        spoiled[at] ^= dice.randrange(1, 256)
        path.write_bytes(spoiled)
        with pytest.raises(CorruptLogError) as caught:
            store.load(5)
        assert str(path) in str(caught.value)
        if isinstance(caught.value, DamagedFileError):
            assert caught.value.offset <= at < caught.value.offset + HEADER_BYTES + PAGE_BYTES + 8
    latest = store.latest()
    assert latest is not None
    assert (latest.info.seq, latest.state) == (2, STATES[2])
    assert [seq for seq, _ in store.damaged] == [5]
    print(f"bytes changed={len(places)} not named=0")


@pytest.mark.parametrize("size", [0, 10, HEADER_BYTES, HEADER_BYTES + PAGE_BYTES, -1])
def test_a_cut_or_longer_file_is_named(store: SnapshotStore, size: int) -> None:
    path = file(store, 5)
    data = path.read_bytes()
    path.write_bytes(data[:size] if size >= 0 else data + b"\0")
    with pytest.raises(DamagedFileError, match="the snapshot is damaged"):
        store.load(5)


def test_a_page_of_another_snapshot_does_not_fit(store: SnapshotStore) -> None:
    one, other = bytearray(file(store, 2).read_bytes()), file(store, 5).read_bytes()
    one[HEADER_BYTES:] = other[HEADER_BYTES : len(one)]
    file(store, 2).write_bytes(one)
    with pytest.raises(DamagedFileError, match="page 0"):
        store.load(2)


def test_a_renamed_file_is_named(store: SnapshotStore) -> None:
    file(store, 2).replace(file(store, 5))
    with pytest.raises(DamagedFileError, match="its name says otherwise"):
        store.load(5)


def test_what_is_no_snapshot_is_named(store: SnapshotStore) -> None:
    file(store, 5).write_bytes(bytes(HEADER_BYTES))
    with pytest.raises(DamagedFileError, match="it is no snapshot"):
        store.load(5)
    with pytest.raises(CorruptLogError, match="no snapshot at seq 4"):
        store.load(4)


def test_a_newer_format_is_refused(store: SnapshotStore) -> None:
    data = bytearray(file(store, 5).read_bytes())
    START.pack_into(data, 0, b"SORSNAP\0", 2, PAGE_BYTES)
    check = crc32c(bytes(data[: HEADER_BYTES - CHECK.size]), 0)
    CHECK.pack_into(data, HEADER_BYTES - CHECK.size, check)
    file(store, 5).write_bytes(data)
    with pytest.raises(CorruptLogError, match=r"has format 2 .* use the version of the program"):
        store.load(5)


def test_putting_again_replaces(store: SnapshotStore) -> None:
    store.put(5, 51, 500, bytes(32), bytes(32), b"short")
    latest = store.latest()
    assert latest is not None
    assert (latest.info.out_seq, latest.state) == (51, b"short")


def test_prune(store: SnapshotStore) -> None:
    assert store.prune(keep=2) == 1
    assert [entry.seq for entry in store.entries()] == [2, 5]
    assert store.prune(keep=2) == 0
    with pytest.raises(InputError, match="at least 1"):
        store.prune(keep=0)
