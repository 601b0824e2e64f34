"""Read models are the log: however they came about, they are the same rows (P20)."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from projections.store.database import SqliteGenerations
from projections.store.writer import GapError, StoreWriter
from streams.log.run import RunDirectory
from streams.log.tail import InputTail, OutputTail
from streams.projector import Projector, run_key
from streams.rebuild import rebuild, status
from tests.projections.store.world import HISTORY_NS, LivingRun, dump, same

BATCHES = (1, 700, 5_000, 60_000)


RARE = {
    *("kills", "alarms", "refusals", "amendments", "child_requests", "breaks"),
    "account_positions",
}
"""What the market of this run does not bring; test_amended and the engine's random tape do."""


def test_the_run_has_something_of_everything(projected: str) -> None:
    rows = dump(projected)
    empty = [name for name, found in rows.items() if not found]
    assert set(empty) <= RARE
    assert len(rows["fills"]) > 300
    assert len(rows["decisions"]) > 200


@pytest.mark.parametrize("max_bytes", BATCHES)
def test_rows_do_not_depend_on_where_batches_end(
    finished_run: Path, projected: str, tmp_path: Path, max_bytes: int
) -> None:
    store = project(finished_run, tmp_path, max_bytes, restart_every=10**9)
    assert same(dump(store), dump(projected)) == []


def test_rows_do_not_depend_on_restarts(finished_run: Path, projected: str, tmp_path: Path) -> None:
    store = project(finished_run, tmp_path, 3_000, restart_every=3)
    assert same(dump(store), dump(projected)) == []


def project(run: Path, folder: Path, max_bytes: int, restart_every: int) -> str:
    """Project in small batches, forgetting everything that is not stored now and then.

    Each batch is given twice: the second time there is nothing new in it.
    """
    generations = SqliteGenerations(folder / "pieces")
    generations.create(1)
    generations.make_current(1)
    writer = StoreWriter(generations.engine(1, bulk=True), run_key(run), HISTORY_NS)
    with RunDirectory.open(run) as opened:
        directories = {shard: opened.shard(shard).directory for shard in opened.shards()}
    for shard, directory in directories.items():
        outputs, inputs = OutputTail(directory, shard, 0, max_bytes), InputTail(directory, shard, 0)
        for number, batch in enumerate(outputs.batches(), 1):
            writer.apply(shard, batch, inputs.upto(batch.last_seq))
            if number % 5 == 0:
                assert writer.apply(shard, batch) == 0
            if number % restart_every == 0:
                writer.forget()
                inputs = InputTail(directory, shard, writer.position(shard).seq)
    writer.close()
    return generations.url


def test_a_gap_is_refused_and_nothing_is_stored(finished_run: Path, tmp_path: Path) -> None:
    generations = SqliteGenerations(tmp_path / "gap")
    generations.create(1)
    writer = StoreWriter(generations.engine(1), run_key(finished_run), HISTORY_NS)
    with RunDirectory.open(finished_run) as opened:
        directory = opened.shard(0).directory
    first, second, third, *_ = OutputTail(directory, 0, 0, 10_000).batches()
    writer.apply(0, first, InputTail(directory, 0, 0).upto(first.last_seq))
    with pytest.raises(GapError, match=f"{second.first_out_seq} to {second.last_out_seq}"):
        writer.apply(0, third)
    assert writer.position(0).out_seq == first.last_out_seq
    writer.close()


def test_a_second_writer_is_noticed(finished_run: Path, tmp_path: Path) -> None:
    generations = SqliteGenerations(tmp_path / "two")
    generations.create(1)
    one, two = (
        StoreWriter(generations.engine(1), run_key(finished_run), HISTORY_NS) for _ in range(2)
    )
    with RunDirectory.open(finished_run) as opened:
        directory = opened.shard(0).directory
    first, second, *_ = OutputTail(directory, 0, 0, 10_000).batches()
    inputs = InputTail(directory, 0, 0)
    records = inputs.upto(first.last_seq)
    one.apply(0, first, records)
    two.position(0)
    one.apply(0, second, inputs.upto(second.last_seq))
    with pytest.raises(Exception, match=r"moved by another writer|UNIQUE"):
        two.apply(0, second, InputTail(directory, 0, first.last_seq).upto(second.last_seq))
    one.close()
    two.close()


@pytest.mark.promise(p=20)
def test_live_rows_equal_rebuilt_ones(tmp_path: Path, store_url: str) -> None:
    living = LivingRun(tmp_path / "run", shards=2)
    projector = Projector(tmp_path / "run", store_url, HISTORY_NS)
    for _ in range(12):
        living.write(2)
        projector.step()
    living.finish()
    while projector.step():
        pass
    live = dump(store_url)
    assert status(tmp_path / "run", store_url)["shards"][0]["lag"] == 0
    before = status(tmp_path / "run", store_url)["generation"]
    done = rebuild(tmp_path / "run", store_url, HISTORY_NS)
    assert (done.replaced, done.generation) == (before, before + 1)
    assert same(live, dump(store_url)) == []
    projector.step()  # goes on in the new generation
    assert projector.generation == done.generation
    projector.close()


def test_both_databases_hold_the_same(
    finished_run: Path, projected: str, postgres_url: str
) -> None:
    rebuild(finished_run, postgres_url, HISTORY_NS)
    assert same(dump(postgres_url), dump(projected)) == []


CHILD = """
import sys
from pathlib import Path
from streams.projector import Projector
from streams.rebuild import rebuild
run, url, history_ns, verb = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
print("ready", flush=True)
if verb == "rebuild":
    rebuild(run, url, history_ns)
else:
    projector = Projector(run, url, history_ns)
    while projector.step():
        pass
"""


@pytest.mark.promise(p=20)
@pytest.mark.parametrize("verb", ["project", "rebuild"])
def test_killed_at_any_time_nothing_is_missing_or_double(
    finished_run: Path, projected: str, store_url: str, full_size: bool, verb: str
) -> None:
    kills = 20 if full_size else 5
    if verb == "rebuild":
        rebuild(finished_run, store_url, HISTORY_NS)
    killed = sum(kill_after(finished_run, store_url, verb, n / kills) for n in range(kills))
    command = [sys.executable, "-c", CHILD, str(finished_run), store_url, str(HISTORY_NS), verb]
    subprocess.run(command, check=True, capture_output=True)
    print(f"{verb}: {killed} of {kills} killed before they were done")
    assert killed >= kills // 2
    assert same(dump(store_url), dump(projected)) == []


def kill_after(run: Path, url: str, verb: str, share: float) -> bool:
    """Start, wait a share of how long it takes, kill; whether it was still at work."""
    command = [sys.executable, "-c", CHILD, str(run), url, str(HISTORY_NS), verb]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.05 + share * 0.4 + random.random() * 0.05)
        was_running = child.poll() is None
        child.send_signal(signal.SIGKILL)
    return was_running
