"""Traces over OTLP, by configuration: from a command to durable, to its decision,
and to the read models.

The spans of one command share a trace, whose id follows from its position in the log, so whoever
else knows the position (a projection, a venue) can add to it.
"""

from __future__ import annotations

import hashlib
from typing import Any

from projections.api.services import Trace
from schemas.errors import InputError


def trace_id(shard: int, position: int) -> int:
    """The trace of the command at a position, never 0."""
    digest = hashlib.sha256(b"venuefold trace %d %d" % (shard, position)).digest()
    return int.from_bytes(digest[:16], "big") or 1


def make_trace(endpoint: str, exporter: Any = None) -> Trace | None:
    """Where spans go: to an OTLP/HTTP endpoint, nowhere without one.

    InputError when the packages of the extra `otel` are missing. Spans leave in batches from the
    exporter's own thread; at its bound they are dropped.
    """
    if not endpoint and exporter is None:
        return None
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    except ImportError:
        raise InputError(
            "telemetry.otlp_endpoint: install the extra `otel`, or leave the endpoint empty"
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "venuefold"}))
    if exporter is not None:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    tracer = provider.get_tracer("venuefold")

    def tell(name: str, start_ns: int, end_ns: int, **facts: str | int) -> None:
        whole = trace_id(int(facts["shard"]), int(facts["position"]))
        parent = trace.NonRecordingSpan(
            trace.SpanContext(whole, whole & (2**64 - 1) or 1, False, trace.TraceFlags(1))
        )
        context = trace.set_span_in_context(parent)
        span = tracer.start_span(name, context, attributes=facts, start_time=start_ns)
        span.end(end_ns)

    return tell
