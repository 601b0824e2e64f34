"""Columns of the read models, once for the folds and once for the tables that hold them.

A code is "q" (64 bits), "i" (fits 32 bits), "d" (double), "b" (bytes) or a width such as "48s"
(text). MISSING stands for what is not known and is stored as NULL. Ids are `global_id` of a shard
and a number within it. Money is in micros, 1e-6 of the instrument's quote currency. Codes (side,
state, reason) are the numbers of `schemas.codes`; venues and instruments are dense ids.
"""

from __future__ import annotations

from projections.views.reference_columns import INSTRUMENTS, KILLS, POLICIES, REFERENCE, VENUES
from projections.views.view import CL_ORD_ID, NAME, Columns, View, typed

IDENTITY: Columns = (("client", NAME), ("account", NAME), ("cl_ord_id", CL_ORD_ID))
SOURCE: Columns = (("id", "q"), ("shard", "i"), ("out_seq", "q"), ("seq", "q"), ("log_ns", "q"))

ORDERS = View(
    "orders",
    1,
    (
        ("id", "q"),
        ("shard", "i"),
        ("order_id", "q"),
        ("log_ns", "q"),
        ("instrument", "i"),
        *IDENTITY,
        ("trader", NAME),
        *typed(
            "i",
            "side ord_type time_in_force exec_inst urgency policy",
        ),
        *typed(
            "q",
            "order_units limit_nanos min_units display_units expire_ns transact_ns "
            "receive_ns arrival_bid_nanos arrival_ask_nanos",
        ),
        *typed(
            "i",
            "arrival_flags decisions children state reason",
        ),
        *typed(
            "q",
            "cum_units outstanding_units notional_micros fee_nanos shortfall_micros "
            "sweep_units sweep_cost_micros opportunity_micros",
        ),
        *typed("i", "opportunity_from is_final"),
        ("updated_ns", "q"),
        ("updated_out_seq", "q"),
    ),
)
"""`shortfall_micros` is of what was executed: s (notional - executed units * arrival mid) + fees;
MISSING where the arrival had no valid mid. `opportunity_micros` is of what was left when the order
ended, priced by a sweep of it at that moment, fees included and whatever its limit; where the books
could not have taken it all, by that of the last decision, as `opportunity_from` says: 0 where
nothing was left, MISSING while it is open, and where neither could have. The two over the value at
the arrival mid are the implementation shortfall. An amendment that counts changes `cl_ord_id` and
the terms."""

AMENDMENTS = View(
    "amendments",
    1,
    (
        ("id", "q"),
        ("shard", "i"),
        ("seq", "q"),
        ("log_ns", "q"),
        ("instrument", "i"),
        *IDENTITY,
        ("orig_cl_ord_id", CL_ORD_ID),
        *typed("q", "order_units limit_nanos min_units display_units expire_ns"),
        ("state", "i"),
        ("order_id", "q"),
    ),
)
"""Amendments as they were asked for; `order_id` is set once they count."""

DECISIONS = View(
    "decisions",
    1,
    (
        *SOURCE,
        ("order_id", "q"),
        ("instrument", "i"),
        *IDENTITY,
        *typed(
            "i",
            "side policy policy_version attempt outcome time_in_force flags",
        ),
        *typed(
            "q",
            "remaining_units limit_nanos allocated_units arrival_bid_nanos "
            "arrival_ask_nanos protected_bid_nanos protected_ask_nanos "
            "displayed_bid_nanos displayed_ask_nanos expected_cost_micros "
            "best_price_units best_price_cost_micros sweep_units sweep_cost_micros",
        ),
        ("candidates", "i"),
        ("children", "i"),
        *typed(
            "q",
            "venue_mask first_child_id reference_version quality_seq segment_seq "
            "frame_offset record_offset",
        ),
        ("record_bytes", "i"),
    ),
)
"""Costs are signed as in the record (a sell's is negative). `venue_mask` has a bit for each dense
venue id that got a child. The last four columns find the whole record in the output log."""

