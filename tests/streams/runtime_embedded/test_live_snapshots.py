"""A live shard's snapshots are taken beside it; a restart leans on nothing that is damaged."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from schemas.codes import InputType
from schemas.commands import Accepted, Refused
from schemas.errors import CorruptLogError
from schemas.orders import NEW_ORDER
from streams.cli.main import main
from streams.config.service import Service, ServiceConfig, SimulatedMarket
from streams.log.anchor_log import AnchorLog
from streams.log.picking import picked, pieces
from streams.log.run import RunDirectory
from streams.log.shard_log import ShardLog
from streams.replay.restore import restore
from streams.runtime_embedded import snapshot_process
from streams.runtime_embedded.command_client import CommandClient
from streams.runtime_embedded.engine_process import SOCKET
from streams.runtime_embedded.known import Known
from streams.runtime_embedded.snapshot_process import DIFFERS, END, MODULE, SnapshotProcess
from tests.streams.replay.tamper import change_and_chain_again
from tests.streams.runtime_embedded.processes import start

MARKET = SimulatedMarket(venues=5, instruments=2, records_per_s=1_000, orders_per_s=50)


def until(holds: Callable[[], bool], what: str) -> None:
    """Waits for something that must come to be."""
    deadline = time.monotonic() + 180
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def children_of(pid: int) -> list[int]:
    """Processes that a process started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(word) for word in listed.split()]


@pytest.fixture(scope="module")
def live_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the service whose snapshot process died once on the way."""
    run = tmp_path_factory.mktemp("live") / "run"
    process = start(ServiceConfig(service=Service(run=str(run), snapshot_s=1), market=MARKET))
    folder = run / "shard-000" / "snapshots"
    until(lambda: any(folder.glob("*.snap")), "a snapshot")
    (follower,) = children_of(process.pid)
    os.kill(follower, signal.SIGKILL)
    until(lambda: children_of(process.pid) not in ([], [follower]), "another process")
    newest = max(folder.glob("*.snap"))
    until(lambda: max(folder.glob("*.snap")) > newest, "a snapshot of the other process")
    process.terminate()
    assert process.wait(60) == 0
    return run


@pytest.fixture
def copy(live_run: Path, tmp_path: Path) -> Path:
    """One to change."""
    return Path(shutil.copytree(live_run, tmp_path / "run"))


def test_they_are_those_of_the_log(live_run: Path) -> None:
    for anchor in AnchorLog(live_run).entries():
        assert anchor["reference_version"] > 10
    assert main(["log", "check", str(live_run)]) == 0
    assert main(["verify", str(live_run)]) == 0
    with RunDirectory.open(live_run) as run:
        last = run.shard().snapshots().entries()[-1]
        assert last.seq == run.shard().check().inputs.last_seq, "the last one is at the end"


def test_what_is_known_is_in_the_log_too(copy: Path) -> None:
    with RunDirectory.open(copy, writable=True) as run:
        log = run.shard()
        seqs = [info.seq for info in log.snapshots().entries()]
        kept, read = Known(log), Known(log)
        kept.start(seqs[-2])
        for path in (log.directory / "known").iterdir():
            path.write_bytes(path.read_bytes()[:-1])
        restored = restore(log, beside=read)
        for frame in log.reader("inputs", seqs[-2] + 1):
            kept.learn(frame.first_seq, frame.payload)
        assert restored.tail == restored.reappended == 0
        assert len(kept.identities.rows()) > 20
        assert read.identities.rows() == kept.identities.rows()
        assert np.array_equal(read.last_seq, kept.last_seq)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("streams.runtime_embedded.known.first_seq", lambda *_: 2)
            with pytest.raises(CorruptLogError, match="restore the file from a copy"):
                Known(log).start(seqs[-1])


def test_a_service_starts_without_its_small_files(copy: Path) -> None:
    for path in (*copy.glob("shard-000/venues/*"), *copy.glob("shard-000/known/*")):
        path.unlink()
    first, raw = newest_order(copy)
    process = start(ServiceConfig(service=Service(run=str(copy), snapshot_s=0), market=MARKET))
    same, other = asyncio.run(asked_again(copy, raw))
    process.terminate()
    assert process.wait(60) == 0
    assert isinstance(same, Accepted)
    assert (same.position, same.is_repeat) == (first, True)
    assert isinstance(other, Refused)
    assert other.reason == "conflicting_repeat"
    assert main(["verify", str(copy)]) == 0


def newest_order(run: Path) -> tuple[int, bytes]:
    """Position and record of the last order of a run."""
    with RunDirectory.open(run) as opened:
        return [
            (seq, bytes(raw))
            for first, records in pieces(opened.shard().reader("inputs"))
            for seq, _, raw in picked("inputs", records, first, (InputType.NEW_ORDER,))
        ][-1]


async def asked_again(run: Path, raw: bytes) -> list[Accepted | Refused]:
    """Answers to an order as it was given, and with other terms under the same name."""
    client = CommandClient(run / SOCKET)
    order = NEW_ORDER.unpack(raw)
    other = NEW_ORDER.pack(**order._replace(order_units=order.order_units + 100)._asdict())
    given = [await client.submit(asked) for asked in (raw, other)]
    await client.close()
    return given


def test_other_outputs_stop_everything(copy: Path) -> None:
    shutil.rmtree(copy / "shard-000" / "snapshots")
    change_and_chain_again(copy, "outputs", 40, lambda r: r.__setitem__(-1, r[-1] ^ 1))
    process = SnapshotProcess(copy, 0, 1, "native")
    process.finish()
    with pytest.raises(CorruptLogError, match="nothing more is decided"):
        process.look_after()


def test_it_ends_with_the_deciding_process(copy: Path, tmp_path: Path) -> None:
    shutil.rmtree(copy / "shard-000" / "snapshots")
    command = [sys.executable, "-m", MODULE, str(copy), "0", "1", "native"]
    gone = subprocess.run(command, stdin=subprocess.DEVNULL, check=False, timeout=60)
    assert gone.returncode == 0
    assert not any((copy / "shard-000" / "snapshots").glob("*.snap"))
    told = subprocess.run(command, input=END, check=False, timeout=60)
    assert told.returncode == 0
    with RunDirectory.open(copy) as run:
        log: ShardLog = run.shard()
        assert log.snapshots().entries()[-1].seq == log.check().inputs.last_seq
    missing = [*command[:3], str(tmp_path / "none"), *command[4:]]
    assert subprocess.run(missing, input=END, check=False).returncode not in (0, DIFFERS)
    assert snapshot_process.follow.__module__ == snapshot_process.MODULE
