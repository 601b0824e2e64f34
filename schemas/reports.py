"""Execution reports of venues and brokers."""

from __future__ import annotations

from schemas.envelope import HEADER_FIELDS
from schemas.layout import Layout

EXEC_REPORT = Layout(
    "ExecReport",
    (
        *HEADER_FIELDS,
        ("child_id", "Q"),
        ("trade_id", "Q"),
        ("ref_trade_id", "Q"),
        ("report_id", "Q"),
        ("last_nanos", "q"),
        ("last_units", "q"),
        ("cum_units", "q"),
        ("leaves_units", "q"),
        ("fee_nanos", "q"),
        ("venue_order_id", "24s"),
        ("text", "32s"),
        ("exec_type", "B"),
        ("ord_status", "B"),
        ("liquidity", "B"),
        ("reject_reason", "B"),
        ("report_flags", "B"),
        ("reserved", "3s"),
        ("retry_after_ns", "q"),
        ("reserved2", "16s"),
    ),
)
"""What a venue says of a child, 192 bytes. `fee_nanos` is the charge in 1e-9 of the quote currency,
negative for a rebate. `cum_units` and `leaves_units` are the venue's own count, -1 = not said.
`venue` or `instrument` of none = not said. TRADE_CANCEL and TRADE_CORRECT name the trade in
`ref_trade_id`; a correction carries the full new size, price and fee. Also the layout of DROP_COPY,
the broker's second copy of a trade, which is compared with ours and never booked.
`retry_after_ns` of a REJECTED is how long the venue wants to be left alone, its rate limit; 0 = not
said.
"""
