"""Snapshots are whole or absent, and a bad one is skipped aloud."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import CorruptLogError, InputError
from streams.log import SnapshotStore
from streams.log.snapshots import CHUNK_BYTES, chunk_key, manifest_key

STATES = {seq: random.Random(seq).randbytes(CHUNK_BYTES // 2 * seq) for seq in (1, 2, 5)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SnapshotStore]:
    """Yield a store with snapshots at seq 1, 2 and 5, of half a chunk, one and more than two."""
    store = SnapshotStore(tmp_path / "snapshots")
    for seq, state in STATES.items():
        store.put(seq, seq * 10, seq * 100, bytes([seq] * 32), bytes(32), state)
    yield store
    store.close()


def table(store: SnapshotStore) -> Any:
    """The rows beneath, to damage them."""
    return store._table


def test_what_is_put_comes_back(store: SnapshotStore, tmp_path: Path) -> None:
    assert [entry.seq for entry in store.entries()] == [1, 2, 5]
    store.close()
    again = SnapshotStore(tmp_path / "snapshots", read_only=True)
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


def test_without_its_manifest_there_is_no_snapshot(store: SnapshotStore) -> None:
    table(store).write([], deleted=[manifest_key(5)])
    latest = store.latest()
    assert latest is not None
    assert latest.info.seq == 2
    assert store.damaged == []
    assert store.prune(keep=2) == 1
    assert list(table(store).scan(chunk_key(5))) == []


@pytest.mark.parametrize("target", ["chunk", "manifest", "lost chunk", "short manifest"])
def test_a_damaged_snapshot_gives_way_to_the_one_before(store: SnapshotStore, target: str) -> None:
    first_chunk = chunk_key(5) + bytes(4)
    row = manifest_key(5)
    manifest = table(store).get(row)
    spoiled = {
        "chunk": ([(first_chunk, bytes(CHUNK_BYTES))], []),
        "manifest": ([(row, manifest[:8] + b"\1" + manifest[9:])], []),
        "lost chunk": ([], [first_chunk]),
        "short manifest": ([(row, manifest[:-1])], []),
    }
    table(store).write(*spoiled[target])
    latest = store.latest()
    assert latest is not None
    assert (latest.info.seq, latest.state) == (2, STATES[2])
    assert [seq for seq, _ in store.damaged] == [5]


def test_a_flipped_bit_on_disk_is_found(store: SnapshotStore, tmp_path: Path) -> None:
    store.close()
    largest = max((tmp_path / "snapshots").glob("*.sst"), key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(data)
    again = SnapshotStore(tmp_path / "snapshots")
    latest = again.latest()
    assert latest is not None
    assert latest.info.seq == 2
    assert [seq for seq, _ in again.damaged] == [5]


def test_a_store_that_cannot_be_opened_says_what_to_do(
    store: SnapshotStore, tmp_path: Path
) -> None:
    store.close()
    for path in (tmp_path / "snapshots").glob("MANIFEST*"):
        path.write_bytes(b"nonsense" * 10)
    with pytest.raises(CorruptLogError, match="delete the folder"):
        SnapshotStore(tmp_path / "snapshots")


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
