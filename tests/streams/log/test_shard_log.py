"""Both streams of a shard: opened, continued, cut to agree, anchored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import CorruptLogError, InputError
from streams.log import RunDirectory

TICK = bytes([1]) + bytes(63)


@pytest.fixture
def run(tmp_path: Path, samples: Any) -> Iterator[RunDirectory]:
    """Yield a run whose shard 0 has 10 inputs and 8 outputs, in frames of 5 and 4."""
    with RunDirectory.create(tmp_path, {}) as run:
        shard = run.shard()
        shard.open_writers(codec="none")
        outputs = [samples.outputs(4, 1, 5), samples.outputs(4, 5, 10)]
        for half, records in enumerate(outputs):
            shard.inputs.wait_durable(shard.inputs.append(TICK * 5, 5, half) + 4)
            shard.outputs.wait_durable(shard.outputs.append(b"".join(records), 4, half) + 3)
        yield run


def reopened(path: Path) -> tuple[int, int]:
    """Last seqs of both streams after a recovery by a new writer."""
    with RunDirectory.open(path, writable=True) as run:
        recovery = run.shard().open_writers()
        return recovery.inputs.last_seq, recovery.outputs.last_seq


def test_writers_continue_where_the_log_ends(
    run: RunDirectory, tmp_path: Path, samples: Any
) -> None:
    head = run.shard().inputs.chain_head
    run.close()
    with RunDirectory.open(tmp_path, writable=True) as continued:
        again = continued.shard()
        assert again.open_writers().inputs.chain_head == head
        assert again.inputs.append(TICK, 1, 9) == 11
        assert again.outputs.append(samples.outputs(1, 9, 11)[0], 1, 9) == 9
    with RunDirectory.open(tmp_path) as reading:
        found = reading.shard().check()
        assert (found.inputs.last_seq, found.outputs.last_seq) == (11, 9)
        assert sum(frame.count for frame in reading.shard().reader("inputs", 4)) == 8


def test_outputs_of_inputs_that_were_lost_are_cut(run: RunDirectory, tmp_path: Path) -> None:
    run.close()
    (tmp_path / "shard-000" / "anchor.json").unlink()
    segment = next((tmp_path / "shard-000").glob("inputs-*.seg"))
    segment.write_bytes(segment.read_bytes()[: 64 + 64 + 5 * 64])
    assert reopened(tmp_path) == (5, 4)


def test_damaged_outputs_are_cut_because_they_can_be_derived(
    run: RunDirectory, tmp_path: Path
) -> None:
    run.close()
    segment = next((tmp_path / "shard-000").glob("outputs-*.seg"))
    data = bytearray(segment.read_bytes())
    data[200] ^= 1
    segment.write_bytes(data)
    with RunDirectory.open(tmp_path) as reading, pytest.raises(CorruptLogError):
        reading.shard().check()
    assert reopened(tmp_path) == (10, 0)


def test_inputs_that_were_durable_at_close_cannot_vanish(run: RunDirectory, tmp_path: Path) -> None:
    run.close()
    segment = next((tmp_path / "shard-000").glob("inputs-*.seg"))
    segment.write_bytes(segment.read_bytes()[: 64 + 64 + 5 * 64])
    with pytest.raises(CorruptLogError, match="seq 10 was durable"):
        reopened(tmp_path)
    with RunDirectory.open(tmp_path) as reading, pytest.raises(CorruptLogError, match="seq 10"):
        reading.shard().check()


def test_an_anchor_written_midway_covers_only_what_is_synced(
    run: RunDirectory, tmp_path: Path
) -> None:
    run.shard().write_anchor()
    assert {stream: found.seq for stream, found in run.shard().anchors().items()} == {"inputs": 10}
    run.close()
    with RunDirectory.open(tmp_path) as reading:
        anchors = reading.shard().anchors()
        assert {stream: found.seq for stream, found in anchors.items()} == {
            "inputs": 10,
            "outputs": 8,
        }


def test_a_damaged_anchor_is_named(run: RunDirectory, tmp_path: Path) -> None:
    run.close()
    (tmp_path / "shard-000" / "anchor.json").write_text('{"inputs": {"seq": 10}}')
    with pytest.raises(CorruptLogError, match=r"anchor\.json"):
        reopened(tmp_path)


def test_writing_needs_the_lock_and_one_opening(run: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="before its writers open"):
        run.shard().open_writers()
    with RunDirectory.open(tmp_path) as reading:
        with pytest.raises(InputError, match="writable=True"):
            reading.shard().open_writers()
        with pytest.raises(InputError, match="open_writers"):
            reading.shard().inputs.append(TICK, 1, 0)


def test_readers_work_beside_the_writer(run: RunDirectory, tmp_path: Path) -> None:
    with RunDirectory.open(tmp_path) as reading:
        assert reading.shard().check().inputs.last_seq == 10
        assert reading.shard().snapshots().latest() is None
        assert reading.shard().index().lookup_order(1) == []
    assert run.shard().index().rebuild() == 8
