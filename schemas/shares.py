"""What shards say to each other: sums of a venue, shares of an account's limit, mass cancels."""

from __future__ import annotations

from schemas.envelope import OUT_HEADER_FIELDS
from schemas.layout import Layout

VENUE_SUMS = Layout(
    "VenueSums",
    (
        *OUT_HEADER_FIELDS,
        ("quality_seq", "Q"),
        ("fill_weight", "d"),
        ("fill_total", "d"),
        ("ack_weight", "d"),
        ("ack_total", "d"),
        ("venue", "B"),
        ("reserved", "7s"),
    ),
)
"""Decayed sums of 1 and x of a venue over this shard's children, faded to `log_ns`: filled shares
and acknowledgement latencies in ns. Sums of shards add up, which their means do not."""

BUDGET_STATE = Layout(
    "BudgetState",
    (
        *OUT_HEADER_FIELDS,
        ("number", "Q"),
        ("budget_ones", "q"),
        ("used_ones", "q"),
        ("wanted_ones", "q"),
        ("account", "16s"),
    ),
)
"""This shard's share of an account's gross limit after its BUDGET input `number`, in whole quote
currency; what is in use; and the most that an order was refused for since the last such record."""

MASS_CANCEL_REPORT = Layout(
    "MassCancelReport",
    (
        *OUT_HEADER_FIELDS,
        ("source_seq", "Q"),
        ("affected", "Q"),
        ("cl_ord_id", "32s"),
        ("target", "16s"),
        ("scope", "B"),
        ("source", "B"),
        ("reserved", "6s"),
    ),
)
"""A mass cancel was carried out: `affected` parents of the shard were told to end (FIX 533)."""
