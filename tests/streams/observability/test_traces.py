"""Spans of one command share a trace that follows from its position."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from streams.bulk import FIRST_INPUTS, write_run
from streams.clock import SystemClock
from streams.observability.traces import make_trace, trace_id
from streams.projector import Projector
from streams.service.projector_process import tell


def test_spans_of_a_command_share_its_trace() -> None:
    exporter = InMemorySpanExporter()
    tell = make_trace("", exporter)
    assert tell is not None
    tell("command.durable", 10, 20, shard=0, position=7, what="order A")
    tell("order.seen", 20, 30, shard=0, position=7, decision=3)
    tell("command.durable", 10, 20, shard=0, position=8)
    first, second, other = exporter.get_finished_spans()
    assert first.context is not None
    assert second.context is not None
    assert other.context is not None
    assert first.context.trace_id == second.context.trace_id == trace_id(0, 7)
    assert other.context.trace_id != first.context.trace_id
    assert (first.name, first.start_time, first.end_time) == ("command.durable", 10, 20)
    assert first.attributes is not None
    assert first.attributes["what"] == "order A"


def test_without_an_endpoint_there_is_none() -> None:
    assert make_trace("") is None


def test_the_trace_of_an_order_reaches_the_read_models(tmp_path: Path) -> None:
    exporter = InMemorySpanExporter()
    trace = make_trace("", exporter)
    assert trace is not None
    write_run(tmp_path / "run", decisions=5)
    stored = partial(tell, trace, SystemClock())
    projector = Projector(tmp_path / "run", f"sqlite:///{tmp_path / 'store'}", stored=stored)
    while projector.step():
        pass
    projector.close()
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == ["projection.stored"] * 5
    wanted = {trace_id(0, FIRST_INPUTS + 1 + number) for number in range(5)}
    assert {span.context.trace_id for span in spans if span.context} == wanted
    assert all((span.end_time or 0) > (span.start_time or 0) for span in spans)
