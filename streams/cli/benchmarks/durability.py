"""The log beside the device it writes to: rate, time to durable, restart, pause of a snapshot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from schemas.units import NS_PER_MS, NS_PER_S
from streams.cli.benchmarks import restart
from streams.cli.benchmarks.engine import require
from streams.cli.benchmarks.timing import Result, from_samples, rate
from streams.cli.benchmarks.world import START_NS, World
from streams.log.facts import run_facts
from streams.log.run import RunDirectory
from streams.log.shard_log import ShardLog
from streams.replay.facts import versions
from streams.replay.journal import Journal
from streams.replay.restore import restore

ORDERS_PER_S = 20_000
GROUP = 1_024
PROBES = 400
TICKS_PER_S = 200_000
SUB_BATCH = 64
START_S = 1.0


def log_durable(folder: Path, is_full: bool) -> Result:
    """Ticks through the log alone with group sync, until all are on disk."""
    world, last_seq = World(500, 24), np.zeros(256, dtype=np.uint64)
    count = 10_000_000 if is_full else 2_000_000
    ticks = world.ticks(min(count, 2_000_000), START_NS, last_seq)
    raw, size = memoryview(ticks.tobytes()), ticks.itemsize * GROUP
    batches = [raw[start : start + size] for start in range(0, len(raw), size)]
    repeats = count // len(ticks)
    with RunDirectory.create(folder, {"versions": versions()}) as run:
        log = run.shard()
        log.open_writers()
        started_ns = time.perf_counter_ns()
        for _ in range(repeats):
            for batch in batches:
                log.inputs.append(batch, len(batch) // ticks.itemsize, START_NS)
        require(log.inputs.wait_durable(log.inputs.next_seq - 1, 120.0), "all is durable")
        elapsed_ns = time.perf_counter_ns() - started_ns
    return rate("log.durable", "inputs/s", count, elapsed_ns)


def bytes_per_tick(folder: Path) -> Result:
    """Bytes on disk of the input log for a tick, of a run on a simulated market."""
    with RunDirectory.open(folder) as run:
        facts = run_facts(run)
    value = float(facts["bytes_per_tick"])
    return Result(name="log.bytes_per_tick", unit="bytes", value=value, n=facts["ticks"])


class OrderToDurable:
    """Orders at a fixed rate, open loop: from when each was due until its decision is durable.

    In the same run the device alone is timed: a write of the mean group's size and fdatasync, half
    of the probes before the orders and half after.
    """

    def __init__(self, folder: Path, is_full: bool) -> None:
        self.folder, self.seconds = folder, 30 if is_full else 5
        self.samples: list[float] = []
        self.device: list[float] = []
        self.counters: dict[str, Any] = {}

    def orders(self) -> Result:
        """ms from due to durable."""
        self._measure()
        return from_samples("order_to_durable", "ms", self.samples)

    def fdatasync(self) -> Result:
        """ms of the device's own write and fdatasync of a group's bytes."""
        self._measure()
        return from_samples("order_to_durable.fdatasync", "ms", self.device)

    def ratio(self) -> Result:
        """The p99 of orders over the p99 of the device."""
        self._measure()
        both = [float(np.percentile(x, 99)) for x in (self.samples, self.device)]
        value = round(both[0] / both[1], 2)
        n = len(self.samples)
        return Result(name="order_to_durable.ratio", unit="x", value=value, n=n)

    def stages(self) -> Result:
        """us an order behind the decision: handing over, and what the writer threads do.

        `value` is all of them but the sync, which a group shares.
        """
        self._measure()
        orders, kept = len(self.samples), self.counters
        us = {
            "append": kept["append_ns"] / orders / 1e3,
            "write_inputs": kept["inputs"]["write_ns"] / orders / 1e3,
            "write_outputs": kept["outputs"]["write_ns"] / orders / 1e3,
        }
        groups = max(1, kept["inputs"]["groups"])
        more = {f"{name}_us": round(value, 3) for name, value in us.items()}
        more["sync_us_a_group"] = round(kept["inputs"]["sync_ns"] / groups / 1e3, 1)
        more["orders_a_group"] = round(orders / groups, 2)
        value = round(sum(us.values()), 3)
        return Result(name="log.stages", unit="us", value=value, n=orders, more=more)

    def _measure(self) -> None:
        if self.samples:
            return
        with RunDirectory.create(self.folder, {"versions": versions()}) as run:
            log = run.shard()
            shard = OrderStream(log, self.seconds)
            mean = shard.group_bytes(NS_PER_S // 4)
            self.device += probe(self.folder / "probe", mean, PROBES)
            before = shard.counters()
            self.samples = shard.run()
            self.counters = difference(before, shard.counters())
            self.device += probe(self.folder / "probe", mean, PROBES)


class OrderStream:
    """An engine that gets one order each 1/ORDERS_PER_S second and logs it at once."""

    def __init__(self, log: ShardLog, seconds: int) -> None:
        self.log = log
        self.engine = restore(log).engine
        self.journal = Journal(log, self.engine)
        world, last_seq = World(100, 24), np.zeros(256, dtype=np.uint64)
        for batch in (world.setup(), world.books(START_NS + NS_PER_MS, last_seq).tobytes()):
            self.journal.note(batch, self.engine.step(batch)[1])
        count = ORDERS_PER_S * (seconds + 1)
        orders = world.orders(count, 0)
        orders["order_units"] = 1
        for name in ("log_ns", "transact_ns", "receive_ns"):
            orders[name] = START_NS + 2 * NS_PER_MS + np.arange(count) * (NS_PER_S // ORDERS_PER_S)
        self.size, self.raw = orders.itemsize, memoryview(orders.tobytes())
        self.given = self.append_ns = 0

    def counters(self) -> dict[str, Any]:
        """What handing over took, and what both writers did."""
        log = self.log
        streams = {"inputs": log.inputs.stats(), "outputs": log.outputs.stats()}
        return {"append_ns": self.append_ns, **streams}

    def group_bytes(self, span_ns: int) -> int:
        """Mean bytes of a group at the rate, from a short run."""
        before = self.log.inputs.stats()
        self._drive(span_ns)
        after = self.log.inputs.stats()
        groups = after["groups"] - before["groups"]
        return int((after["bytes"] - before["bytes"]) / max(1, groups))

    def run(self) -> list[float]:
        """ms of every order."""
        left_ns = (len(self.raw) // self.size - self.given) * NS_PER_S // ORDERS_PER_S
        return self._drive(left_ns)

    def _drive(self, span_ns: int) -> list[float]:
        """Gives orders as they fall due and looks for what became durable in between."""
        gap_ns, samples = NS_PER_S // ORDERS_PER_S, []
        waiting: deque[tuple[int, int]] = deque()
        started_ns = time.perf_counter_ns()
        due_ns, end_ns = started_ns, started_ns + span_ns
        writer = self.log.inputs
        while due_ns < end_ns or waiting:
            now_ns = time.perf_counter_ns()
            while due_ns <= now_ns and due_ns < end_ns:
                self._give()
                waiting.append((self.engine.seq, due_ns))
                due_ns += gap_ns
                begun_ns = time.perf_counter_ns()
                self.journal.flush()
                self.append_ns += time.perf_counter_ns() - begun_ns
            durable_seq, now_ns = writer.durable_seq, time.perf_counter_ns()
            while waiting and waiting[0][0] <= durable_seq:
                samples.append((now_ns - waiting.popleft()[1]) / 1e6)
            time.sleep(0)
        return samples

    def _give(self) -> None:
        order = self.raw[self.given * self.size : (self.given + 1) * self.size]
        self.given += 1
        self.journal.note(order, self.engine.step(order)[1])


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """After minus before, in nested counters too."""
    return {
        name: difference(before[name], value) if isinstance(value, dict) else value - before[name]
        for name, value in after.items()
    }


def probe(path: Path, size: int, count: int) -> list[float]:
    """ms of appending `size` bytes and fdatasync, `count` times."""
    samples, content = [], os.urandom(size)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(count):
            started_ns = time.perf_counter_ns()
            os.write(descriptor, content)
            os.fdatasync(descriptor)
            samples.append((time.perf_counter_ns() - started_ns) / 1e6)
    finally:
        os.close(descriptor)
        path.unlink()
    return samples


def recovery(folder: Path, is_full: bool) -> Result:
    """Seconds from starting a process to its first durable decision, after a kill."""
    inputs = 10_000_000 if is_full else 1_000_000
    restart.build(folder, inputs, inputs // 12)
    samples = [restart.measured(folder)["whole_s"] for _ in range(20 if is_full else 5)]
    return from_samples("recovery.10m", "s", samples, n=inputs)


def pauses(folder: Path, how: str, is_full: bool) -> Result:
    """ms of each 64-tick step of a loop at 200,000 ticks a second while snapshots are taken.

    `how`: `none` (no snapshot), `in_process` (the loop encodes and writes), `beside` (a process of
    its own follows the log; the loop does nothing for it).
    """
    world, last_seq = World(100, 24), np.zeros(256, dtype=np.uint64)
    with RunDirectory.create(folder, {"versions": versions()}) as run:
        log = run.shard()
        engine = restore(log).engine
        journal = Journal(log, engine)
        for batch in (world.setup(), world.books(START_NS + NS_PER_MS, last_seq).tobytes()):
            journal.note(batch, engine.step(batch)[1])
        journal.wait_durable()
        count = TICKS_PER_S * (20 if is_full else 4)
        ticks = world.ticks(count, engine.log_ns, last_seq)
        raw, size = memoryview(ticks.tobytes()), ticks.itemsize * SUB_BATCH
        taker = Taker(log, journal, how, count // 8)
        with taker:
            samples = []
            due_ns = time.perf_counter_ns()
            for start in range(0, len(raw), size):
                tick_batch = raw[start : start + size]
                while time.perf_counter_ns() < due_ns:
                    time.sleep(0)
                due_ns += SUB_BATCH * NS_PER_S // TICKS_PER_S
                begun_ns = time.perf_counter_ns()
                journal.note(tick_batch, engine.step(tick_batch)[1])
                journal.flush()
                taker.look()
                samples.append((time.perf_counter_ns() - begun_ns) / 1e6)
        require(how == "none" or taker.taken() > 0, "snapshots are taken")
    name = "snapshot.pause" if how == "beside" else f"snapshot.pause.{how}"
    return from_samples(name, "ms", samples)


class Taker:
    """Takes snapshots in one of the ways."""

    def __init__(self, log: ShardLog, journal: Journal, how: str, every: int) -> None:
        self.log, self.journal, self.how, self.every = log, journal, how, every
        self.due = journal.engine.seq + every
        self.store = log.snapshots()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> None:
        if self.how == "beside":
            run, every = str(self.log.directory.parent), str(self.every)
            command = [sys.executable, "-m", "streams.cli.main", "log", "follow", run]
            quiet = subprocess.DEVNULL
            self._process = subprocess.Popen(
                [*command, "--every", every], stdout=quiet, stderr=quiet
            )
            time.sleep(START_S)

    def __exit__(self, *error: object) -> None:
        if self._process is not None:
            time.sleep(START_S)
            self._process.send_signal(signal.SIGINT)
            self._process.wait()

    def look(self) -> None:
        """Takes a snapshot in the loop when one is due there."""
        engine = self.journal.engine
        if self.how != "in_process" or engine.seq < self.due:
            return
        self.due = engine.seq + self.every
        self.journal.wait_durable()
        position = (engine.seq, engine.out_seq, engine.log_ns)
        chains = (self.log.inputs.position()[1], self.log.outputs.position()[1])
        self.store.put(*position, *chains, engine.state_bytes())

    def taken(self) -> int:
        """How many there are."""
        return len(self.store.entries())
