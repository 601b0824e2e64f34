"""Output records: what the engine says. All start with the 40-byte output header."""

from __future__ import annotations

from schemas.envelope import OUT_HEADER_FIELDS
from schemas.layout import Layout

DECISION = Layout(
    "Decision",
    (
        *OUT_HEADER_FIELDS,
        ("order_id", "Q"),
        ("reference_version", "Q"),
        ("quality_seq", "Q"),
        ("rows_digest", "Q"),
        ("first_child_id", "Q"),
        ("attempt", "I"),
        ("policy", "I"),
        ("policy_version", "I"),
        ("side", "B"),
        ("outcome", "B"),
        ("candidates", "B"),
        ("children", "B"),
        ("remaining_units", "q"),
        ("limit_nanos", "q"),
        ("allocated_units", "q"),
        ("arrival_bid_nanos", "q"),
        ("arrival_ask_nanos", "q"),
        ("protected_bid_nanos", "q"),
        ("protected_ask_nanos", "q"),
        ("displayed_bid_nanos", "q"),
        ("displayed_ask_nanos", "q"),
        ("expected_cost_lo", "Q"),
        ("expected_cost_hi", "q"),
        ("best_price_units", "q"),
        ("best_price_cost_lo", "Q"),
        ("best_price_cost_hi", "q"),
        ("sweep_units", "q"),
        ("sweep_cost_lo", "Q"),
        ("sweep_cost_hi", "q"),
        ("cl_ord_id", "32s"),
        ("account", "16s"),
        ("flags", "B"),
        ("time_in_force", "B"),
        ("protection", "B"),
        ("reserved", "1s"),
        ("remainder_e9", "I"),
        ("penalty_nanos", "q"),
        ("added_cost_lo", "Q"),
        ("added_cost_hi", "q"),
        ("ticket_nanos", "q"),
        ("cap_nanos", "q"),
    ),
)
"""Fixed part of a SmartRoutingDecisionEvent, followed by `candidates` candidate blocks in
venue-key order and `children` allocation blocks.

Costs are 128-bit: sum over units of (side sign * price + fee) * units, in nanos * units, the miss
penalty left out, so that they compare with what the baselines would have paid. `outcome` says
whether the whole remainder found a place. 0 in a price field means that there was none.

`added_cost` is what the optimiser charged besides, in nanos * units: likely misses, impact, and
what `balanced` weighs; `ticket_nanos` the children's fixed costs and what bounds of fees add, less
what they take off (negative where that is more). `penalty_nanos` is the price of
missing one whole one, `remainder_e9` the share of the parent that is expected to remain, on which
impact is charged. `cap_nanos` is the protected price beyond which no child may trade, 0 = none.
"""

CANDIDATE = Layout(
    "Candidate",
    (
        ("venue", "B"),
        ("reason", "B"),
        ("levels", "B"),
        ("flags", "B"),
        ("quote_age_us", "I"),
        ("value", "q"),
    ),
)
"""Head of a candidate block. Excluded (reason != 0): `value` is what decided, nothing follows.
Included: `value` is the touch price, then ROW, then own units (i64) if OWN_UNITS is set, then
`levels` pairs (price delta from touch, units), u32 each, or u64 where the WIDE flags say so,
padded with zeros to a multiple of 8 bytes.

Where their flags are set, i64 each, come before the levels in this order: own units, impact
(WIDE_IMPACT), balance, ticket, hidden units; then the units that inventory cut what may be sold
there to, where `levels`, whose low nibble is the count, has INVENTORY (LevelsFlag), and the least
and the most that is charged, each 0 = none, where it has FEE_BOUNDS: for what a child takes of a
level, or with FEE_PER_ORDER for the child.

An included candidate without levels is a dark pool: `value` is the midpoint at which it would
trade, and i64 each follow what it may be asked for and what missing one whole one there costs."""

