"""Promise 6: one order per command, whatever is repeated, across restarts."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aggregates.kernel import Engine
from schemas.codes import ExecType, InputType, OutputType, Reason
from schemas.decisions import CHILD, DECISION, REFUSAL
from schemas.orders import NEW_ORDER
from schemas.reports import EXEC_REPORT
from schemas.units import NS_PER_MS
from schemas.wire import iter_raw_outputs
from streams.cli.benchmarks.world import CONFIG, HORIZON_MS, STALE_MS, START_NS, World
from streams.config.records import config_records
from streams.log.run import RunDirectory
from streams.replay.facts import versions
from streams.replay.journal import Journal
from streams.replay.restore import restore
from streams.sources.orders import SOURCE_ORDERS

BLOCK = 50
REPEATS = 0.1
WINDOW = 10_000
"""Orders a window: one a millisecond, remembered for ten seconds."""
REPORTS = 220


class Desk:
    """Sends commands, many of them again, and keeps books of its own about what must happen."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.first: list[bytes] = []
        self.sent = 0
        self.planted: Counter[str] = Counter()

    def block(self, now_ns: int) -> bytes:
        """The next commands, one a millisecond."""
        orders = World(2, 4).orders(BLOCK, len(self.first))
        orders["log_ns"] = now_ns + (1 + np.arange(BLOCK)) * NS_PER_MS
        orders["transact_ns"] = orders["receive_ns"] = orders["log_ns"]
        orders["order_units"] = 1 + self.dice.randrange(5)
        return b"".join(self._one(orders[n : n + 1]) for n in range(BLOCK))

    def _one(self, order: np.ndarray) -> bytes:
        kind = self.dice.choices(("again", "old", "conflict", "new"), (5, 3, 2, 90))[0]
        reach = {"again": WINDOW - BLOCK, "conflict": WINDOW - BLOCK, "old": len(self.first)}
        fresh = order.copy()
        if kind != "new":
            back = self.dice.randint(1, reach[kind]) + (WINDOW + BLOCK if kind == "old" else 0)
            if back <= len(self.first):
                return self._repeat(kind, self.first[-back], fresh)
        fresh["cl_ord_id"] = b"N%d" % len(self.first)
        raw = self._numbered(fresh)
        self.first.append(raw)
        self.planted["new"] += 1
        return raw

    def _repeat(self, kind: str, raw: bytes, order: np.ndarray) -> bytes:
        again = np.frombuffer(raw, dtype=NEW_ORDER.dtype).copy()
        age_ns = int(order["log_ns"][0]) - int(again["transact_ns"][0])
        again["log_ns"] = order["log_ns"]
        if kind == "conflict":
            again["order_units"] += 1
        is_old = age_ns > WINDOW * NS_PER_MS
        self.planted["old" if is_old else kind] += 1
        return self._numbered(again)

    def _numbered(self, order: np.ndarray) -> bytes:
        self.sent += 1
        order["source_seq"] = self.sent
        raw: bytes = order.tobytes()
        return raw


class Broker:
    """Cancels every child, and counts decisions and refusals by order."""

    def __init__(self) -> None:
        self.reports = 0
        self.children: Counter[int] = Counter()
        self.decided: dict[bytes, int] = {}
        self.double = 0
        self.refused: Counter[int] = Counter()
        self.wrong = 0

    def answer(self, outputs: bytes, now_ns: int) -> bytes:
        """Reports to what was said."""
        reports = []
        for kind, raw in iter_raw_outputs(outputs):
            if kind == OutputType.CHILD:
                reports.append(self._report(CHILD.unpack(raw), now_ns))
            elif kind == OutputType.DECISION:
                self._decision(DECISION.unpack(raw))
            elif kind == OutputType.REFUSAL:
                self._refusal(REFUSAL.unpack(raw))
        return b"".join(reports)

    def _decision(self, decision: Any) -> None:
        if decision.attempt == 1:
            self.double += decision.cl_ord_id in self.decided
            self.decided[decision.cl_ord_id] = decision.out_seq

    def _refusal(self, refusal: Any) -> None:
        self.refused[refusal.reason] += 1
        if refusal.reason in (Reason.DUPLICATE_ORDER, Reason.CONFLICTING_REPEAT):
            self.wrong += refusal.value != self.decided[refusal.cl_ord_id]

    def _report(self, child: Any, now_ns: int) -> bytes:
        self.reports += 1
        self.children[child.child_id] += 1
        return EXEC_REPORT.pack(
            type=int(InputType.EXEC_REPORT),
            venue=child.venue,
            source=REPORTS,
            instrument=child.instrument,
            source_seq=self.reports,
            log_ns=now_ns,
            child_id=child.child_id,
            exec_type=int(ExecType.CANCELED),
        )


