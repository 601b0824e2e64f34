"""Amended orders show their new terms, whatever batches and restarts came between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aggregates import kernel
from schemas.codes import ExecType, Side
from schemas.wire import iter_inputs, iter_raw_outputs
from streams.log.run import RunDirectory
from streams.projector import Projector
from streams.rebuild import rebuild
from tests.builders import Tape, children, set_up
from tests.projections.store.models import Models
from tests.projections.store.world import HISTORY_NS, dump, same


class Story:
    """An engine whose logs are projected after every input or at the end."""

    def __init__(self, folder: Path, url: str, is_restarted: bool) -> None:
        self.folder, self.url, self.is_restarted = folder / "run", url, is_restarted
        self.run = RunDirectory.create(self.folder, {"kind": "test"})
        self.log, self.engine, self.tape = self.run.shard(0), kernel.load("native"), Tape()
        self.log.open_writers()

    def feed(self) -> bytes:
        """Step what the tape holds; project it if every step is one."""
        _, outputs = self.engine.step(bytes(self.tape.data))
        count = len(list(iter_inputs(bytes(self.tape.data))))
        self.log.inputs.append(bytes(self.tape.data), count, self.engine.log_ns)
        self.log.inputs.wait_durable(self.engine.seq)
        if outputs:
            number = sum(1 for _ in iter_raw_outputs(outputs))
            self.log.outputs.append(outputs, number, self.engine.log_ns)
            self.log.outputs.wait_durable(self.log.outputs.next_seq - 1)
        self.tape.data.clear()
        if self.is_restarted:
            self.project()
        return outputs

    def project(self) -> None:
        """Project all there is, with a program that then ends."""
        projector = Projector(self.folder, self.url, HISTORY_NS)
        while projector.step():
            pass
        projector.close()


@pytest.mark.parametrize("is_restarted", [True, False])
def test_terms_and_sums_after_amendments(
    tmp_path: Path, store_url: str, is_restarted: bool
) -> None:
    story = Story(tmp_path, store_url, is_restarted)
    tape = story.tape
    set_up(tape)
    tape.quote(0, 0, ("9.99", 100), ("10.01", 100))
    tape.quote(0, 1, ("9.98", 100), ("10.02", 100))
    story.feed()
    tape.order(0, "A", Side.BUY, 300, limit="10.05")
    first, second = children(story.feed())
    for trade, child in enumerate((first, second), 1):
        tape.report(child.child_id, ExecType.NEW, venue=child.venue)
        tape.fill(child.child_id, 100, "10.01", trade, venue=child.venue, fee_nanos=1_000_000)
    story.feed()
    tape.amend(0, "A", "A2", Side.BUY, 250, limit="10.04")
    story.feed()
    tape.amend(0, "A2", "A3", Side.BUY, 100, limit="10.04")  # less than was filled
    tape.cancel(0, "A2")
    story.feed()
    story.project()
    models = Models(store_url)
    (order,) = models.page("orders").rows
    assert (order["cl_ord_id"], order["order_units"]) == ("A2", 250)
    assert order["limit_nanos"] == 10_040_000_000
    assert (order["state"], order["cum_units"]) == ("canceled", 200)
    asked = models.page("amendments", sort="log_ns").rows
    assert [(row["cl_ord_id"], row["state"]) for row in asked] == [
        ("A2", "counts"),
        ("A3", "refused"),
    ]
    assert asked[0]["order_id"] == order["id"]
    (whole,) = models.performance(bucket="all")
    mid_micros = 10_000_000
    assert whole["ordered_micros"] == 250 * mid_micros
    assert whole["unfilled_micros"] == 50 * mid_micros
    assert order["sweep_units"] < 50 or order["opportunity_micros"] is not None
    live = dump(store_url)
    rebuild(story.folder, store_url, HISTORY_NS)
    assert same(live, dump(store_url)) == []
    models.close()
    story.run.close()


@pytest.mark.parametrize("size", [500, 50])
def test_what_was_left_is_priced_by_the_market_at_the_end(
    tmp_path: Path, store_url: str, size: int
) -> None:
    story = Story(tmp_path, store_url, is_restarted=False)
    tape = story.tape
    set_up(tape)
    tape.quote(0, 0, ("9.99", 500), ("10.01", 500))
    tape.quote(0, 1, ("9.98", 500), ("10.02", 500))
    story.feed()
    tape.order(0, "A", Side.BUY, 300, limit="10.05")
    (child,) = children(story.feed())
    tape.report(child.child_id, ExecType.NEW, venue=child.venue)
    tape.fill(child.child_id, 100, "10.01", 1, venue=child.venue)
    tape.cancel(0, "A")
    story.feed()
    tape.quote(0, 0, ("10.04", 500), ("10.06", size))
    tape.quote(0, 1, ("10.04", 500), ("10.07", size))
    tape.report(child.child_id, ExecType.CANCELED, venue=child.venue)
    story.feed()
    story.project()
    models = Models(store_url)
    (order,) = models.page("orders").rows
    assert (order["state"], order["cum_units"], order["sweep_units"]) == ("canceled", 100, 300)
    if size == 500:  # beyond the limit, which a sweep at the end does not heed
        assert order["opportunity_from"] == "horizon"
        per_unit = 10_060_000 + fee_micros(order)
    else:
        assert order["opportunity_from"] == "last_decision"
        per_unit = order["sweep_cost_micros"] / 300
    assert abs(order["opportunity_micros"] - 200 * (per_unit - 10_000_000)) <= 2
    (whole,) = models.performance(bucket="all")
    paid = order["shortfall_micros"] + order["opportunity_micros"]
    assert whole["shortfall_bps"] == pytest.approx(1e4 * paid / (300 * 10_000_000))
    asked = models.page("child_requests").rows
    assert [row["kind"] for row in asked] == ["cancel_child"]
    models.close()
    story.run.close()


def fee_micros(order: dict[str, Any]) -> float:
    """What the last decision's sweep paid beyond the ask of 10.01, by unit."""
    return float(order["sweep_cost_micros"] / 300 - 10_010_000)
