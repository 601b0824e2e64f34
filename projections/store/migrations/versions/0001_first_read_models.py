"""The first read models.

Revision 0001. What a released revision made is never edited: later ones change it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TYPES: dict[str, Any] = {
    "id": sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
    "big": sa.BigInteger(),
    "int": sa.Integer(),
    "text": sa.Text(),
    "double": sa.Double(),
    "bytes": sa.LargeBinary(),
}
TABLES = {
    "account_positions": """
        id:id! shard:int out_seq:big seq:big log_ns:big instrument:int account:text
        net_units:big bought_units:big sold_units:big open_buy_units:big
        open_sell_units:big notional_micros:big fee_nanos:big
    """,
    "alarms": """
        id:id! shard:int out_seq:big seq:big log_ns:big kind:int instrument:big venue:int
        source:int child_id:big order_id:big value:big
    """,
    "amendments": """
        id:id! shard:int seq:big log_ns:big instrument:int client:text account:text
        cl_ord_id:text orig_cl_ord_id:text order_units:big limit_nanos:big min_units:big
        display_units:big expire_ns:big state:int order_id:big
    """,
    "breaks": """
        id:id! shard:int out_seq:big seq:big log_ns:big kind:int instrument:big venue:int
        child_id:big order_id:big trade_id:big our_units:big their_units:big
        our_nanos:big their_nanos:big
    """,
    "child_requests": """
        id:id! shard:int out_seq:big seq:big log_ns:big kind:int instrument:big venue:int
        child_id:big order_id:big units:big limit_nanos:big attempt:int
    """,
    "children": """
        id:id! shard:int child_id:big log_ns:big order_id:big decision_id:big
        instrument:int venue:int client:text account:text cl_ord_id:text side:int
        policy:int ord_type:int time_in_force:int exec_inst:int units:big limit_nanos:big
        min_units:big send_delay_ns:big expire_ns:big mid_x2_nanos:big? far_nanos:big?
        arrival_x2_nanos:big? state:int cum_units:big fills:int notional_micros:big
        fee_nanos:big ack_latency_ns:big? fill_latency_ns:big? updated_ns:big
        updated_out_seq:big
    """,
    "decisions": """
        id:id! shard:int out_seq:big seq:big log_ns:big order_id:big instrument:int
        client:text account:text cl_ord_id:text side:int policy:int policy_version:int
        attempt:int outcome:int time_in_force:int flags:int remaining_units:big
        limit_nanos:big allocated_units:big arrival_bid_nanos:big arrival_ask_nanos:big
        protected_bid_nanos:big protected_ask_nanos:big displayed_bid_nanos:big
        displayed_ask_nanos:big expected_cost_micros:big best_price_units:big
        best_price_cost_micros:big sweep_units:big sweep_cost_micros:big candidates:int
        children:int venue_mask:big first_child_id:big reference_version:big
        quality_seq:big segment_seq:big frame_offset:big record_offset:big
        record_bytes:int
    """,
    "execution_quality": """
        shard:int! instrument:big! venue:int! log_ns:big out_seq:big all_in_bps:double?
        all_in_bps_se:double? all_in_bps_n:double? effective_bps:double?
        effective_bps_n:double? improvement_bps:double? improvement_bps_n:double?
        reject_rate:double? reject_rate_n:double? record:bytes
    """,
    "facts": """
        name:text! value:text
    """,
    "fills": """
        id:id! shard:int out_seq:big seq:big log_ns:big child_id:big order_id:big
        decision_id:big instrument:int venue:int client:text account:text cl_ord_id:text
        side:int policy:int exec_type:int liquidity:int report_flags:int trade_id:big
        units:big price_nanos:big fee_nanos:big notional_micros:big effective_micros:big?
        improvement_micros:big? all_in_micros:big? latency_ns:big
    """,
    "instruments": """
        instrument:int! key:text quote_ccy:text units_per_one:big tick_nanos:big
        round_lot_units:big default_policy:int asset_class:int version:big
    """,
    "kills": """
        shard:int! scope:int! instrument:big! venue:int! target:text! engaged:int
        log_ns:big seq:big stamp:big
    """,
    "orders": """
        id:id! shard:int order_id:big log_ns:big instrument:int client:text account:text
        cl_ord_id:text trader:text side:int ord_type:int time_in_force:int exec_inst:int
        urgency:int policy:int order_units:big limit_nanos:big min_units:big
        display_units:big expire_ns:big transact_ns:big receive_ns:big
        arrival_bid_nanos:big arrival_ask_nanos:big arrival_flags:int decisions:int
        children:int state:int reason:int cum_units:big outstanding_units:big
        notional_micros:big fee_nanos:big shortfall_micros:big? sweep_units:big
        sweep_cost_micros:big opportunity_micros:big? opportunity_from:int is_final:int
        updated_ns:big updated_out_seq:big
    """,
    "performance_latency": """
        hour_ns:big! instrument:int! policy:int! client:text! venue:int! kind:int!
        bucket:int! count:big
    """,
    "performance_orders": """
        hour_ns:big! instrument:int! policy:int! client:text! orders:big orders_ended:big
        orders_filled:big decisions:big ordered_micros:big executed_micros:big
        unfilled_micros:big shortfall_micros:big? opportunity_micros:big?
        opportunity_notional_micros:big best_price_saved_micros:big
        best_price_notional_micros:big sweep_saved_micros:big sweep_notional_micros:big
    """,
    "performance_venues": """
        hour_ns:big! instrument:int! policy:int! client:text! venue:int! children:big
        children_filled:big children_rejected:big fills:big fills_added:big
        sent_micros:big filled_micros:big notional_micros:big fee_nanos:big
        effective_micros:big? effective_notional_micros:big improvement_micros:big?
        improvement_notional_micros:big all_in_micros:big? all_in_notional_micros:big
    """,
    "policies": """
        policy:int! name:text kind:int policy_version:int version:big
    """,
    "positions": """
        shard:int! out_seq:big seq:big log_ns:big
    """,
    "quality": """
        shard:int! instrument:big! venue:int! log_ns:big out_seq:big quotes:big trades:big
        fills:big bid_units:double? ask_units:double? spread_nanos:double?
        share_at_bid:double? share_at_ask:double? fill_ratio:double? fill_ratio_se:double?
        fill_ratio_n:double? ack_ns:double? ack_n:double? feed_delay_ns:double?
        feed_delay_n:double? record:bytes
    """,
    "quality_history": """
        kind:int! instrument:big! venue:int! shard:int! bucket_ns:big! log_ns:big
        out_seq:big record:bytes
    """,
    "reference": """
        input_type:int! instrument:big! venue:int! detail:big! version:big log_ns:big
        record:bytes
    """,
    "refusals": """
        id:id! shard:int out_seq:big seq:big log_ns:big instrument:big venue:int
        client:text account:text cl_ord_id:text source:int source_seq:big input_type:int
        reason:int value:big order_id:big
    """,
    "venue_quality": """
        shard:int! instrument:big! venue:int! log_ns:big out_seq:big health:int
        relapses:int feed_p50_ns:big? feed_p99_ns:big? feed_n:big ack_p50_ns:big?
        ack_p90_ns:big? ack_p99_ns:big? ack_n:big fill_p50_ns:big? fill_p99_ns:big?
        fill_n:big fill_ratio:double? fill_ratio_n:double? reject_rate:double?
        reject_rate_n:double? record:bytes
    """,
    "venues": """
        venue:int! key:text mic:text name:text kind:int is_protected:int modelled:int
        status:int ack_prior_ns:big version:big
    """,
}
"""Columns as name:type; `!` is of the key, `?` may be NULL."""
WITHOUT_ROWID = ("performance_venues", "performance_orders", "performance_latency")

INDEXES = {
    "ix_account_positions_account_log_ns_id": ("account_positions", "account log_ns id"),
    "ix_account_positions_log_ns_id": ("account_positions", "log_ns id"),
    "ix_amendments_log_ns_id": ("amendments", "log_ns id"),
    "ix_amendments_order_id": ("amendments", "order_id"),
    "ix_amendments_state_shard": ("amendments", "state shard"),
    "ix_breaks_log_ns_id": ("breaks", "log_ns id"),
    "ix_child_requests_log_ns_id": ("child_requests", "log_ns id"),
    "ix_child_requests_order_id": ("child_requests", "order_id"),
    "ix_children_instrument_log_ns_id": ("children", "instrument log_ns id"),
    "ix_fills_instrument_log_ns_id": ("fills", "instrument log_ns id"),
    "ix_alarms_log_ns_id": ("alarms", "log_ns id"),
    "ix_children_log_ns_id": ("children", "log_ns id"),
    "ix_children_order_id": ("children", "order_id"),
    "ix_children_venue_log_ns_id": ("children", "venue log_ns id"),
    "ix_decisions_client_log_ns_id": ("decisions", "client log_ns id"),
    "ix_decisions_instrument_log_ns_id": ("decisions", "instrument log_ns id"),
    "ix_decisions_log_ns_id": ("decisions", "log_ns id"),
    "ix_decisions_order_id": ("decisions", "order_id"),
    "ix_fills_log_ns_id": ("fills", "log_ns id"),
    "ix_execution_quality_instrument_shard_venue": (
        "execution_quality",
        "instrument shard venue",
    ),
    "ix_fills_order_id": ("fills", "order_id"),
    "ix_fills_venue_log_ns_id": ("fills", "venue log_ns id"),
    "ix_orders_cl_ord_id_account": ("orders", "cl_ord_id account"),
    "ix_orders_client_log_ns_id": ("orders", "client log_ns id"),
    "ix_orders_instrument_log_ns_id": ("orders", "instrument log_ns id"),
    "ix_orders_is_final_log_ns_id": ("orders", "is_final log_ns id"),
    "ix_orders_log_ns_id": ("orders", "log_ns id"),
    "ix_performance_orders_instrument_hour_ns": ("performance_orders", "instrument hour_ns"),
    "ix_performance_venues_instrument_hour_ns": ("performance_venues", "instrument hour_ns"),
    "ix_quality_history_kind_instrument_venue_log_ns": (
        "quality_history",
        "kind instrument venue log_ns",
    ),
    "ix_quality_instrument_shard_venue": ("quality", "instrument shard venue"),
    "ix_reference_version": ("reference", "version"),
    "ix_refusals_cl_ord_id_account": ("refusals", "cl_ord_id account"),
    "ix_refusals_log_ns_id": ("refusals", "log_ns id"),
    "ix_refusals_reason_log_ns_id": ("refusals", "reason log_ns id"),
}


def upgrade() -> None:
    """To this revision."""
    for name, columns in TABLES.items():
        made = [column(word) for word in columns.split()]
        op.create_table(name, *made, sqlite_with_rowid=name not in WITHOUT_ROWID)
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns.split())


def downgrade() -> None:
    """Back to nothing."""
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table)
    for name in TABLES:
        op.drop_table(name)


def column(word: str) -> sa.Column[Any]:
    """A column from its word."""
    name, _, kind = word.partition(":")
    is_key, is_nullable = kind.endswith("!"), kind.endswith("?")
    return sa.Column(
        name,
        TYPES[kind.rstrip("!?")],
        primary_key=is_key,
        nullable=is_nullable,
        autoincrement=False,
    )
