"""Spans of one command share a trace that follows from its position."""

from __future__ import annotations

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from streams.observability.traces import make_trace, trace_id


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
