"""What the engine says, as typed immutable events: one Struct for each output record.

Fields are named as in `schemas.decisions`, with their units last. A code is its lower-case name,
flags are a tuple of names, `venue` and `instrument` are dense ids. A `_lo`/`_hi` pair is one
128-bit integer here and decimal text in JSON.
"""

from __future__ import annotations

import msgspec


class OutputEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Facts that every output carries: its place in both logs and its time."""

    version: int
    shard: int
    instrument: int
    out_seq: int
    seq: int
    log_ns: int


class Level(msgspec.Struct, frozen=True):
    """A price level that a venue displayed within the limit."""

    price_nanos: int
    units: int


class CandidateVenue(msgspec.Struct, frozen=True, kw_only=True):
    """A venue as a decision saw it.

    Excluded: `reason` is not "none" and `value` is the deciding value. Included: `value` is the
    touch price and the quality values are those used.
    """

    venue: int
    reason: str
    value: int
    quote_age_us: int
    flags: tuple[str, ...] = ()
    fee_nanos: int = 0
    miss_nanos: int = 0
    ack_ns: int = 0
    fill_ratio: float = 0.0
    own_units: int = 0
    levels: tuple[Level, ...] = ()


class ChildAllocation(msgspec.Struct, frozen=True, kw_only=True):
    """What one venue gets in a decision; the child's id is first_child_id + its index."""

    venue: int
    levels: int
    time_in_force: str
    units: int
    limit_nanos: int


class SmartRoutingDecisionEvent(OutputEvent, frozen=True, kw_only=True, tag="decision"):
    """A routing decision with everything it was made from. Costs are nanos * units, signed."""

    order_id: int
    reference_version: int
    quality_seq: int
    rows_digest: int
    first_child_id: int
    attempt: int
    policy: int
    policy_version: int
    side: str
    outcome: str
    remaining_units: int
    limit_nanos: int
    allocated_units: int
    arrival_bid_nanos: int
    arrival_ask_nanos: int
    protected_bid_nanos: int
    protected_ask_nanos: int
    displayed_bid_nanos: int
    displayed_ask_nanos: int
    expected_cost: int
    best_price_units: int
    best_price_cost: int
    sweep_units: int
    sweep_cost: int
    cl_ord_id: str
    account: str
    flags: tuple[str, ...]
    time_in_force: str
    candidates: tuple[CandidateVenue, ...]
    children: tuple[ChildAllocation, ...]


class ChildEvent(OutputEvent, frozen=True, kw_only=True, tag="child"):
    """A child order to send."""

    child_id: int
    order_id: int
    decision_id: int
    units: int
    limit_nanos: int
    min_units: int
    send_delay_ns: int
    expire_ns: int
    venue: int
    side: str
    ord_type: str
    time_in_force: str
    exec_inst: tuple[str, ...]
    capacity: int
    cl_ord_id: str
    account: str


class CancelChildEvent(OutputEvent, frozen=True, kw_only=True, tag="cancel_child"):
    """A request to cancel a child."""

    child_id: int
    order_id: int
    venue: int


class OrderStateEvent(OutputEvent, frozen=True, kw_only=True, tag="order_state"):
    """A parent's new state; `notional` is nanos * units over its fills."""

    order_id: int
    decision_id: int
    order_units: int
    cum_units: int
    outstanding_units: int
    notional: int
    fee_nanos: int
    state: str
    reason: str
    side: str
    cl_ord_id: str
    account: str


class ChildStateEvent(OutputEvent, frozen=True, kw_only=True, tag="child_state"):
    """A child's new state after a report, or after a timer (exec_type "none")."""

    child_id: int
    order_id: int
    trade_id: int
    units: int
    cum_units: int
    last_units: int
    last_nanos: int
    fee_nanos: int
    state: str
    exec_type: str
    liquidity: str
    venue: int
    report_flags: tuple[str, ...]


class RefusalEvent(OutputEvent, frozen=True, kw_only=True, tag="refusal"):
    """An input that was not applied, with the reason and the deciding value."""

    source_seq: int
    value: int
    order_id: int
    reason: str
    input_type: str
    source: int
    venue: int
    cl_ord_id: str
    account: str


class QualityEvent(OutputEvent, frozen=True, kw_only=True, tag="quality"):
    """One row of the venue quality table: estimates and the weights behind them."""

    quality_seq: int
    quotes: int
    trades: int
    fills: int
    bid_units: float
    ask_units: float
    spread_nanos: float
    share_at_bid: float
    share_at_ask: float
    two_sided_share: float
    observed_ns: float
    feed_delay_ns: float
    feed_delay_weight: float
    feed_delay_min_ns: int
    fill_ratio: float
    fill_weight: float
    ack_ns: float
    ack_weight: float
    venue: int


class AlarmEvent(OutputEvent, frozen=True, kw_only=True, tag="alarm"):
    """A fact that needs a person."""

    child_id: int
    order_id: int
    value: int
    kind: str
    venue: int
    source: int


Event = (
    SmartRoutingDecisionEvent
    | ChildEvent
    | CancelChildEvent
    | OrderStateEvent
    | ChildStateEvent
    | RefusalEvent
    | QualityEvent
    | AlarmEvent
)
