"""Parent-order records, every field of a desk's order from the start."""

from __future__ import annotations

from schemas.envelope import HEADER_FIELDS
from schemas.layout import Layout

SHED = 1
"""Header flag of an order that came to a full queue: it is refused and not remembered."""

NEW_ORDER = Layout(
    "NewOrder",
    (
        *HEADER_FIELDS,
        ("cl_ord_id", "32s"),
        ("orig_cl_ord_id", "32s"),
        ("account", "16s"),
        ("client", "16s"),
        ("trader", "16s"),
        ("locate_id", "16s"),
        ("session", "16s"),
        ("self_match_id", "16s"),
        ("symbol", "32s"),
        ("order_units", "q"),
        ("limit_nanos", "q"),
        ("min_units", "q"),
        ("display_units", "q"),
        ("expire_ns", "q"),
        ("transact_ns", "q"),
        ("receive_ns", "q"),
        ("venues_allowed", "Q"),
        ("venues_banned", "Q"),
        ("policy", "I"),
        ("side", "B"),
        ("ord_type", "B"),
        ("time_in_force", "B"),
        ("exec_inst", "B"),
        ("capacity", "B"),
        ("urgency", "B"),
        ("post_permission", "B"),
        ("reserved", "13s"),
    ),
)
"""A parent order, 320 bytes; also the layout of AMEND_ORDER: the whole new order under
a new `cl_ord_id`, naming the last accepted one in `orig_cl_ord_id`.

Identity = (account, cl_ord_id, instrument). `venues_allowed` and `venues_banned` are bit masks of
dense venue ids, 0 = no list. `policy` 0 = the instrument's default. `capacity` is FIX 528's letter.
"""

CANCEL_ORDER = Layout(
    "CancelOrder",
    (
        *HEADER_FIELDS,
        ("cl_ord_id", "32s"),
        ("orig_cl_ord_id", "32s"),
        ("account", "16s"),
        ("transact_ns", "q"),
        ("reserved", "8s"),
    ),
)
"""Cancel the parent whose ClOrdID is `orig_cl_ord_id`, 128 bytes; also the layout of ORDER_STATUS,
which asks for that parent's state and changes nothing."""

MASS_CANCEL = Layout(
    "MassCancel",
    (
        *HEADER_FIELDS,
        ("cl_ord_id", "32s"),
        ("target", "16s"),
        ("scope", "B"),
        ("reserved", "47s"),
    ),
)
"""Cancels every open parent in a KillScope of the shard; unlike KILL it holds back nothing new.

The header names the instrument, `target` the client, account or trader; a venue is no scope here.
"""

BUDGET = Layout(
    "Budget",
    (
        *HEADER_FIELDS,
        ("account", "16s"),
        ("budget_ones", "q"),
        ("reserved", "8s"),
    ),
)
"""This shard's share of a budgeted account's gross limit from here on, in whole quote currency.

A share that shrinks stays as large as what is in use; BUDGET_STATE says what it became."""

INVENTORY = Layout(
    "Inventory",
    (
        *HEADER_FIELDS,
        ("account", "16s"),
        ("units", "q"),
        ("reserved", "8s"),
    ),
)
"""All that an account holds of the header's instrument at the header's venue from here on, open
sells included: a stated opening, or a balance told anew. It binds where LIMITS say so."""

KILL = Layout(
    "Kill",
    (
        *HEADER_FIELDS,
        ("scope", "B"),
        ("engaged", "B"),
        ("reserved", "6s"),
        ("target", "16s"),
        ("reserved2", "8s"),
    ),
)
"""Kill switch: KillScope; `engaged` 1 stops new children, 0 re-arms.

The header names the venue or instrument, `target` the client, account or trader.
"""

END_OF_DAY = Layout("EndOfDay", (*HEADER_FIELDS, ("reserved", "32s")))
"""The trading day is over: DAY parents and children expire, what is open or unknown is flagged,
positions are reported and rolled."""

REARM = Layout("Rearm", (*HEADER_FIELDS, ("account", "16s"), ("person", "16s")))
"""A named person re-arms an account whose repeat-execution throttle has tripped."""