MISSES = 8
ROW = Layout(
    "Row",
    (
        ("fee_nanos", "q"),
        *((f"miss_{index}", "H") for index in range(MISSES)),
        ("ack_ns", "I"),
        ("impact_nanos", "I"),
    ),
)
"""Quality values as used. Fee at the touch per whole one; the chance, in 1/65536, that the last of
1, 2, 4 .. 64 round lots, and of more, is not there; expected acknowledgement latency, 4.29 s at
most; impact on what remains of the parent, per whole one (WIDE_IMPACT: in its own i64)."""

ALLOCATION = Layout(
    "Allocation",
    (
        ("venue", "B"),
        ("levels", "B"),
        ("time_in_force", "B"),
        ("flags", "B"),
        ("send_delay_ns", "I"),
        ("units", "q"),
        ("limit_nanos", "q"),
    ),
)
"""One child of the decision; its id is first_child_id + its index. `flags` are AllocationFlag."""

CHILD = Layout(
    "Child",
    (
        *OUT_HEADER_FIELDS,
        ("child_id", "Q"),
        ("order_id", "Q"),
        ("decision_id", "Q"),
        ("units", "q"),
        ("limit_nanos", "q"),
        ("min_units", "q"),
        ("send_delay_ns", "q"),
        ("expire_ns", "q"),
        ("venue", "B"),
        ("side", "B"),
        ("ord_type", "B"),
        ("time_in_force", "B"),
        ("exec_inst", "B"),
        ("capacity", "B"),
        ("reserved", "2s"),
        ("cl_ord_id", "32s"),
        ("account", "16s"),
    ),
)
"""A child order to send. `decision_id` is the out_seq of its decision."""

CANCEL_CHILD = Layout(
    "CancelChild",
    (
        *OUT_HEADER_FIELDS,
        ("child_id", "Q"),
        ("order_id", "Q"),
        ("venue", "B"),
        ("reserved", "7s"),
    ),
)
"""Ask the venue to cancel a child."""

STATUS_REQUEST = Layout(
    "StatusRequest",
    (
        *OUT_HEADER_FIELDS,
        ("child_id", "Q"),
        ("order_id", "Q"),
        ("venue", "B"),
        ("attempt", "B"),
        ("reserved", "6s"),
    ),
)
"""Ask the venue what became of a child of unknown outcome; the answer is an ORDER_STATUS report."""

REPLACE_CHILD = Layout(
    "ReplaceChild",
    (
        *OUT_HEADER_FIELDS,
        ("child_id", "Q"),
        ("order_id", "Q"),
        ("units", "q"),
        ("limit_nanos", "q"),
        ("venue", "B"),
        ("reserved", "7s"),
    ),
)
"""Ask the venue to change a resting child to `units` in all (what it has executed included) and
`limit_nanos`; the answer is REPLACED or REPLACE_REJECT."""

ORDER_STATE = Layout(
    "OrderState",
    (
        *OUT_HEADER_FIELDS,
        ("order_id", "Q"),
        ("decision_id", "Q"),
        ("order_units", "q"),
        ("cum_units", "q"),
        ("outstanding_units", "q"),
        ("notional_lo", "Q"),
        ("notional_hi", "q"),
        ("fee_nanos", "q"),
        ("horizon_units", "q"),
        ("horizon_cost_lo", "Q"),
        ("horizon_cost_hi", "q"),
        ("state", "B"),
        ("reason", "B"),
        ("side", "B"),
        ("reserved", "5s"),
        ("cl_ord_id", "32s"),
        ("account", "16s"),
    ),
)
"""A parent's new state. `notional` is the sum of price nanos * units over its fills.

Of one that has ended with something left, `horizon_*` say how much of that a sweep of all venues
could take now, whatever the limit, and what it would cost: sum of (sign * price + fee) * units."""

