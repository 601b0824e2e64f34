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
    touch price and the quality values are those used: `fill_ratio` and `miss_nanos` of the first
    round lot, `available` are the chances that the last of 1, 2, 4 .. 64 round lots, and of more,
    is there; impact, balance and miss are charged per whole one, the ticket once. A dark pool has
    no levels: `value` is the midpoint, `dark_units` what it may be asked for, `penalty_nanos` what
    missing one whole one there costs. `inventory_units` is all that the account could sell there,
    where that is less than is displayed, else 0. What is charged is at least `fee_min_nanos` and at
    most `fee_max_nanos` (0 = none), for each level taken or, `fee_per_order`, for the child.
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
    available: tuple[float, ...] = ()
    own_units: int = 0
    impact_nanos: int = 0
    balance_nanos: int = 0
    ticket_nanos: int = 0
    hidden_units: int = 0
    dark_units: int = 0
    penalty_nanos: int = 0
    inventory_units: int = 0
    fee_min_nanos: int = 0
    fee_max_nanos: int = 0
    fee_per_order: bool = False
    levels: tuple[Level, ...] = ()


class ChildAllocation(msgspec.Struct, frozen=True, kw_only=True):
    """What one venue gets in a decision; the child's id is first_child_id + its index."""

    venue: int
    levels: int
    time_in_force: str
    units: int
    limit_nanos: int
    flags: tuple[str, ...] = ()
    send_delay_ns: int = 0


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
    protection: str = "none"
    remainder_e9: int = 0
    penalty_nanos: int = 0
    added_cost: int = 0
    ticket_nanos: int = 0
    cap_nanos: int = 0
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


class StatusRequestEvent(OutputEvent, frozen=True, kw_only=True, tag="status_request"):
    """A request to say what became of a child of unknown outcome."""

    child_id: int
    order_id: int
    venue: int
    attempt: int


class ReplaceChildEvent(OutputEvent, frozen=True, kw_only=True, tag="replace_child"):
    """A request to change a resting child to `units` in all, at `limit_nanos`."""

    child_id: int
    order_id: int
    units: int
    limit_nanos: int
    venue: int


class OrderStateEvent(OutputEvent, frozen=True, kw_only=True, tag="order_state"):
    """A parent's new state; `notional` is nanos * units over its fills.

    `horizon_*` are of a sweep of what was left when it ended: units, and their cost with fees.
    """

    order_id: int
    decision_id: int
    order_units: int
    cum_units: int
    outstanding_units: int
    notional: int
    fee_nanos: int
    horizon_units: int
    horizon_cost: int
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
    reason: str


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
    """One row of the venue quality table, from ticks and answers: estimates, errors, samples."""

    quality_seq: int
    quotes: int
    trades: int
    fills: int
    bid_units: float
    bid_units_se: float
    ask_units: float
    ask_units_se: float
    near_bid_units: float
    near_ask_units: float
    spread_nanos: float
    spread_nanos_se: float
    share_at_bid: float
    share_at_ask: float
    two_sided_share: float
    observed_ns: float
    touch_changes: float
    refill_bid_ns: float
    refill_bid_n: float
    refill_ask_ns: float
    refill_ask_n: float
    feed_delay_ns: float
    feed_delay_se: float
    feed_delay_n: float
    feed_delay_min_ns: int
    feed_delay_p90_ns: int
    fill_ratio: float
    fill_ratio_se: float
    fill_ratio_n: float
    ack_ns: float
    ack_ns_se: float
    ack_n: float
    venue: int


class Estimate(msgspec.Struct, frozen=True):
    """A decayed mean, its standard error, and the effective sample size behind both.

    `value` is None where nothing counts, `se` where fewer than two observations do.
    """

    value: float | None
    se: float | None
    n: float


class Survival(msgspec.Struct, frozen=True):
    """How likely at least `round_lots` round lots can be had; None where never asked for."""

    round_lots: int
    probability: float | None
    n: float


