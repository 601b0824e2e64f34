"""Events of one small decision, made by hand so that figures can be worked out on paper."""

from __future__ import annotations

from typing import Any

from projections.views.explanation import Story, tell
from projections.views.names import Names
from schemas.codes import InputType, PolicyKind, VenueStatus
from schemas.events import (
    CandidateVenue,
    ChildAllocation,
    ChildEvent,
    ChildStateEvent,
    Event,
    Level,
    OrderStateEvent,
    SmartRoutingDecisionEvent,
)
from schemas.reference import ENGINE, INSTRUMENT, POLICY, VENUE

CENT = 10_000_000
PLACE = {"version": 1, "shard": 0, "instrument": 0, "log_ns": 1_700_000_000 * 10**9}


def names() -> Names:
    """IBM at three venues, two policies."""
    found = Names()
    found.add(
        InputType.INSTRUMENT,
        INSTRUMENT.pack(key=b"IBM", quote_ccy=b"USD", units_per_one=1, tick_nanos=CENT),
    )
    for venue, key in enumerate((b"AAA", b"BBB", b"CCC")):
        status = int(VenueStatus.OPEN)
        found.add(InputType.VENUE, VENUE.pack(venue=venue, key=key, name=key * 2, status=status))
    for kind in (PolicyKind.BEST_PRICE, PolicyKind.LOWEST_COST):
        aware = kind == PolicyKind.LOWEST_COST
        record = POLICY.pack(
            policy=int(kind),
            name=kind.name.lower().encode(),
            kind=int(kind),
            split=1,
            fee_aware=aware,
        )
        found.add(InputType.POLICY, record)
    found.add(InputType.ENGINE, ENGINE.pack(version_hash=bytes(range(32))))
    return found


def decision(**changes: Any) -> SmartRoutingDecisionEvent:
    """Buys 300 at 100.00: 200 at AAA (fee 0.003), 100 at BBB (rebate 0.001); CCC is stale."""
    fees = 200 * 3_000_000 - 100 * 1_000_000
    plain: dict[str, Any] = {
        **PLACE,
        "out_seq": 10,
        "seq": 50,
        "order_id": 50,
        "reference_version": 9,
        "quality_seq": 4,
        "rows_digest": 255,
        "first_child_id": 1,
        "attempt": 1,
        "policy": 2,
        "policy_version": 1,
        "side": "buy",
        "outcome": "full",
        "remaining_units": 300,
        "limit_nanos": 10_000 * CENT,
        "allocated_units": 300,
        "arrival_bid_nanos": 9_998 * CENT,
        "arrival_ask_nanos": 10_000 * CENT,
        "protected_bid_nanos": 9_998 * CENT,
        "protected_ask_nanos": 10_000 * CENT,
        "displayed_bid_nanos": 9_998 * CENT,
        "displayed_ask_nanos": 10_000 * CENT,
        "expected_cost": 300 * 10_000 * CENT + fees,
        "best_price_units": 200,
        "best_price_cost": 200 * (10_000 * CENT + 3_000_000),
        "sweep_units": 300,
        "sweep_cost": 300 * (10_000 * CENT + 3_000_000),
        "cl_ord_id": "A-1",
        "account": "ACC",
        "flags": (),
        "time_in_force": "ioc",
        "candidates": (
            CandidateVenue(
                venue=0,
                reason="none",
                value=10_000 * CENT,
                quote_age_us=1_500,
                fee_nanos=3_000_000,
                ack_ns=2_000_000,
                fill_ratio=0.9,
                flags=("modelled",),
                levels=(Level(10_000 * CENT, 500), Level(10_001 * CENT, 500)),
            ),
            CandidateVenue(
                venue=1,
                reason="none",
                value=10_000 * CENT,
                quote_age_us=20,
                fee_nanos=-1_000_000,
                ack_ns=12_000_000,
                fill_ratio=0.5,
                own_units=10,
                levels=(Level(10_000 * CENT, 110),),
            ),
            CandidateVenue(venue=2, reason="stale_quote", value=2 * 10**9, quote_age_us=2_000_000),
        ),
        "children": (
            ChildAllocation(
                venue=0, levels=1, time_in_force="ioc", units=200, limit_nanos=10_000 * CENT
            ),
            ChildAllocation(
                venue=1, levels=1, time_in_force="ioc", units=100, limit_nanos=10_000 * CENT
            ),
        ),
    }
    return SmartRoutingDecisionEvent(**{**plain, **changes})


def child(child_id: int, venue: int, units: int, **changes: Any) -> ChildEvent:
    """A child of the decision."""
    plain: dict[str, Any] = {
        **PLACE,
        "out_seq": 10 + child_id,
        "seq": 50,
        "child_id": child_id,
        "order_id": 50,
        "decision_id": 10,
        "units": units,
        "limit_nanos": 10_000 * CENT,
        "min_units": 0,
        "send_delay_ns": 0,
        "expire_ns": 0,
        "venue": venue,
        "side": "buy",
        "ord_type": "limit",
        "time_in_force": "ioc",
        "exec_inst": (),
        "capacity": 65,
        "cl_ord_id": "A-1",
        "account": "ACC",
    }
    return ChildEvent(**{**plain, **changes})


def child_state(child_id: int, state: str, **changes: Any) -> ChildStateEvent:
    """A state of a child, two milliseconds after it was sent."""
    plain: dict[str, Any] = {
        **PLACE,
        "log_ns": PLACE["log_ns"] + 2_000_000,
        "out_seq": 20,
        "seq": 51,
        "child_id": child_id,
        "order_id": 50,
        "trade_id": 0,
        "units": 200,
        "cum_units": 0,
        "last_units": 0,
        "last_nanos": 0,
        "fee_nanos": 0,
        "state": state,
        "exec_type": "new",
        "liquidity": "none",
        "venue": child_id - 1,
        "report_flags": (),
        "reason": "none",
    }
    return ChildStateEvent(**{**plain, **changes})


def final() -> OrderStateEvent:
    """The order's end: 200 of 300."""
    return OrderStateEvent(
        **PLACE,
        out_seq=30,
        seq=60,
        order_id=50,
        decision_id=10,
        order_units=300,
        cum_units=200,
        outstanding_units=0,
        notional=200 * 10_000 * CENT,
        fee_nanos=600_000_000,
        horizon_units=100,
        horizon_cost=100 * 10_010 * CENT,
        state="canceled",
        reason="ioc_remainder",
        side="buy",
        cl_ord_id="A-1",
        account="ACC",
    )


def story(**changes: Any) -> Story:
    """The decision with its outcome: AAA filled, BBB cancelled."""
    fill = child_state(
        1,
        "filled",
        exec_type="trade",
        last_units=200,
        last_nanos=10_000 * CENT,
        cum_units=200,
        fee_nanos=600_000_000,
        report_flags=("modelled",),
    )
    made = decision(**changes)
    events: list[Event] = [
        made,
        child(1, 0, 200),
        child(2, 1, 100),
        child_state(1, "acknowledged"),
        fill,
        child_state(2, "canceled", exec_type="canceled"),
        final(),
        child(3, 0, 100, decision_id=99),
    ]
    order = {"ord_type": "limit", "order_units": 300}
    return tell(made, names(), order, events)
