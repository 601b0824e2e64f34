"""The pieces of the runtime one by one: wakes, shards, journal, clock."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aggregates import kernel
from schemas import decisions
from schemas.codes import ChildState, InputType, OrderState, OutputType, TimeInForce
from schemas.market import QUOTE, TIMER
from schemas.orders import NEW_ORDER
from schemas.units import INSTRUMENT_NONE, INT64_MAX
from streams.clock import ManualClock, SystemClock
from streams.log.run import RunDirectory
from streams.replay.journal import Journal
from streams.replay.shard_run import ShardRun
from streams.replay.sharding import ShardFeed, shard_of
from streams.replay.wakes import SOURCE_TIMER, Wakes, policies_of
from tests.streams.replay.reading import inputs_of, manifest_of

S = 10**9


class Policy:
    """What Wakes reads of a policy."""

    horizon_ns, retry_ns, ack_timeout_ns = 60 * S, 2 * S, 5 * S


def tell(wakes: Wakes, layout: Any, kind: OutputType, **values: Any) -> None:
    """Let the wakes observe a record."""
    wakes.observe(kind, layout.pack(**values))


def decide(wakes: Wakes, log_ns: int, allocated: int, attempt: int = 1, **values: Any) -> None:
    """A decision of order 7 under policy 1."""
    plain = {"order_id": 7, "policy": 1, "attempt": attempt, "allocated_units": allocated}
    tell(wakes, decisions.DECISION, OutputType.DECISION, log_ns=log_ns, **{**plain, **values})


def test_an_order_wakes_at_its_horizon_until_it_ends() -> None:
    wakes = Wakes({1: Policy})
    decide(wakes, 10 * S, allocated=5)
    assert wakes.next_ns(10 * S) == 70 * S
    working, done = int(OrderState.WORKING), int(OrderState.DONE)
    tell(wakes, decisions.ORDER_STATE, OutputType.ORDER_STATE, order_id=7, state=working)
    assert wakes.next_ns(10 * S) == 70 * S
    tell(wakes, decisions.ORDER_STATE, OutputType.ORDER_STATE, order_id=7, state=done)
    assert wakes.next_ns(10 * S) == INT64_MAX


def test_a_decision_without_a_venue_is_tried_again() -> None:
    wakes = Wakes({1: Policy})
    decide(wakes, 10 * S, allocated=0)
    assert wakes.next_ns(10 * S) == 12 * S
    assert wakes.next_ns(12 * S) == 70 * S, "what is due has fired"


def test_an_immediate_order_never_waits() -> None:
    wakes = Wakes({1: Policy})
    decide(wakes, 10 * S, allocated=0, time_in_force=int(TimeInForce.IOC))
    assert wakes.next_ns(0) == INT64_MAX


def test_a_child_wakes_when_its_answer_is_overdue() -> None:
    wakes = Wakes({1: Policy})
    decide(wakes, 10 * S, allocated=5, time_in_force=int(TimeInForce.IOC))
    for child_id in (1, 2):
        tell(wakes, decisions.CHILD, OutputType.CHILD, child_id=child_id, order_id=7, log_ns=10 * S)
    filled = int(ChildState.FILLED)
    acknowledged = int(ChildState.ACKNOWLEDGED)
    tell(wakes, decisions.CHILD_STATE, OutputType.CHILD_STATE, child_id=1, state=filled)
    tell(wakes, decisions.CHILD_STATE, OutputType.CHILD_STATE, child_id=2, state=acknowledged)
    assert wakes.next_ns(10 * S) == 15 * S
    tell(wakes, decisions.CHILD_STATE, OutputType.CHILD_STATE, child_id=2, state=filled)
    assert wakes.next_ns(10 * S) == INT64_MAX


def test_timers_are_numbered() -> None:
    wakes = Wakes({})
    first, second = (TIMER.unpack(wakes.timer(n)) for n in (5, 6))
    assert (first.source, first.source_seq, first.log_ns) == (SOURCE_TIMER, 1, 5)
    assert second.source_seq == 2


def test_wakes_keep_retries_and_expiries_punctual(small_run: Path) -> None:
    """Every TIMER of a run is exactly where something open was due, or the run's last."""
    from tests.streams.replay.reading import outputs_of

    fired = [r.log_ns for kind, r in inputs_of(small_run) if kind == InputType.TIMER]
    made = {e.log_ns for e in outputs_of(small_run) if type(e).__name__ != "QualityEvent"}
    assert len(fired) > 1
    assert all(log_ns in made for log_ns in fired[:-1])


