"""Headers of the two logs.

Input: every record is 1..8 slots of 64 bytes and starts with the same 32-byte header.
Position = (shard, seq), where seq counts input records, so no offset is stored in them.
Output: every record starts with the same 40-byte header; `size` is the whole record in bytes.
"""

from __future__ import annotations

from schemas.codes import InputType
from schemas.layout import Layout

SLOT = 64

HEADER_FIELDS = (
    ("type", "B"),
    ("flags", "B"),
    ("venue", "B"),
    ("source", "B"),
    ("instrument", "I"),
    ("source_seq", "Q"),
    ("log_ns", "q"),
    ("venue_ns", "q"),
)
HEADER = Layout("Header", HEADER_FIELDS)

OUT_HEADER_FIELDS = (
    ("size", "I"),
    ("type", "B"),
    ("version", "B"),
    ("shard", "H"),
    ("instrument", "I"),
    ("header_reserved", "I"),
    ("out_seq", "Q"),
    ("seq", "Q"),
    ("log_ns", "q"),
)
OUT_HEADER = Layout("OutHeader", OUT_HEADER_FIELDS)

SLOTS = {
    InputType.QUOTE: 1,
    InputType.TRADE: 1,
    InputType.STATUS: 1,
    InputType.TIMER: 1,
    InputType.NEW_ORDER: 5,
    InputType.CANCEL_ORDER: 2,
    InputType.AMEND_ORDER: 5,
    InputType.END_OF_DAY: 1,
    InputType.KILL: 1,
    InputType.REARM: 1,
    InputType.EXEC_REPORT: 3,
    InputType.DROP_COPY: 3,
    InputType.ACCOUNT: 2,
    InputType.POSTING: 2,
    InputType.INSTRUMENT: 3,
    InputType.VENUE: 3,
    InputType.LISTING: 1,
    InputType.FEE: 1,
    InputType.POLICY: 4,
    InputType.LIMITS: 2,
    InputType.SETTINGS: 4,
    InputType.ENGINE: 1,
    InputType.FEE_TIER: 2,
    InputType.BILLING: 2,
    InputType.VENUE_PRIOR: 1,
    InputType.BUDGET: 1,
    InputType.ORDER_STATUS: 2,
    InputType.MASS_CANCEL: 2,
    InputType.INVENTORY: 1,
}
"""Record type -> number of 64-byte slots. A type not listed takes one slot and is refused."""

REFERENCE_TYPES = frozenset(
    kind
    for kind in InputType
    if InputType.INSTRUMENT <= kind < InputType.BUDGET
    or kind in (InputType.ACCOUNT, InputType.POSTING)
)
"""Inputs that come on source 0 in dense order, each with the full new value of what it names."""
