"""A replay's run: the same bytes each time, verified by both cores, nothing out of order."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from schemas.codes import ExecType, InputType
from schemas.errors import InputError
from schemas.events import (
    ChildEvent,
    ChildStateEvent,
    OrderStateEvent,
    RefusalEvent,
    SmartRoutingDecisionEvent,
)
from streams.replay.interrupt import Interrupt
from streams.replay.verify import verify
from tests.streams.replay.dataset import START_MS, make_run
from tests.streams.replay.reading import inputs_of, manifest_of, outputs_of

Dataset = tuple[Path, Path]
MS = 1_000_000


@pytest.mark.parametrize("wrote", ["native", "reference"])
@pytest.mark.parametrize("core", ["native", "reference"])
def test_either_core_verifies_what_either_core_wrote(
    small_dataset: Dataset, tmp_path: Path, wrote: str, core: str
) -> None:
    result = make_run(small_dataset, tmp_path / "run", core=wrote, orders=30)
    verdict, found = verify(tmp_path / "run", core, Interrupt())
    assert verdict.passed, verdict.first_divergence
    assert found["mismatches"] == 0
    assert found["decisions"] == result["decisions"] > 30
    for name in ("inputs", "state_hash", "decision_hash"):
        assert found[name] == result[name]


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    small_dataset: Dataset, small_run: Path, tmp_path: Path
) -> None:
    first = manifest_of(small_run)
    again = make_run(small_dataset, tmp_path / "again")
    other = make_run(small_dataset, tmp_path / "other", seed=8)
    for name in ("decision_hash", "state_hash", "inputs", "outputs"):
        assert again[name] == first[name]
    assert other["decision_hash"] != first["decision_hash"]


def test_nothing_is_left_open(small_run: Path) -> None:
    orders: dict[int, str] = {}
    children: dict[int, str] = {}
    for event in outputs_of(small_run):
        if isinstance(event, OrderStateEvent):
            orders[event.order_id] = event.state
        elif isinstance(event, ChildStateEvent):
            children[event.child_id] = event.state
    assert set(orders.values()) <= {"done", "canceled", "expired"}
    assert set(children.values()) <= {"filled", "canceled", "expired", "rejected"}
    assert len(orders) > 30


def test_no_child_is_answered_before_its_decision_is_logged_and_could_travel(
    small_run: Path,
) -> None:
    inputs, outputs = inputs_of(small_run), outputs_of(small_run)
    travel_ms = {0: 2, 1: 12, 2: 0}
    sent: dict[int, ChildEvent] = {}
    for event in outputs:
        if isinstance(event, ChildEvent):
            decision = outputs[event.decision_id - 1]
            assert isinstance(decision, SmartRoutingDecisionEvent)
            assert decision.out_seq < event.out_seq
            assert decision.seq == event.seq
            sent[event.child_id] = event
    answers = 0
    for seq, (kind, record) in enumerate(inputs, start=1):
        if kind == InputType.EXEC_REPORT:
            child = sent[record.child_id]
            answers += 1
            assert seq > child.seq
            assert record.log_ns >= inputs[child.seq - 1][1].log_ns + travel_ms[child.venue] * MS
    assert answers >= 2 * len(sent) > 60


def test_inputs_stand_in_total_order_and_none_is_refused_for_it(small_run: Path) -> None:
    keys = [(r.log_ns, 0) for _, r in inputs_of(small_run)]
    assert keys == sorted(keys)
    refused = {e.reason for e in outputs_of(small_run) if isinstance(e, RefusalEvent)}
    assert not refused & {"time_backwards", "duplicate_input", "unknown_child", "duplicate_trade"}
    sources: dict[int, int] = defaultdict(int)
    for _, record in inputs_of(small_run):
        sources[record.source] += 1
        assert record.source_seq == sources[record.source]


def test_quantity_is_conserved(small_run: Path) -> None:
    """Sums of what went in against what came out, from the logs alone."""
    inputs, outputs = inputs_of(small_run), outputs_of(small_run)
    asked = {s: r.order_units for s, (k, r) in enumerate(inputs, 1) if k == InputType.NEW_ORDER}
    wanted: dict[int, int] = {}
    order_of: dict[int, int] = {}
    live: dict[int, dict[int, int]] = defaultdict(dict)
    filled: dict[int, int] = defaultdict(int)
    for event in outputs:
        if isinstance(event, ChildEvent):
            order_of[event.child_id], wanted[event.child_id] = event.order_id, event.units
            live[event.order_id][event.child_id] = event.units
        elif isinstance(event, ChildStateEvent):
            filled[event.order_id] += event.last_units
            open_units = event.units - event.cum_units
            ended = event.state in {"filled", "canceled", "expired", "rejected"}
            live[event.order_id][event.child_id] = 0 if ended else open_units
        for order_id, children in live.items():
            assert filled[order_id] + sum(children.values()) <= asked[order_id]
    reported: dict[int, int] = defaultdict(int)
    for kind, record in inputs:
        if kind == InputType.EXEC_REPORT and record.exec_type == ExecType.TRADE:
            reported[order_of[record.child_id]] += record.last_units
            wanted[record.child_id] -= record.last_units
            assert wanted[record.child_id] >= 0
    assert {k: v for k, v in filled.items() if v} == reported
    last = {e.order_id: e for e in outputs if isinstance(e, OrderStateEvent)}
    assert {k: e.cum_units for k, e in last.items() if e.cum_units} == reported
    assert sum(reported.values()) > 0


def test_money_is_conserved(small_run: Path) -> None:
    inputs, outputs = inputs_of(small_run), outputs_of(small_run)
    order_of = {e.child_id: e.order_id for e in outputs if isinstance(e, ChildEvent)}
    paid: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for kind, record in inputs:
        if kind == InputType.EXEC_REPORT and record.exec_type == ExecType.TRADE:
            sums = paid[order_of[record.child_id]]
            sums[0] += record.last_units * record.last_nanos
            sums[1] += record.fee_nanos
    last = {e.order_id: e for e in outputs if isinstance(e, OrderStateEvent)}
    assert {k: [e.notional, e.fee_nanos] for k, e in last.items() if e.cum_units} == paid


def test_the_manifest_says_what_was_done(small_run: Path) -> None:
    manifest = manifest_of(small_run)
    assert manifest["complete"] is True
    assert manifest["interrupted"] is False
    assert manifest["passive_model"] == "traded_through"
    assert manifest["passive_models"] == ["traded_through", "queue_depleted"]
    assert {"fills", "latencies", "latency"} <= set(manifest["modelled"])
    assert manifest["data_files"][0]["name"] == "quotes.csv"
    assert len(manifest["data_files"][0]["sha256"]) == 64
    assert manifest["seed"] == 7
    assert manifest["versions"]["engine_generation"]
    assert manifest["ticks"] == 2_000


def test_shards_split_instruments_and_share_broadcasts(
    small_dataset: Dataset, tmp_path: Path
) -> None:
    result = make_run(small_dataset, tmp_path / "run", settings=("run.shards=3",))
    verdict, found = verify(tmp_path / "run", "native", Interrupt())
    assert verdict.passed, verdict.first_divergence
    assert found["state_hash"] == result["state_hash"]
    assert result["state_hash"].count("+") == 2
    seen: dict[int, set[int]] = {}
    given = 0
    for shard in range(3):
        market = [r for k, r in inputs_of(tmp_path / "run", shard) if k == InputType.QUOTE]
        seen[shard] = {record.instrument for record in market}
        inputs = inputs_of(tmp_path / "run", shard)
        given += sum(kind == InputType.NEW_ORDER for kind, _ in inputs)
        alarms = [
            e for e in outputs_of(tmp_path / "run", shard) if type(e).__name__ == "AlarmEvent"
        ]
        assert not alarms
    assert given == 60
    assert sorted(i for found in seen.values() for i in found) == [0, 1]


def test_orders_from_a_file(small_dataset: Dataset, tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [
        {"ClOrdID": "A-1", "Symbol": "IBM", "Account": "ACC", "Side": "BUY", "OrderQty": "200"},
        {"ClOrdID": "A-2", "Symbol": "XYZ", "Account": "ACC", "Side": "BUY", "OrderQty": "200"},
        {"ClOrdID": "A-3", "Symbol": "IBM", "Account": "ACC", "Side": "SELL", "OrderQty": "0"},
        {"ClOrdID": "A-4", "Symbol": "IBM", "Account": "ACC", "Side": "BUY", "OrderQty": "9"},
        {"ClOrdID": "A-5", "Symbol": "IBM", "Account": "ACC", "Side": "BUY", "OrderQty": "100"},
    ]
    prices = ("190", "190", "184", "300", "1")
    for number, (line, price) in enumerate(zip(lines, prices, strict=True)):
        line["Price"] = price
        line["TransactTime"] = (START_MS + 5_000 + number) * MS
    lines[4] |= {"TimeInForce": "GTD", "ExpireTime": (START_MS + 60_000) * MS}
    lines[4]["Price"] = "180"
    path = tmp_path / "orders.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    make_run(small_dataset, tmp_path / "run", orders_file=path)
    outputs = outputs_of(tmp_path / "run")
    refused = {e.cl_ord_id: e.reason for e in outputs if isinstance(e, RefusalEvent)}
    assert refused == {"A-2": "unknown_instrument", "A-3": "bad_size", "A-4": "price_collar"}
    last = {e.cl_ord_id: e for e in outputs if isinstance(e, OrderStateEvent)}
    assert last["A-1"].state == "done"
    assert last["A-5"].state in {"canceled", "expired"}


def test_snapshots_are_taken_where_the_state_was(small_dataset: Dataset, tmp_path: Path) -> None:
    from aggregates import kernel
    from streams.log.run import RunDirectory

    make_run(small_dataset, tmp_path / "run", settings=("run.snapshot_inputs=500",))
    with RunDirectory.open(tmp_path / "run") as run:
        log = run.shard(0)
        store = log.snapshots()
        latest = store.latest()
        store.close()
        assert latest is not None
        engine = kernel.load("reference")
        engine.restore(latest.state)
        assert engine.seq == latest.info.seq > 500
        for frame in log.reader("inputs", latest.info.seq + 1):
            engine.step(frame.payload)
    assert kernel.state_hash(engine) == manifest_of(tmp_path / "run")["state_hash"]


def test_a_run_is_not_overwritten_unless_asked(small_dataset: Dataset, tmp_path: Path) -> None:
    make_run(small_dataset, tmp_path / "run", orders=1)
    with pytest.raises(InputError, match="--force"):
        make_run(small_dataset, tmp_path / "run", orders=1)
    make_run(small_dataset, tmp_path / "run", orders=1, force=True)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"core": "fast"}, "--core fast: use native or reference"),
        ({"passive_model": "hope"}, "use traded_through or queue_depleted"),
        ({"orders": -1}, "--orders -1"),
        ({"seed": -1}, "--seed -1"),
        ({"orders": 10_000}, "ask for fewer"),
    ],
)
def test_bad_requests_say_what_to_do(
    small_dataset: Dataset, tmp_path: Path, wanted: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        make_run(small_dataset, tmp_path / "run", **wanted)


def test_both_passive_models_run(small_dataset: Dataset, tmp_path: Path) -> None:
    make_run(small_dataset, tmp_path / "run", passive_model="queue_depleted", orders=10)
    assert manifest_of(tmp_path / "run")["passive_model"] == "queue_depleted"
    assert verify(tmp_path / "run", "native", Interrupt())[0].passed