CHILDREN = View(
    "children",
    1,
    (
        ("id", "q"),
        ("shard", "i"),
        *typed(
            "q",
            "child_id log_ns order_id decision_id",
        ),
        ("instrument", "i"),
        ("venue", "i"),
        *IDENTITY,
        *typed(
            "i",
            "side policy ord_type time_in_force exec_inst",
        ),
        *typed(
            "q",
            "units limit_nanos min_units send_delay_ns expire_ns mid_x2_nanos "
            "far_nanos arrival_x2_nanos",
        ),
        ("state", "i"),
        ("cum_units", "q"),
        ("fills", "i"),
        *typed(
            "q",
            "notional_micros fee_nanos ack_latency_ns fill_latency_ns updated_ns updated_out_seq",
        ),
    ),
)
"""`mid_x2_nanos` is twice the mid at the send, `far_nanos` the protected far touch then (marketable
children only), `arrival_x2_nanos` twice the parent's arrival mid; MISSING where there was none.
Latencies are from the send to the first answer and the first fill."""

FILLS = View(
    "fills",
    1,
    (
        *SOURCE,
        *typed(
            "q",
            "child_id order_id decision_id",
        ),
        ("instrument", "i"),
        ("venue", "i"),
        *IDENTITY,
        *typed(
            "i",
            "side policy exec_type liquidity report_flags",
        ),
        *typed(
            "q",
            "trade_id units price_nanos fee_nanos notional_micros effective_micros "
            "improvement_micros all_in_micros latency_ns",
        ),
    ),
)
"""`effective_micros` is 2 s (px - mid at send) * units, `improvement_micros` s (far touch - px) *
units, `all_in_micros` s (px - arrival mid) * units + fee; MISSING without what they compare with.
`trade_id` keeps 64 bits, the highest as the sign. A trade that a venue cancels or corrects is a row
of its own that holds the difference: units and money may be negative there."""

REFUSALS = View(
    "refusals",
    1,
    (
        *SOURCE,
        ("instrument", "q"),
        ("venue", "i"),
        *IDENTITY,
        ("source", "i"),
        ("source_seq", "q"),
        ("input_type", "i"),
        ("reason", "i"),
        ("value", "q"),
        ("order_id", "q"),
    ),
)
ALARMS = View(
    "alarms",
    1,
    (
        *SOURCE,
        ("kind", "i"),
        ("instrument", "q"),
        ("venue", "i"),
        ("source", "i"),
        ("child_id", "q"),
        ("order_id", "q"),
        ("value", "q"),
    ),
)
CHILD_REQUESTS = View(
    "child_requests",
    1,
    (
        *SOURCE,
        ("kind", "i"),
        ("instrument", "q"),
        ("venue", "i"),
        *typed("q", "child_id order_id units limit_nanos"),
        ("attempt", "i"),
    ),
)
"""What a venue was asked about a child: cancel, status, replace; `kind` is the output type."""

BREAKS = View(
    "breaks",
    1,
    (
        *SOURCE,
        ("kind", "i"),
        ("instrument", "q"),
        ("venue", "i"),
        *typed("q", "child_id order_id trade_id our_units their_units our_nanos their_nanos"),
    ),
)
"""Differences between our books and a drop copy, and what a day's end finds open."""

ACCOUNT_POSITIONS = View(
    "account_positions",
    1,
    (
        *SOURCE,
        ("instrument", "i"),
        ("account", NAME),
        *typed(
            "q",
            "net_units bought_units sold_units open_buy_units open_sell_units notional_micros "
            "fee_nanos",
        ),
    ),
)
"""What accounts held at days' ends."""
QUALITY_HISTORY = View(
    "quality_history",
    5,
    (
        ("kind", "i"),
        ("instrument", "q"),
        ("venue", "i"),
        ("shard", "i"),
        ("bucket_ns", "q"),
        ("log_ns", "q"),
        ("out_seq", "q"),
        ("record", "b"),
    ),
)
"""The last record of each cadence bucket; `kind` is the output type."""

PLACE: Columns = (("shard", "i"), ("instrument", "q"), ("venue", "i"))
STAMP: Columns = (("log_ns", "q"), ("out_seq", "q"))