def snapshot(run: RunDirectory, journal: Journal, engine: Engine) -> None:
    """Stores the state, everything up to it being durable."""
    journal.wait_durable()
    log = run.shard()
    log.outputs.wait_durable(log.outputs.next_seq - 1)
    position = (engine.seq, engine.out_seq, engine.log_ns)
    chains = (log.inputs.position()[1], log.outputs.position()[1])
    log.snapshots().put(*position, *chains, engine.state_bytes())


def reference() -> bytes:
    """What the log starts with: a small world with every book filled."""
    world = World(2, 4)
    records = world.reference()
    config = config_records(CONFIG, records, stale_ms=STALE_MS, horizon_ms=HORIZON_MS)
    books = world.books(START_NS + NS_PER_MS, np.zeros(256, dtype=np.uint64))
    return records + config + books.tobytes()


@pytest.mark.promise(p=6)
def test_one_order_per_command(tmp_path: Path, full_size: bool, seed: int) -> None:
    commands = 1_000_000 if full_size else 20_000
    restarts = 50 if full_size else 5
    desk, broker, dice = Desk(3 + seed), Broker(), random.Random(5 + seed)
    RunDirectory.create(tmp_path / "run", {"versions": versions()}).close()
    again = 0
    while desk.sent < commands:
        with RunDirectory.open(tmp_path / "run", writable=True) as run:
            restored = restore(run.shard())
            engine = restored.engine
            journal = Journal(run.shard(), engine)
            if engine.seq == 0:
                records = reference()
                _, outputs = engine.step(records)
                journal.note(records, outputs)
            until = desk.sent + commands // restarts
            shoot_at = dice.randint(0, until)
            while desk.sent < min(until, commands):
                batch = desk.block(engine.log_ns)
                _, outputs = engine.step(batch)
                journal.note(batch, outputs)
                reports = broker.answer(outputs, engine.log_ns)
                _, outputs = engine.step(reports)
                journal.note(reports, outputs)
                assert not broker.answer(outputs, engine.log_ns)
                # A command may come twice as it is, too: its number in its source is known.
                _, outputs = engine.step(batch[-NEW_ORDER.size :])
                journal.note(batch[-NEW_ORDER.size :], outputs)
                assert not broker.answer(outputs, engine.log_ns)
                if desk.sent >= shoot_at:
                    snapshot(run, journal, engine)
                    shoot_at = until + 1
            journal.flush()
        again += 1
    told = broker.refused
    assert broker.double == 0
    assert max(broker.children.values()) == 1
    assert broker.wrong == 0
    assert len(broker.decided) == desk.planted["new"]
    assert told[Reason.DUPLICATE_ORDER] == desk.planted["again"]
    assert told[Reason.CONFLICTING_REPEAT] == desk.planted["conflict"]
    assert told[Reason.TOO_OLD] == desk.planted["old"]
    assert told[Reason.DUPLICATE_INPUT] == desk.sent // BLOCK
    print(f"commands={desk.sent} {dict(desk.planted)} restarts={again} double sends=0 wrong=0")


def test_source_of_orders_is_the_desks() -> None:
    assert World(2, 4).orders(1, 0)["source"][0] == SOURCE_ORDERS
