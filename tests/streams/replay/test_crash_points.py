"""Wherever a log is cut off and however its inputs are batched, what follows is the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.wire import iter_inputs
from streams.log.run import RunDirectory
from streams.log.shard_log import ShardLog
from streams.replay.journal import Journal
from streams.replay.restore import restore

RECORDS = 700
SIZES = st.lists(st.integers(1, 200), min_size=1, max_size=12)
CUT = st.integers(0, 3_000)


@pytest.fixture(scope="module")
def records(small_run: Path) -> list[bytes]:
    """Return the first inputs of a run."""
    with RunDirectory.open(small_run) as run:
        payload = b"".join(bytes(f.payload) for f in run.shard().reader("inputs"))
    return [raw for _, raw in iter_inputs(payload)][:RECORDS]


def feed(log: ShardLog, records: list[bytes], sizes: list[int], until: int) -> None:
    """Steps and logs batches of these sizes, a frame each, up to an input, with snapshots."""
    engine = restore(log).engine
    journal, turn = Journal(log, engine), 0
    while engine.seq < until:
        size = sizes[turn % len(sizes)]
        batch = b"".join(records[engine.seq : min(until, engine.seq + size)])
        journal.note(batch, engine.step(batch)[1])
        journal.wait_durable()
        turn += 1
        if turn % 3 == 0 and log.outputs.next_seq > 1:
            log.outputs.wait_durable(log.outputs.next_seq - 1)
            chains = (log.inputs.position()[1], log.outputs.position()[1])
            position = (engine.seq, engine.out_seq, engine.log_ns)
            log.snapshots().put(*position, *chains, engine.state_bytes())


def outputs(run: Path) -> bytes:
    """All output records."""
    with RunDirectory.open(run) as opened:
        return b"".join(bytes(frame.payload) for frame in opened.shard().reader("outputs"))


def cut(run: Path, stream: str, size: int) -> None:
    """Takes bytes off the end of the last segment, as far as it has them."""
    paths = sorted((run / "shard-000").glob(f"{stream}-*.seg"))
    if paths:
        data = paths[-1].read_bytes()
        paths[-1].write_bytes(data[: max(0, len(data) - size)])


@pytest.fixture(scope="module")
def whole(records: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the outputs of a run that nothing disturbed, in one batch."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with RunDirectory.create(folder, {}) as run:
        feed(run.shard(), records, [RECORDS], RECORDS)
    return outputs(folder)


class Undisturbed:
    """The inputs, and the outputs of one run over them; not shown when an example fails."""

    def __init__(self, records: list[bytes], outputs: bytes) -> None:
        self.records, self.outputs = records, outputs

    def __repr__(self) -> str:
        return "undisturbed"


@pytest.fixture(scope="module")
def run_of(records: list[bytes], whole: bytes) -> Undisturbed:
    """Return both."""
    return Undisturbed(records, whole)


@given(SIZES, SIZES, st.integers(1, RECORDS - 1), CUT, CUT)
@settings(max_examples=15, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_any_crash_point_and_any_batches(
    run_of: Undisturbed,
    tmp_path_factory: pytest.TempPathFactory,
    before: list[int],
    after: list[int],
    crash: int,
    lost: int,
    lost_outputs: int,
) -> None:
    folder = tmp_path_factory.mktemp("crash")
    with RunDirectory.create(folder / "run", {}) as run:
        feed(run.shard(), run_of.records, before, crash)
        for writer in (run.shard().inputs, run.shard().outputs):
            if writer.next_seq > 1:
                writer.wait_durable(writer.next_seq - 1)
        shutil.copytree(folder / "run", folder / "copy")  # as a crash leaves it, not closed
    cut(folder / "copy", "inputs", lost)
    cut(folder / "copy", "outputs", lost_outputs)
    with RunDirectory.open(folder / "copy", writable=True) as run:
        feed(run.shard(), run_of.records, after, RECORDS)
    assert outputs(folder / "copy") == run_of.outputs
    shutil.rmtree(folder)