def market(count: int, instruments: int) -> np.ndarray:
    """Quotes in turn, and a broadcast each ten."""
    records = QUOTE.zeros(count)
    records["type"] = int(InputType.QUOTE)
    records["source"] = 1 + np.arange(count) % 2
    records["instrument"] = np.where(
        np.arange(count) % 10 == 9, INSTRUMENT_NONE, np.arange(count) % instruments
    )
    records["log_ns"] = np.arange(count) * 10
    return records


def orders(times: list[int], instrument: int) -> np.ndarray:
    """Orders of one instrument."""
    records = NEW_ORDER.zeros(len(times))
    records["type"] = int(InputType.NEW_ORDER)
    records["source"] = 200
    records["instrument"] = instrument
    records["log_ns"] = times
    return records


def test_shards_are_stable_and_spread() -> None:
    assert [shard_of(key, 64) for key in ("IBM", "BAC", "BTC")] == [54, 5, 47]
    spread = Counter(shard_of(f"SYM{n}", 8) for n in range(8_000))
    assert min(spread.values()) > 800


def test_a_feed_holds_its_instruments_broadcasts_and_orders_in_order() -> None:
    keys = [f"SYM{n}" for n in range(6)]
    chunk = market(200, 6)
    wanted = orders([55, 1_000, 99_999], 4)
    total: Counter[int] = Counter()
    for shard in range(3):
        feed = ShardFeed(shard, 3, keys, wanted)
        batches = [*feed.batches(chunk[:90]), *feed.batches(chunk[90:]), *feed.rest()]
        raw = b"".join(batch.tobytes() for batch in batches)
        times, owned, seqs = read(raw)
        assert times == sorted(times)
        mine = {n for n in range(6) if shard_of(keys[n], 3) == shard} | {INSTRUMENT_NONE}
        assert set(owned) <= mine
        assert seqs == list(range(1, len(seqs) + 1))
        total.update(owned)
    assert total[INSTRUMENT_NONE] == 3 * 20
    assert sum(total.values()) == 180 + 3 * 20 + 3


def read(raw: bytes) -> tuple[list[int], list[int], list[int]]:
    """(times, instruments, source_seq of source 1) of records."""
    from schemas.envelope import HEADER
    from schemas.wire import iter_inputs

    headers = [HEADER.unpack(record) for _, record in iter_inputs(raw)]
    return (
        [h.log_ns for h in headers],
        [h.instrument for h in headers],
        [h.source_seq for h in headers if h.source == 1],
    )


def test_an_order_for_no_instrument_goes_to_the_first_shard() -> None:
    wanted = orders([5], INSTRUMENT_NONE)
    assert [len(ShardFeed(n, 2, ["A"], wanted).orders) for n in range(2)] == [1, 0]


def test_a_journal_shows_outputs_only_once_their_inputs_are_durable(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path / "run", {}) as run:
        log = run.shard(0)
        log.open_writers()
        engine = kernel.load("native")
        journal = Journal(log, engine, is_watched=True)
        quote = QUOTE.pack(type=1, source=1, source_seq=1, log_ns=5, instrument=3)
        _, outputs = engine.step(quote)
        journal.note(quote, outputs)
        assert log.inputs.durable_seq == 0
        assert journal.visible_outputs() == outputs != b""
        assert log.inputs.durable_seq == 1
        assert journal.visible_outputs() == b""
    assert len(inputs_of(tmp_path / "run")) == 1


