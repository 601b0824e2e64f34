"""Rows against a second, dumber fold: event by event, in Python's integers, as defined."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.api.problems import ProblemError
from projections.api.read_routes import shown
from projections.views.columns import VIEWS
from projections.views.performance import HOUR_NS, bucket_end_ns, latency_bucket
from projections.views.quality import QualityTable
from projections.views.view import MISSING
from schemas.codes import InputType, OutputType
from schemas.events import (
    ChildEvent,
    ChildStateEvent,
    Event,
    OrderStateEvent,
    SmartRoutingDecisionEvent,
)
from schemas.orders import NEW_ORDER
from schemas.wire import iter_inputs, iter_outputs, text
from streams.log.run import RunDirectory
from streams.replay.lookup import fresh_index
from streams.replay.summary import summarise
from tests.projections.store.models import Models
from tests.projections.store.world import HISTORY_NS


@dataclass
class Plain:
    """The dumber fold of one shard."""

    shard: int
    clients: dict[int, str] = field(default_factory=dict)
    decisions: dict[int, SmartRoutingDecisionEvent] = field(default_factory=dict)
    arrivals: dict[int, SmartRoutingDecisionEvent] = field(default_factory=dict)
    children: dict[int, ChildEvent] = field(default_factory=dict)
    fills: list[dict[str, Any]] = field(default_factory=list)
    orders: dict[int, OrderStateEvent] = field(default_factory=dict)
    answers: dict[int, int] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        if isinstance(event, SmartRoutingDecisionEvent):
            self.decisions[event.out_seq] = event
            self.arrivals.setdefault(event.order_id, event)
        elif isinstance(event, ChildEvent):
            self.children[event.child_id] = event
        elif isinstance(event, OrderStateEvent):
            self.orders[event.order_id] = event
        elif isinstance(event, ChildStateEvent):
            child = self.children[event.child_id]
            if event.exec_type != "none":
                self.answers.setdefault(event.child_id, event.log_ns - child.log_ns)
            if event.exec_type == "trade":
                self.fills.append(self.fill(event, child))

    def fill(self, event: ChildStateEvent, child: ChildEvent) -> dict[str, Any]:
        decision, arrival = self.decisions[child.decision_id], self.arrivals[child.order_id]
        sign = 1 if child.side == "buy" else -1
        price, units = event.last_nanos, event.last_units
        bid, ask = decision.displayed_bid_nanos, decision.displayed_ask_nanos
        far = decision.protected_ask_nanos if sign > 0 else decision.protected_bid_nanos
        start = arrival.arrival_bid_nanos, arrival.arrival_ask_nanos
        mid = (bid + ask) / 2 if 0 < bid <= ask else None
        reaches = far > 0 and sign * (child.limit_nanos - far) >= 0
        first = (start[0] + start[1]) / 2 if 0 < start[0] < start[1] else None
        return {
            "out_seq": event.out_seq,
            "client": self.clients[child.order_id],
            "venue": event.venue,
            "units": units,
            "effective": None if mid is None else 2 * sign * (price - mid) * units / 1000,
            "improvement": sign * (far - price) * units / 1000 if reaches else None,
            "all_in": None
            if first is None
            else (sign * (price - first) * units + event.fee_nanos) / 1000,
            "latency": event.log_ns - child.log_ns,
        }


@pytest.fixture(scope="module")
def plains(finished_run: Path) -> list[Plain]:
    found = []
    with RunDirectory.open(finished_run) as run:
        for shard in run.shards():
            plain, log, seq = Plain(shard), run.shard(shard), 0
            for frame in log.reader("inputs"):
                for kind, raw in iter_inputs(frame.payload):
                    seq += 1
                    if kind == InputType.NEW_ORDER:
                        plain.clients[seq] = text(NEW_ORDER.unpack(raw).client)
            for frame in log.reader("outputs"):
                for event in iter_outputs(frame.payload):
                    plain.add(event)
            found.append(plain)
    return found


@pytest.fixture(scope="module")
def models(projected: str) -> Iterator[Models]:
    opened = Models(projected)
    yield opened
    opened.close()


def rows_of(models: Models, name: str, shard: int) -> list[dict[str, Any]]:
    return [row for row in models.everything(name, sort="log_ns") if row["shard"] == shard]


def close(found: int | None, expected: float | None) -> bool:
    """Return whether money in micros is the expected one, rounded down once or twice."""
    if expected is None or found is None:
        return expected is found
    return -2.001 <= found - expected <= 0.001


def test_fills_are_priced_as_defined(models: Models, plains: list[Plain]) -> None:
    for plain in plains:
        rows = sorted(rows_of(models, "fills", plain.shard), key=lambda row: int(row["out_seq"]))
        assert [row["out_seq"] for row in rows] == [fill["out_seq"] for fill in plain.fills]
        for row, fill in zip(rows, plain.fills, strict=True):
            assert row["client"] == fill["client"]
            assert (row["units"], row["latency_ns"]) == (fill["units"], fill["latency"])
            for name in ("effective", "improvement", "all_in"):
                assert close(row[f"{name}_micros"], fill[name]), (name, row, fill)


def test_orders_are_as_last_told(models: Models, plains: list[Plain]) -> None:
    for plain in plains:
        rows = {row["order_id"]: row for row in rows_of(models, "orders", plain.shard)}
        assert rows.keys() == plain.orders.keys()
        attempts = Counter(d.order_id for d in plain.decisions.values())
        sent = Counter(c.order_id for c in plain.children.values())
        for order, told in plain.orders.items():
            row, arrival = rows[order], plain.arrivals[order]
            assert (row["state"], row["reason"]) == (told.state, told.reason)
            assert (row["cum_units"], row["fee_nanos"]) == (told.cum_units, told.fee_nanos)
            assert (row["decisions"], row["children"]) == (attempts[order], sent[order])
            assert row["notional_micros"] == told.notional // 1000
            bid, ask = arrival.arrival_bid_nanos, arrival.arrival_ask_nanos
            sign = 1 if told.side == "buy" else -1
            paid = sign * (told.notional - (bid + ask) / 2 * told.cum_units) + told.fee_nanos
            assert close(row["shortfall_micros"], paid / 1000 if 0 < bid < ask else None)


def test_children_and_decisions_are_as_told(models: Models, plains: list[Plain]) -> None:
    names = {row["venue"]: row["key"] for row in models.table("venues")}
    for plain in plains:
        children = rows_of(models, "children", plain.shard)
        assert len(children) == len(plain.children)
        for row in children:
            number = row["child_id"]
            assert row["ack_latency_ns"] == plain.answers.get(number)
            assert row["venue"] == names[plain.children[number].venue]
        for row in rows_of(models, "decisions", plain.shard):
            made = plain.decisions[row["out_seq"]]
            mask = models.locator(row["id"])["venue_mask"]
            assert mask == sum(1 << venue for venue in {part.venue for part in made.children})
            assert row["expected_cost_micros"] == made.expected_cost // 1000
            assert row["client"] == plain.clients[made.order_id]


def test_a_decision_is_found_in_the_log(models: Models, finished_run: Path) -> None:
    with RunDirectory.open(finished_run) as run:
        for row in models.page("decisions", limit=20).rows:
            place = models.locator(row["id"])
            log = run.shard(place["shard"])
            index = fresh_index(finished_run, log)
            found = index.lookup_decision(place["out_seq"])
            index.close()
            assert found.segment.name == f"outputs-{place['segment_seq']:020d}.seg"
            assert found.frame_offset == place["frame_offset"]
            assert found.record_offset == place["record_offset"]


def test_performance_is_the_sum_of_rows(models: Models, plains: list[Plain]) -> None:
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for plain in plains:
        for row in rows_of(models, "fills", plain.shard):
            sums[row["venue"]]["fills"] += 1
            sums[row["venue"]]["notional_micros"] += row["notional_micros"]
            sums[row["venue"]]["all_in_micros"] += row["all_in_micros"] or 0
            sums[row["venue"]]["improvement_micros"] += row["improvement_micros"] or 0
        for row in rows_of(models, "children", plain.shard):
            sums[row["venue"]]["children"] += 1
    for bucket in ("hour", "day", "all"):
        totals: dict[str, Counter[str]] = defaultdict(Counter)
        for row in models.performance(by="venue", bucket=bucket):
            totals[row["venue"]].update({n: row[n] for n in sums[row["venue"]]})
        assert totals == sums
    (whole,) = models.performance(bucket="all")
    assert whole["orders"] == sum(len(plain.orders) for plain in plains)
    assert whole["decisions"] == sum(len(plain.decisions) for plain in plains)
    assert whole["orders_ended"] == whole["orders"]
    shortfall = sum(
        row["shortfall_micros"] or 0 for p in plains for row in rows_of(models, "orders", p.shard)
    )
    assert whole["shortfall_micros"] == shortfall
    latencies = sorted(ns for plain in plains for ns in plain.answers.values())
    assert whole["ack_n"] == len(latencies)
    median = latencies[(len(latencies) - 1) // 2]
    assert median < whole["ack_p50_ns"] <= median * 1.26


def test_groups_add_up(models: Models) -> None:
    (whole,) = models.performance(bucket="all")
    for by in (("instrument",), ("policy",), ("client",), ("venue", "client")):
        rows = models.performance(by=",".join(by), bucket="all")
        assert sum(row["fills"] for row in rows) == whole["fills"]
        assert len({tuple(row[name] for name in by) for row in rows}) == len(rows)
    one = models.performance(bucket="all", venue="ARCX")
    assert 0 < one[0]["fills"] < whole["fills"]
    assert "orders" not in one[0]
    for parameters, wrong in (
        ({"by": "trader"}, "by"),
        ({"by": "venue,venue"}, "by"),
        ({"bucket": "week"}, "bucket"),
        ({"account": "A"}, "account"),
        ({"venue": "NOPE"}, "venue"),
        ({"limit": "0"}, "limit"),
    ):
        with pytest.raises(ProblemError) as caught:
            models.performance(**parameters)
        assert caught.value.field == wrong


def test_latest_quality_is_that_of_the_log(models: Models, finished_run: Path) -> None:
    summary = summarise(finished_run)
    table: QualityTable = summary.quality
    for kind, expected in (
        ("quality", table.table(summary.names)),
        ("venue_quality", table.venues(summary.names)),
    ):
        found = {
            (row["instrument"], row["venue"], row["shard"]): row for row in latest(models, kind)
        }
        for row in expected:
            mine = found[row.get("instrument"), row["venue"], row["shard"]]
            shared = [
                name for name in mine if name in row and name not in {"fill_ratio", "reject_rate"}
            ]
            assert {n: mine[n] for n in shared} == {n: row[n] for n in shared}
            if kind == "quality":
                assert mine["fill_ratio"] == row["fill_ratio"]


def latest(models: Models, kind: str) -> list[dict[str, Any]]:
    """Return the rows of a latest table with names for ids."""
    (view,) = [view for view in VIEWS if view.name == kind]
    with models.reads.connect() as connection:
        names = models.reads.names(connection)
    return [shown(view, row, names) for row in models.table(kind)]


def test_history_keeps_the_last_of_each_bucket(models: Models) -> None:
    rows = models.table("quality_history", kind=int(OutputType.VENUE_QUALITY), venue=1)
    assert len(rows) > 4
    buckets = [(row["shard"], row["bucket_ns"]) for row in rows]
    assert len(set(buckets)) == len(buckets)
    assert all(0 <= row["log_ns"] - row["bucket_ns"] < HISTORY_NS for row in rows)


@given(st.integers(-5, 2**60 - 1))
def test_latency_buckets_hold_their_latency(latency_ns: int) -> None:
    (bucket,) = latency_bucket(np.array([latency_ns])).tolist()
    end = bucket_end_ns(bucket)
    assert max(latency_ns, 0) < end
    if latency_ns > 8:
        assert latency_ns * 1.26 >= end
    if bucket > 3:
        assert latency_bucket(np.array([end - 1])).tolist() == [bucket]


def test_hours_and_missing_values(models: Models) -> None:
    for row in models.performance(by="venue", bucket="hour"):
        assert row["bucket_ns"] % HOUR_NS == 0
    for row in models.page("fills", limit=500).rows:
        assert MISSING not in row.values()


def test_reference_records_are_kept(models: Models) -> None:
    fees = models.table("reference", input_type=int(InputType.FEE))
    listings = models.table("reference", input_type=int(InputType.LISTING))
    assert len(fees) == 2 * len(listings) > 50  # take and add
    assert {row["name"] for row in models.table("policies")} >= {"best_price", "lowest_cost"}
    assert set(models.page("orders", limit=1).position) == {"0", "1"}
