"""Names of the topics, the same on every broker.

Foreign systems write the first group and read the second. `INPUTS` is the sequenced input log,
one partition a shard, written by trusted gateways and our own ingest only.
"""

from __future__ import annotations

from schemas.codes import OutputType

INPUTS = "sor.inputs"

REFERENCE = "sor.reference"
"""Every broadcast once, in version order and kept for ever: who joins later reads it whole."""
SNAPSHOTS = "sor.snapshots"
"""Shard states in chunks with a manifest, one partition a shard, compacted."""

MARKET_DATA = "sor.market-data"
ORDERS = "sor.orders"
EXECUTION_REPORTS = "sor.execution-reports"
REFERENCE_CHANGES = "sor.reference-changes"
CONTRACT_IN = (MARKET_DATA, ORDERS, EXECUTION_REPORTS, REFERENCE_CHANGES)

DECISIONS = "sor.decisions"
CHILD_ORDERS = "sor.child-orders"
ORDER_STATE = "sor.order-state"
VENUE_QUALITY = "sor.venue-quality"
REFUSALS = "sor.refusals"
ALARMS = "sor.alarms"
DEAD_LETTERS = "sor.dead-letters"

OUTPUT_TOPICS = {
    OutputType.DECISION: DECISIONS,
    OutputType.CHILD: CHILD_ORDERS,
    OutputType.CANCEL_CHILD: CHILD_ORDERS,
    OutputType.ORDER_STATE: ORDER_STATE,
    OutputType.CHILD_STATE: ORDER_STATE,
    OutputType.REFUSAL: REFUSALS,
    OutputType.QUALITY: VENUE_QUALITY,
    OutputType.EXECUTION_QUALITY: VENUE_QUALITY,
    OutputType.VENUE_QUALITY: VENUE_QUALITY,
    OutputType.ALARM: ALARMS,
    OutputType.STATUS_REQUEST: CHILD_ORDERS,
    OutputType.REPLACE_CHILD: CHILD_ORDERS,
    OutputType.BREAK: ALARMS,
    OutputType.POSITION: ORDER_STATE,
}
"""Where each output record is published; dead letters hold bytes that are no input record."""
CONTRACT_OUT = tuple(dict.fromkeys(OUTPUT_TOPICS.values()))
COMPACTED = (SNAPSHOTS,)
SHARDED = (INPUTS, SNAPSHOTS, *CONTRACT_OUT)
"""One partition a shard; the others have as many partitions as their writers like."""
