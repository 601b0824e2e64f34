"""Columns of the read models of reference data and kill switches."""

from __future__ import annotations

from projections.views.view import NAME, View

INSTRUMENTS = View(
    "instruments",
    1,
    (
        ("instrument", "i"),
        ("key", "96s"),
        ("quote_ccy", "24s"),
        ("units_per_one", "q"),
        ("tick_nanos", "q"),
        ("round_lot_units", "q"),
        ("default_policy", "i"),
        ("asset_class", "i"),
        ("version", "q"),
    ),
)
VENUES = View(
    "venues",
    1,
    (
        ("venue", "i"),
        ("key", NAME),
        ("mic", "12s"),
        ("name", "96s"),
        ("kind", "i"),
        ("is_protected", "i"),
        ("modelled", "i"),
        ("status", "i"),
        ("ack_prior_ns", "q"),
        ("version", "q"),
    ),
)
POLICIES = View(
    "policies",
    1,
    (
        ("policy", "i"),
        ("name", "96s"),
        ("kind", "i"),
        ("policy_version", "i"),
        ("version", "q"),
    ),
)
REFERENCE = View(
    "reference",
    4,
    (
        ("input_type", "i"),
        ("instrument", "q"),
        ("venue", "i"),
        ("detail", "q"),
        ("version", "q"),
        ("log_ns", "q"),
        ("record", "b"),
    ),
)
"""The last reference record of each thing as it is in the input log. `detail` tells things of one
kind, instrument and venue apart: a policy's id, or liquidity code, tier and account."""

KILLS = View(
    "kills",
    5,
    (
        ("shard", "i"),
        ("scope", "i"),
        ("instrument", "q"),
        ("venue", "i"),
        ("target", NAME),
        ("engaged", "i"),
        ("log_ns", "q"),
        ("seq", "q"),
        ("stamp", "q"),
    ),
)
"""`stamp` is that of the relay of reference data, 0 for a switch that a person pulled."""
