"""The records of a state's encoding, in the order in which they are written (see `state`)."""

from __future__ import annotations

from schemas.layout import Layout
from schemas.units import MAX_VENUES

HEAD = Layout(
    "Head",
    (
        ("magic", "8s"),
        ("version", "I"),
        ("shard", "I"),
        ("seq", "Q"),
        ("log_ns", "q"),
        ("out_seq", "Q"),
        ("reference_version", "Q"),
        ("reference_seen", "Q"),
        ("quality_seq", "Q"),
        ("next_child_id", "Q"),
        ("next_markout_id", "Q"),
        ("publish_due_ns", "q"),
        ("control_due_ns", "q"),
        ("health_due_ns", "q"),
        ("halve_due_ns", "q"),
        ("oldest_ns", "q"),
        ("activated", "32s"),
        ("kill_all", "Q"),
        ("venues", "I"),
        ("instruments", "I"),
        ("policies", "I"),
        ("identities", "I"),
        ("orders", "I"),
        ("timers", "I"),
        ("markouts", "I"),
        ("hazards", "I"),
        ("killed_clients", "I"),
        ("killed_accounts", "I"),
        ("killed_traders", "I"),
        ("suspended_accounts", "I"),
        ("postings", "I"),
        ("accounts", "I"),
        ("positions", "I"),
        ("recent", "I"),
        ("copies", "I"),
        ("openings", "I"),
        ("compares_copies", "Q"),
    ),
)
PAIR = Layout("Pair", (("first", "Q"), ("second", "Q")))
COUNTER = Layout("Counter", (("count", "Q"),))
VENUE_TAIL = Layout(
    "VenueTail",
    (
        ("status", "B"),
        ("killed", "B"),
        ("self_help", "B"),
        ("reserved", "5s"),
        ("wide_fill_e9", "q"),
        ("wide_ack_ns", "q"),
        ("hold_until_ns", "q"),
    ),
)
BOOK_TAIL = Layout(
    "BookTail",
    (
        ("has_limits", "B"),
        ("killed", "B"),
        ("reserved", "6s"),
        ("mid_x2", "q"),
        ("mid_ns", "q"),
        ("fill_ns", "q"),
    ),
)
MARKOUT = Layout(
    "MarkoutBytes",
    (
        ("markout_id", "Q"),
        ("price_nanos", "q"),
        ("mid_x2", "q"),
        ("start_ns", "q"),
        ("instrument", "I"),
        ("venue", "B"),
        ("kind", "B"),
        ("sign", "b"),
        ("reserved", "1s"),
    ),
)
IDENTITY = Layout(
    "IdentityState",
    (
        ("account", "16s"),
        ("cl_ord_id", "32s"),
        ("instrument", "I"),
        ("reserved", "I"),
        ("digest", "Q"),
        ("transact_ns", "q"),
        ("order_id", "Q"),
        ("decision_id", "Q"),
    ),
)
ORDER = Layout(
    "OrderStateBytes",
    (
        ("raw", "320s"),
        ("order_id", "Q"),
        ("decision_id", "Q"),
        ("limit_nanos", "q"),
        ("arrival_bid_nanos", "q"),
        ("arrival_ask_nanos", "q"),
        ("cum_units", "q"),
        ("notional_lo", "Q"),
        ("notional_hi", "q"),
        ("fee_lo", "Q"),
        ("fee_hi", "q"),
        ("retry_due_ns", "q"),
        ("policy", "I"),
        ("attempts", "I"),
        ("children", "I"),
        ("state", "B"),
        ("end_reason", "B"),
        ("amends", "B"),
        ("reserved", "1s"),
        ("posts", "I"),
        ("reserved2", "I"),
        ("expire_due_ns", "q"),
        *((f"visited_{venue}", "Q") for venue in range(MAX_VENUES)),
    ),
)
"""Followed by the amendment that waits, if any, and its children in the order they were made."""
CHILD = Layout(
    "ChildStateBytes",
    (
        ("child_id", "Q"),
        ("decision_id", "Q"),
        ("units", "q"),
        ("limit_nanos", "q"),
        ("displayed_units", "q"),
        ("sent_ns", "q"),
        ("mid_x2", "q"),
        ("far_nanos", "q"),
        ("cum_units", "q"),
        ("busted_units", "q"),
        ("pending_units", "q"),
        ("pending_nanos", "q"),
        ("due_ns", "q"),
        ("min_units", "q"),
        ("trades", "I"),
        ("reports", "I"),
        ("venue", "B"),
        ("state", "B"),
        ("time_in_force", "B"),
        ("acked", "B"),
        ("exec_inst", "B"),
        ("queries", "B"),
        ("reason", "B"),
        ("queue", "B"),
        ("rest_ns", "q"),
        ("age_ns", "q"),
        ("ended_ns", "q"),
        *(("ended_venue_ns", "q"), ("ended_units", "q")),
        ("rested", "B"),
        ("reserved", "7s"),
    ),
)
"""Followed by its trades by rising trade id."""
TRADE = Layout(
    "TradeBytes",
    (
        *(("trade_id", "Q"), ("units", "q"), ("nanos", "q"), ("fee_nanos", "q")),
        *(("changed", "B"), ("liquidity", "B"), ("cell", "B"), ("reserved", "5s")),
        *(("row_ns", "q"), ("venue_ns", "q")),
    ),
)
TIMER = Layout("TimerBytes", (("due_ns", "q"), ("kind", "Q"), ("subject", "Q")))
TARGET = Layout("Target", (("name", "16s"),))