CHILD_STATE = Layout(
    "ChildState",
    (
        *OUT_HEADER_FIELDS,
        ("child_id", "Q"),
        ("order_id", "Q"),
        ("trade_id", "Q"),
        ("units", "q"),
        ("cum_units", "q"),
        ("last_units", "q"),
        ("last_nanos", "q"),
        ("fee_nanos", "q"),
        ("state", "B"),
        ("exec_type", "B"),
        ("liquidity", "B"),
        ("venue", "B"),
        ("report_flags", "B"),
        ("reason", "B"),
        ("reserved", "2s"),
    ),
)
"""A child's new state after a report or a timer (exec_type 0). `reason` says why we held, dropped
or withdrew it. After a TRADE_CANCEL or TRADE_CORRECT, `trade_id` names the trade it changed."""

REFUSAL = Layout(
    "Refusal",
    (
        *OUT_HEADER_FIELDS,
        ("source_seq", "Q"),
        ("value", "q"),
        ("order_id", "Q"),
        ("reason", "B"),
        ("input_type", "B"),
        ("source", "B"),
        ("venue", "B"),
        ("reserved", "4s"),
        ("cl_ord_id", "32s"),
        ("account", "16s"),
    ),
)
"""An input that was not applied, with the reason and the deciding value. `order_id` names the
first order for a repeat."""

QUALITY = Layout(
    "Quality",
    (
        *OUT_HEADER_FIELDS,
        ("quality_seq", "Q"),
        ("quotes", "Q"),
        ("trades", "Q"),
        ("fills", "Q"),
        ("bid_units", "d"),
        ("bid_units_se", "d"),
        ("ask_units", "d"),
        ("ask_units_se", "d"),
        ("near_bid_units", "d"),
        ("near_ask_units", "d"),
        ("spread_nanos", "d"),
        ("spread_nanos_se", "d"),
        ("share_at_bid", "d"),
        ("share_at_ask", "d"),
        ("two_sided_share", "d"),
        ("observed_ns", "d"),
        ("touch_changes", "d"),
        ("refill_bid_ns", "d"),
        ("refill_bid_n", "d"),
        ("refill_ask_ns", "d"),
        ("refill_ask_n", "d"),
        ("feed_delay_ns", "d"),
        ("feed_delay_se", "d"),
        ("feed_delay_n", "d"),
        ("feed_delay_min_ns", "q"),
        ("feed_delay_p90_ns", "q"),
        ("fill_ratio", "d"),
        ("fill_ratio_se", "d"),
        ("fill_ratio_n", "d"),
        ("ack_ns", "d"),
        ("ack_ns_se", "d"),
        ("ack_n", "d"),
        ("venue", "B"),
        ("reserved", "7s"),
    ),
)
"""One row of the venue quality table, from ticks and the answers to our children: estimates,
standard errors (`_se`) and effective sample sizes (`_n`; `touch_changes` for sizes and spread).
`near_*` is the size within the settings' ticks of the touch; `refill_*` how long a lost touch took
to come back."""

EXECUTION_QUALITY = Layout(
    "ExecutionQuality",
    (
        *OUT_HEADER_FIELDS,
        ("quality_seq", "Q"),
        ("fee_mismatches", "Q"),
        ("fee_expected_nanos", "q"),
        ("fee_charged_nanos", "q"),
        *(
            (f"{name}{part}", "d")
            for name in (
                "first_fill_ns",
                "reject_rate",
                "hidden_units",
                "effective_bps",
                "improvement_bps",
                "all_in_bps",
                *(
                    f"{kind}_{horizon}_bps"
                    for kind in ("adverse", "realised", "impact", "mid_adverse")
                    for horizon in range(1, 5)
                ),
                *(f"passive_fill_{queue}" for queue in range(4)),
            )
            for part in ("", "_se", "_n")
        ),
        *((f"available_{index}", "d") for index in range(8)),
        *((f"available_{index}_n", "d") for index in range(8)),
        ("venue", "B"),
        ("reserved", "7s"),
    ),
)
"""What our fills at a venue have cost and what followed them, by horizon 1 to 4 of the settings.
`adverse` and `realised` are of added liquidity, `impact` of removed, net of the control's drift;
`available_i` is P(size >= 2^i round lots) with its trials `_n`; `passive_fill_i` P(filled within
the last horizon) of a unit that rests behind less than 1, 4, 32 or any number of round lots."""

