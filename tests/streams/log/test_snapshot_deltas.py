"""Snapshots that hold only changed pages give back the exact state, also when older ones go."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import CorruptLogError
from streams.log import SnapshotStore
from streams.log.pages import PAGE_BYTES, changed_pages, paged, patched
from streams.log.snapshot_file import file_name, read_header
from streams.log.snapshots import FULL_EVERY

BASE = random.Random(3).randbytes(40 * PAGE_BYTES + 17)


def states(count: int) -> list[bytes]:
    """States that grow a little and change in a few places."""
    generator, state = random.Random(9), bytearray(BASE)
    found = []
    for _ in range(count):
        state[generator.randrange(len(state))] ^= 0xFF
        state += generator.randbytes(3)
        found.append(bytes(state))
    return found


def filled(path: Path, made: list[bytes]) -> SnapshotStore:
    """A store with these states at seq 1, 2, ..."""
    store = SnapshotStore(path / "snapshots")
    for seq, state in enumerate(made, 1):
        store.put(seq, seq, seq, bytes(32), bytes(32), state)
    return store


def pages(store: SnapshotStore, seq: int) -> tuple[int, int]:
    """(seq of the full one, pages stored) of a snapshot."""
    header = read_header(store.path / file_name(seq))
    return header.base_seq, header.pages


SIZES = st.integers(0, 5 * PAGE_BYTES)


@given(SIZES, SIZES, st.integers(0, 2**32), st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_patched_is_exact(one: int, other: int, seed: int, edits: int) -> None:
    generator = random.Random(seed)
    base = generator.randbytes(one)
    state = bytearray((base + generator.randbytes(max(0, other - one)))[:other])
    for _ in range(edits if state else 0):
        state[generator.randrange(len(state))] ^= 1
    numbers = changed_pages(base, bytes(state))
    changed = paged(bytes(state))[numbers]
    assert patched(base, numbers, changed, len(state)) == bytes(state)


def test_deltas_are_small_and_exact(tmp_path: Path) -> None:
    made = states(2 * FULL_EVERY + 3)
    store = filled(tmp_path, made)
    full = [seq for seq in range(1, len(made) + 1) if pages(store, seq)[0] == seq]
    assert full == [1, 1 + FULL_EVERY, 1 + 2 * FULL_EVERY]
    assert 0 < pages(store, 2)[1] < 4
    store.close()
    again = SnapshotStore(tmp_path / "snapshots", read_only=True)
    assert [again.load(seq).state for seq in range(1, len(made) + 1)] == made


def test_a_state_that_changed_everywhere_is_stored_whole(tmp_path: Path) -> None:
    store = filled(tmp_path, [BASE, bytes(len(BASE))])
    assert pages(store, 2) == (2, 41)


def test_pruning_makes_kept_deltas_whole(tmp_path: Path) -> None:
    made = states(8)
    store = filled(tmp_path, made)
    assert store.prune(keep=3) == 5
    assert [entry.seq for entry in store.entries()] == [6, 7, 8]
    assert [store.load(seq).state for seq in (6, 7, 8)] == made[5:]
    assert pages(store, 6)[0] == 6
    store.put(9, 9, 9, bytes(32), bytes(32), made[0])
    assert store.load(9).state == made[0]


def test_a_damaged_full_one_spoils_what_refers_to_it(tmp_path: Path) -> None:
    store = filled(tmp_path, states(3))
    (store.path / file_name(1)).unlink()
    assert store.latest() is None
    assert [seq for seq, _ in store.damaged] == [3, 2]


def test_a_difference_to_another_state_is_no_state(tmp_path: Path) -> None:
    store = filled(tmp_path, states(2))
    SnapshotStore(store.path).put(1, 1, 1, bytes(32), bytes(32), bytes(len(BASE)))
    with pytest.raises(CorruptLogError, match="do not make the state"):
        store.load(2)
