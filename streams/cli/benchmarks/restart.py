"""A run of many inputs with snapshots, and a fresh process that takes it up to its first decision.

`python -m streams.cli.benchmarks.restart RUN` is that process; it prints one JSON object.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from schemas.codes import OutputType
from schemas.units import NS_PER_MS
from schemas.wire import iter_raw_outputs
from streams.cli.benchmarks.engine import require
from streams.cli.benchmarks.world import START_NS, World
from streams.log.run import RunDirectory
from streams.replay.decision_hash import DecisionHash
from streams.replay.facts import versions
from streams.replay.journal import Journal
from streams.replay.restore import restore

PIECE = 100_000
WORLD = World(100, 24)


def build(folder: Path, inputs: int, snapshot_every: int) -> None:
    """Writes a run of so many ticks; the process ends without closing it, as a kill would."""
    code = "import sys; from streams.cli.benchmarks.restart import write; write(*sys.argv[1:])"
    command = [sys.executable, "-c", code, str(folder), str(inputs), str(snapshot_every)]
    subprocess.run(command, check=False)


def write(folder: str, inputs: str, snapshot_every: str) -> None:
    """In a process of its own: the run, then SIGKILL."""
    import os
    import signal

    with RunDirectory.create(folder, {"kind": "benchmark", "versions": versions()}) as run:
        log = run.shard()
        engine = restore(log).engine
        journal = Journal(log, engine)
        last_seq, now_ns = np.zeros(256, dtype=np.uint64), START_NS + NS_PER_MS
        store, due = log.snapshots(), int(snapshot_every)
        for batch in (WORLD.setup(), WORLD.books(now_ns, last_seq).tobytes()):
            journal.note(batch, engine.step(batch)[1])
        while engine.seq < int(inputs):
            ticks = WORLD.ticks(PIECE, now_ns, last_seq)
            now_ns = int(ticks["log_ns"][-1])
            batch = ticks.tobytes()
            journal.note(batch, engine.step(batch)[1])
            if due <= engine.seq < int(inputs):
                due += int(snapshot_every)
                journal.wait_durable()
                log.outputs.wait_durable(log.outputs.next_seq - 1)
                position = (engine.seq, engine.out_seq, engine.log_ns)
                chains = (log.inputs.position()[1], log.outputs.position()[1])
                store.put(*position, *chains, engine.state_bytes())
        journal.wait_durable()
        os.kill(os.getpid(), signal.SIGKILL)


def measured(folder: Path) -> dict[str, Any]:
    """One restart: seconds from starting the process to its first durable decision."""
    started_ns = time.perf_counter_ns()
    command = [sys.executable, "-m", "streams.cli.benchmarks.restart", str(folder)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    whole_s = (time.perf_counter_ns() - started_ns) / 1e9
    return {**json.loads(ran.stdout), "whole_s": whole_s}


def first_decision(folder: Path) -> dict[str, Any]:
    """Takes the run up, decides one order, waits until it is durable."""
    started_ns = time.perf_counter_ns()
    with RunDirectory.open(folder, writable=True) as run:
        log = run.shard()
        restored = restore(log)
        engine = restored.engine
        ready_ns = time.perf_counter_ns() - started_ns
        journal = Journal(log, engine)
        order = WORLD.orders(1, engine.seq)
        for name in ("log_ns", "transact_ns", "receive_ns"):
            order[name] = engine.log_ns + NS_PER_MS
        raw = order.tobytes()
        _, outputs = engine.step(raw)
        journal.note(raw, outputs)
        journal.wait_durable()
        decided_ns = time.perf_counter_ns() - started_ns
        hashed = DecisionHash()
        hashed.add(outputs)
        require(hashed.decisions == 1, "the first order after the restart is decided")
        children = sum(kind == OutputType.CHILD for kind, _ in iter_raw_outputs(outputs))
        require(children > 0, "it sends children")
        return {
            "inputs": engine.seq,
            "tail": restored.tail,
            "reappended": restored.reappended,
            "restored_s": ready_ns / 1e9,
            "decided_s": decided_ns / 1e9,
            "decision": hashed.hexdigest(),
        }


if __name__ == "__main__":
    print(json.dumps(first_decision(Path(sys.argv[1]))))