DROPPED = tuple(
    f"dropped_{reason}_{side}"
    for reason in ("no_mid", "stale_mid", "not_trading", "table_full")
    for side in ("buy", "sell")
)
"""Counts of markouts in the order of MarkoutDrop; only controls are dropped for our own orders."""

FEED_CLASSES = ("other", "equity", "crypto", "event")
"""Instruments whose feed delay is told apart, by `asset_class`; a number beyond them is other."""

VENUE_QUALITY = Layout(
    "VenueQuality",
    (
        *OUT_HEADER_FIELDS,
        ("quality_seq", "Q"),
        ("since_ns", "q"),
        ("quote_ns", "q"),
        *(
            (f"{name}_{quantile}_ns", "q")
            for name in ("feed", "ack", "fill")
            for quantile in ("p50", "p90", "p99")
        ),
        ("feed_n", "Q"),
        ("ack_n", "Q"),
        ("fill_n", "Q"),
        *(
            (f"feed_{name}_{part}", "Q" if part == "n" else "q")
            for name in FEED_CLASSES
            for part in ("p50_ns", "p90_ns", "p99_ns", "n")
        ),
        ("fill_ratio", "d"),
        ("fill_ratio_se", "d"),
        ("fill_ratio_n", "d"),
        ("reject_rate", "d"),
        ("reject_rate_se", "d"),
        ("reject_rate_n", "d"),
        ("usual_gap_ns", "d"),
        ("relapses", "I"),
        ("rejects_in_row", "I"),
        ("timeouts_in_row", "I"),
        ("cancel_timeouts_in_row", "I"),
        *((name, "I") for name in DROPPED),
        ("clean", "I"),
        ("clean_needed", "I"),
        ("probes", "I"),
        ("venue", "B"),
        ("health", "B"),
        ("reserved", "2s"),
    ),
)
"""A venue over all instruments of the shard: health and what counts against it, latency quantiles,
the feed's by class of instrument too, fills and rejects, markouts of its fills that could not
settle, by reason and side, and probes sent. Emitted on the
cadence and at once when its health changes; the instrument is none."""

ALARM = Layout(
    "Alarm",
    (
        *OUT_HEADER_FIELDS,
        ("child_id", "Q"),
        ("order_id", "Q"),
        ("value", "q"),
        ("kind", "B"),
        ("venue", "B"),
        ("source", "B"),
        ("reserved", "5s"),
    ),
)
"""A fact that needs a person."""


BREAK = Layout(
    "Break",
    (
        *OUT_HEADER_FIELDS,
        ("child_id", "Q"),
        ("order_id", "Q"),
        ("trade_id", "Q"),
        ("our_units", "q"),
        ("their_units", "q"),
        ("our_nanos", "q"),
        ("their_nanos", "q"),
        ("kind", "B"),
        ("venue", "B"),
        ("reserved", "6s"),
    ),
)
"""A difference between our books and a drop copy, or what a day's end finds open (`our_units`)."""

POSITION = Layout(
    "Position",
    (
        *OUT_HEADER_FIELDS,
        ("net_units", "q"),
        ("bought_units", "q"),
        ("sold_units", "q"),
        ("open_buy_units", "q"),
        ("open_sell_units", "q"),
        ("notional_lo", "Q"),
        ("notional_hi", "q"),
        ("fee_nanos", "q"),
        ("account", "16s"),
    ),
)
"""An account's position in the header's instrument at a day's end. `net_units` is carried over;
bought, sold, `notional` (price nanos * units, bought less sold) and fees are those of the day."""