class ExecutionQualityEvent(OutputEvent, frozen=True, kw_only=True, tag="execution_quality"):
    """What our fills at a venue have cost and what followed them.

    Markouts are by the settings' four horizons, nearest first: `adverse` and `realised` of added
    liquidity, `impact` of removed, `mid_adverse` of midpoint fills. `passive_fill` is P(filled
    within the last horizon) of a unit that rests behind less than 1, 4, 32 or any number of round
    lots, shrunk to the venue and the settings' prior.
    """

    quality_seq: int
    fee_mismatches: int
    fee_expected_nanos: int
    fee_charged_nanos: int
    first_fill_ns: Estimate
    reject_rate: Estimate
    hidden_units: Estimate
    effective_bps: Estimate
    improvement_bps: Estimate
    all_in_bps: Estimate
    adverse_bps: tuple[Estimate, ...]
    realised_bps: tuple[Estimate, ...]
    impact_bps: tuple[Estimate, ...]
    mid_adverse_bps: tuple[Estimate, ...]
    passive_fill: tuple[Estimate, ...]
    available: tuple[Survival, ...]
    venue: int


class ClassFeed(msgspec.Struct, frozen=True):
    """Feed delay of a venue's instruments of one class, above its least; None without quotes."""

    asset_class: str
    p50_ns: int | None
    p90_ns: int | None
    p99_ns: int | None
    n: int


class VenueQualityEvent(OutputEvent, frozen=True, kw_only=True, tag="venue_quality"):
    """A venue over all instruments of a shard: health, latency quantiles, fills and rejects.

    A quantile is None where its latency was never seen.
    `dropped_*` counts markouts of its fills that could not settle, by reason and side.
    """

    quality_seq: int
    since_ns: int
    quote_ns: int
    feed_p50_ns: int | None
    feed_p90_ns: int | None
    feed_p99_ns: int | None
    feed_n: int
    feed_by_class: tuple[ClassFeed, ...]
    ack_p50_ns: int | None
    ack_p90_ns: int | None
    ack_p99_ns: int | None
    ack_n: int
    fill_p50_ns: int | None
    fill_p90_ns: int | None
    fill_p99_ns: int | None
    fill_n: int
    fill_ratio: Estimate
    reject_rate: Estimate
    usual_gap_ns: float
    relapses: int
    rejects_in_row: int
    timeouts_in_row: int
    cancel_timeouts_in_row: int
    dropped_no_mid_buy: int
    dropped_no_mid_sell: int
    dropped_stale_mid_buy: int
    dropped_stale_mid_sell: int
    dropped_not_trading_buy: int
    dropped_not_trading_sell: int
    dropped_table_full_buy: int
    dropped_table_full_sell: int
    clean: int
    clean_needed: int
    probes: int
    venue: int
    health: str


class AlarmEvent(OutputEvent, frozen=True, kw_only=True, tag="alarm"):
    """A fact that needs a person."""

    child_id: int
    order_id: int
    value: int
    kind: str
    venue: int
    source: int


class BreakEvent(OutputEvent, frozen=True, kw_only=True, tag="break"):
    """A difference between our books and a drop copy, or what a day's end finds open."""

    child_id: int
    order_id: int
    trade_id: int
    our_units: int
    their_units: int
    our_nanos: int
    their_nanos: int
    kind: str
    venue: int


class PositionEvent(OutputEvent, frozen=True, kw_only=True, tag="position"):
    """An account's position in an instrument at a day's end."""

    net_units: int
    bought_units: int
    sold_units: int
    open_buy_units: int
    open_sell_units: int
    notional: int
    fee_nanos: int
    account: str


class VenueSumsEvent(OutputEvent, frozen=True, kw_only=True, tag="venue_sums"):
    """Decayed sums of what a shard's children have taught about a venue."""

    quality_seq: int
    fill_weight: float
    fill_total: float
    ack_weight: float
    ack_total: float
    venue: int


class BudgetStateEvent(OutputEvent, frozen=True, kw_only=True, tag="budget_state"):
    """A shard's share of an account's gross limit, what is used of it and what was wanted."""

    number: int
    budget_ones: int
    used_ones: int
    wanted_ones: int
    account: str


class MassCancelReportEvent(OutputEvent, frozen=True, kw_only=True, tag="mass_cancel_report"):
    """A mass cancel was carried out in a shard."""

    source_seq: int
    affected: int
    cl_ord_id: str
    target: str
    scope: str
    source: int


Event = (
    SmartRoutingDecisionEvent
    | ChildEvent
    | CancelChildEvent
    | StatusRequestEvent
    | ReplaceChildEvent
    | OrderStateEvent
    | ChildStateEvent
    | RefusalEvent
    | QualityEvent
    | ExecutionQualityEvent
    | VenueQualityEvent
    | AlarmEvent
    | BreakEvent
    | PositionEvent
    | VenueSumsEvent
    | BudgetStateEvent
    | MassCancelReportEvent
)