QUALITY = View(
    "quality",
    3,
    (
        *PLACE,
        *STAMP,
        *typed(
            "q",
            "quotes trades fills",
        ),
        *typed(
            "d",
            "bid_units ask_units spread_nanos share_at_bid share_at_ask fill_ratio "
            "fill_ratio_se fill_ratio_n ack_ns ack_n feed_delay_ns feed_delay_n",
        ),
        ("record", "b"),
    ),
)
EXECUTION_QUALITY = View(
    "execution_quality",
    3,
    (
        *PLACE,
        *STAMP,
        *typed(
            "d",
            "all_in_bps all_in_bps_se all_in_bps_n effective_bps effective_bps_n "
            "improvement_bps improvement_bps_n reject_rate reject_rate_n",
        ),
        ("record", "b"),
    ),
)
VENUE_QUALITY = View(
    "venue_quality",
    3,
    (
        *PLACE,
        *STAMP,
        ("health", "i"),
        ("relapses", "i"),
        *typed(
            "q",
            "feed_p50_ns feed_p99_ns feed_n ack_p50_ns ack_p90_ns ack_p99_ns ack_n "
            "fill_p50_ns fill_p99_ns fill_n",
        ),
        *typed(
            "d",
            "fill_ratio fill_ratio_n reject_rate reject_rate_n",
        ),
        ("record", "b"),
    ),
)
"""The latest tables; `record` is the whole output record, for what has no column of its own."""

CELL: Columns = (("hour_ns", "q"), ("instrument", "i"), ("policy", "i"), ("client", NAME))

PERFORMANCE_VENUES = View(
    "performance_venues",
    5,
    (
        *CELL,
        ("venue", "i"),
        *typed(
            "q",
            "children children_filled children_rejected fills fills_added "
            "sent_micros filled_micros notional_micros fee_nanos effective_micros "
            "effective_notional_micros improvement_micros "
            "improvement_notional_micros all_in_micros all_in_notional_micros",
        ),
    ),
)
"""Sums by hour of the event. `sent` and `filled` value units at the child's own limit, so that
their ratio is a fill ratio over instruments too; each `_notional` belongs to the sum before it."""

PERFORMANCE_ORDERS = View(
    "performance_orders",
    4,
    (
        *CELL,
        *typed(
            "q",
            "orders orders_ended orders_filled decisions ordered_micros "
            "executed_micros unfilled_micros shortfall_micros opportunity_micros "
            "opportunity_notional_micros "
            "best_price_saved_micros best_price_notional_micros sweep_saved_micros "
            "sweep_notional_micros",
        ),
    ),
)
"""`ordered`, `executed` and `unfilled` value units at the parent's arrival mid; `saved` is what a
baseline would have paid above what the decision expected to pay, where both take the same units;
`opportunity` is of what was left where it could be priced, `opportunity_notional` its value."""

PERFORMANCE_LATENCY = View(
    "performance_latency",
    7,
    (*CELL, ("venue", "i"), ("kind", "i"), ("bucket", "i"), ("count", "q")),
)
"""Latencies in log buckets, four an octave; `kind` 0 = send to first answer, 1 = to first fill."""

INSERTED = (DECISIONS, FILLS, REFUSALS, ALARMS, CHILD_REQUESTS, BREAKS, ACCOUNT_POSITIONS)
"""Rows that are written once."""
REPLACED = (
    INSTRUMENTS,
    VENUES,
    POLICIES,
    REFERENCE,
    KILLS,
    QUALITY,
    EXECUTION_QUALITY,
    VENUE_QUALITY,
    QUALITY_HISTORY,
    AMENDMENTS,
)
"""Rows whose last value stands."""
EVOLVING = (ORDERS, CHILDREN)
"""Rows that are folded: written once, then changed in their last columns."""
ADDED = (PERFORMANCE_VENUES, PERFORMANCE_ORDERS, PERFORMANCE_LATENCY)
"""Rows that grow: values behind the key are added."""
VIEWS = (*INSERTED, *REPLACED, *EVOLVING, *ADDED)
CHANGING = {
    "orders": ORDERS.names[ORDERS.names.index("policy") :],
    "children": CHILDREN.names[CHILDREN.names.index("state") :],
}
"""Columns of evolving rows that a later record may change."""
