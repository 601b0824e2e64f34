"""Market records: one 64-byte slot each."""

from __future__ import annotations

from schemas.envelope import HEADER_FIELDS
from schemas.layout import Layout

QUOTE = Layout(
    "Quote",
    (
        *HEADER_FIELDS,
        ("bid_nanos", "q"),
        ("bid_units", "q"),
        ("ask_nanos", "q"),
        ("ask_units", "q"),
    ),
)
"""Both sides of one book level (flags: level, MORE, MODELLED_*); a side of size 0 is empty."""

TRADE = Layout(
    "Trade",
    (
        *HEADER_FIELDS,
        ("price_nanos", "q"),
        ("units", "q"),
        ("trade_id", "Q"),
        ("conditions", "I"),
        ("aggressor", "B"),
        ("reserved", "3s"),
    ),
)
"""A print. `conditions` are TradeCondition bits; `aggressor` is 0 unknown, 1 buy, 2 sell."""

STATUS = Layout(
    "Status",
    (*HEADER_FIELDS, ("status", "B"), ("reserved", "31s")),
)
"""VenueStatus of a whole venue (instrument = none) or of one instrument; OPEN is a heartbeat."""

TIMER = Layout("Timer", (*HEADER_FIELDS, ("reserved", "32s")))
"""Moves time forward and nothing else."""
