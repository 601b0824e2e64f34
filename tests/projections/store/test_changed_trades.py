"""A trade that a venue takes back or corrects leaves sums as if it had been right at first."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregates import kernel
from schemas.codes import ExecType, Side
from schemas.wire import iter_inputs
from streams.log.run import RunDirectory
from streams.projector import Projector
from tests.builders import Tape, children, set_up
from tests.projections.store.models import Models


@pytest.mark.parametrize("pieces", [1, 100])
def test_sums_are_those_of_the_order(tmp_path: Path, store_url: str, pieces: int) -> None:
    run = RunDirectory.create(tmp_path / "run", {"kind": "test"})
    log, engine, tape = run.shard(0), kernel.load("native"), Tape()
    log.open_writers()
    projector = Projector(tmp_path / "run", store_url)

    def feed() -> bytes:
        _, outputs = engine.step(bytes(tape.data))
        log.inputs.append(bytes(tape.data), len(list(iter_inputs(tape.data))), engine.log_ns)
        if outputs:
            last = engine.out_seq
            log.outputs.append(outputs, last + 1 - log.outputs.next_seq, engine.log_ns)
            log.outputs.wait_durable(last)
        tape.data.clear()
        if pieces > 1:
            projector.step()
        return outputs

    set_up(tape)
    for venue in range(2):
        tape.quote(0, venue, ("9.99", 500), ("10.01", 500))
    tape.order(0, "O1", Side.BUY, 600, limit="10.05")
    first, second = children(feed())
    tape.wait(1_000_000)
    fill = {"venue": first.venue, "fee_nanos": 3_000_000}
    tape.fill(first.child_id, first.units, "10.01", 1, **fill)
    tape.fill(second.child_id, 40, "10.01", 2, venue=second.venue, fee_nanos=1_000_000)
    feed()
    changed = {"last_units": 30, "last_nanos": 10_020_000_000, "fee_nanos": 900_000}
    place = {"venue": second.venue}
    tape.report(
        second.child_id, ExecType.TRADE_CORRECT, trade_id=3, ref_trade_id=2, **place, **changed
    )
    feed()
    place = {"venue": first.venue}
    tape.report(first.child_id, ExecType.TRADE_CANCEL, trade_id=4, ref_trade_id=1, **place)
    feed()
    while projector.step():
        pass
    models = Models(store_url)
    fills = models.page("fills", sort="log_ns").rows
    assert [row["exec_type"] for row in fills] == [
        "trade",
        "trade",
        "trade_correct",
        "trade_cancel",
    ]
    (order,) = models.page("orders").rows
    assert order["cum_units"] == 30
    for name, field in (("units", "cum_units"), ("notional_micros",) * 2, ("fee_nanos",) * 2):
        assert sum(row[name] for row in fills) == order[field], name
    assert order["notional_micros"] == 30 * 10_020_000
    assert sum(row["all_in_micros"] for row in fills) == order["shortfall_micros"]
    assert sum(row["effective_micros"] for row in fills) == 2 * 30 * 20_000
    (whole,) = models.performance(bucket="all")
    assert (whole["fills"], whole["notional_micros"]) == (2, order["notional_micros"])
    models.close()
    projector.close()
    run.close()
