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
DROP_COPIES = "sor.drop-copies"
CONTRACT_IN = (MARKET_DATA, ORDERS, EXECUTION_REPORTS, DROP_COPIES)

REFERENCE_CHANGES = "sor.reference-changes"
"""What is to hold from now on, in one order and kept for ever: `REFERENCE` follows from it."""
CONTROL = "sor.control"
"""Requests to every gateway at once: kill switches."""
CONTROL_ANSWERS = "sor.control-answers"
"""Who has latched a kill: gateways first, then the owner of each shard."""
BUDGETS = "sor.budgets"
"""How account-wide limits are split among shards: proposals and what shards gave back, in one
order and kept for ever, from which every allocation follows."""
SINGLE = (REFERENCE, REFERENCE_CHANGES, CONTROL, CONTROL_ANSWERS, BUDGETS)
"""One partition each: their order is one."""
KEPT = (REFERENCE, REFERENCE_CHANGES, CONTROL, BUDGETS)
"""Kept for ever."""

DECISIONS = "sor.decisions"
CHILD_ORDERS = "sor.child-orders"
ORDER_STATE = "sor.order-state"
VENUE_QUALITY = "sor.venue-quality"
REFUSALS = "sor.refusals"
ALARMS = "sor.alarms"
BUDGET_STATES = "sor.budget-states"
"""Shares of account-wide limits, as each shard holds them."""
DEAD_LETTERS = "sor.dead-letters"

DECISIONS_JSON = "sor.decisions-json"
"""Decisions as JSON, with their schema where the broker knows schemas."""
QUALITY_LATEST = "sor.venue-quality-latest"
"""The newest quality row of each instrument and venue as JSON, compacted."""

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
    OutputType.VENUE_SUMS: VENUE_QUALITY,
    OutputType.BUDGET_STATE: BUDGET_STATES,
    OutputType.MASS_CANCEL_REPORT: ORDER_STATE,
}
"""Where each output record is published; dead letters hold bytes that are no input record."""
CONTRACT_OUT = tuple(dict.fromkeys(OUTPUT_TOPICS.values()))
COMPACTED = (SNAPSHOTS, QUALITY_LATEST)
SHARDED = (INPUTS, SNAPSHOTS, *CONTRACT_OUT, DEAD_LETTERS, DECISIONS_JSON, QUALITY_LATEST)
"""One partition a shard."""
CONTRACT_PARTITIONS = 16
"""Most partitions of a topic of `CONTRACT_IN`: each is a source of its own in the inputs."""


def partitions_of(topic: str, shards: int) -> int:
    """How many partitions a topic has in an installation."""
    if topic in SINGLE:
        return 1
    return min(shards, CONTRACT_PARTITIONS) if topic in CONTRACT_IN else shards


EVERY = (*SINGLE, *CONTRACT_IN, *SHARDED)
"""Every topic of an installation."""