class Scripted:
    """A market that answers at set times and notes what it is told."""

    def __init__(self, answers: list[int]) -> None:
        self.answers = answers
        self.told: list[Any] = []

    @property
    def earliest_feedback_ns(self) -> int:
        return self.answers[0] if self.answers else INT64_MAX

    @property
    def certain_feedback_ns(self) -> int:
        return self.earliest_feedback_ns

    def advance(self, batch: Any) -> None:
        times, _, _ = read(bytes(batch))
        self.told += times

    def pop_reports(self, until_ns: int) -> bytes:
        self.answers = [ns for ns in self.answers if ns > until_ns]
        return TIMER.pack(type=4, source=220, source_seq=until_ns, log_ns=until_ns)

    def submit(self, record: Any, sent_ns: int) -> None:
        raise AssertionError("nothing was decided")

    def cancel(self, child_id: int, sent_ns: int) -> None:
        raise AssertionError("nothing was sent")

    def replace(self, child_id: int, units: int, limit_nanos: int, sent_ns: int) -> None:
        raise AssertionError("nothing was sent")

    def query(self, child_id: int, sent_ns: int) -> None:
        raise AssertionError("nothing was sent")


def test_the_engine_never_steps_past_the_earliest_feedback(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path / "run", {}) as run:
        log = run.shard(0)
        log.open_writers()
        engine = kernel.load("native")
        market_side = Scripted([25, 30, 30, 500])
        shard = ShardRun(engine, market_side, Journal(log, engine), Wakes({}))
        shard.feed(market(10, 2).tobytes())
        shard.drain()
        shard.journal.flush()
    times = [record.log_ns for _, record in inputs_of(tmp_path / "run")]
    assert times == [0, 10, 20, 25, 30, 30, 40, 50, 60, 70, 80, 90, 500]
    assert market_side.told == times


class Canceller:
    """An engine that asks for a cancel at the second record of three."""

    def __init__(self) -> None:
        self.seq = self.log_ns = self.out_seq = 0

    def step(self, batch: Any, limit_ns: int = 0, stop_on_child: bool = False) -> tuple[int, bytes]:
        self.seq, self.log_ns, self.out_seq = 3, 20, 1
        layout = decisions.CANCEL_CHILD
        kind = int(OutputType.CANCEL_CHILD)
        return len(batch), layout.pack(size=layout.size, type=kind, seq=2, log_ns=7, child_id=9)


class Noting(Scripted):
    """A market that notes cancels between the records that it folds."""

    def cancel(self, child_id: int, sent_ns: int) -> None:
        self.told.append(("cancel", child_id, sent_ns))


def test_a_cancel_meets_the_market_at_the_input_that_it_came_from(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path / "run", {}) as run:
        log = run.shard(0)
        log.open_writers()
        engine: Any = Canceller()
        noting = Noting([])
        ShardRun(engine, noting, Journal(log, engine), Wakes({})).feed(market(3, 2).tobytes())
    assert noting.told == [0, 10, ("cancel", 9, 10), 20]


def test_policies_are_read_from_reference_records(small_run: Path) -> None:
    from streams.replay.summary import leading_reference

    with RunDirectory.open(small_run) as run:
        reference = b"".join(raw for _, raw in leading_reference(run.shard(0)))
    assert sorted(policies_of(reference)) == [1, 2, 3, 4, 5]
    assert manifest_of(small_run)["config"]["orders"]["default_policy"] == "lowest_cost"


def test_clocks() -> None:
    clock = ManualClock(5)
    clock.sleep_ns(10)
    clock.sleep_ns(-3)
    assert clock.now_ns() == clock.elapsed_ns() == 15
    system = SystemClock()
    first = system.now_ns()
    system.sleep_ns(-1)
    started_ns = system.elapsed_ns()
    system.sleep_ns(1_000_000)
    assert system.elapsed_ns() - started_ns >= 1_000_000
    assert system.now_ns() >= first
    system._last_ns = INT64_MAX
    assert system.now_ns() == INT64_MAX, "it never steps back"


@pytest.mark.parametrize("interval", [1, 7])
def test_batch_cuts_change_nothing(tmp_path: Path, interval: int) -> None:
    """The same records in other batches leave the same log."""
    logs = []
    for size in (1_000, interval):
        folder = tmp_path / f"run{size}"
        with RunDirectory.create(folder, {}) as run:
            log = run.shard(0)
            log.open_writers()
            engine = kernel.load("native")
            shard = ShardRun(engine, Scripted([25, 31]), Journal(log, engine), Wakes({}))
            records = market(40, 2)
            for at in range(0, 40, size):
                shard.feed(records[at : at + size].tobytes())
            shard.journal.flush()
        logs.append([tuple(record) for _, record in inputs_of(folder)])
    assert logs[0] == logs[1]
