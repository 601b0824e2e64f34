"""Send delays that let the children of one decision arrive together.

A child at a nearer venue waits for the farthest one, so that nobody who sees the first arrive can
be faster at the others than our own order. One way is taken as half of the measured round trip.
"""

from __future__ import annotations

from typing import Any

from aggregates.allocation import Plan
from aggregates.tables import Tables
from schemas.units import NS_PER_US

P90 = 90


def equalise(policy: Any, plan: Plan, tables: Tables) -> None:
    """Sets `send_delay_ns` of each child, in whole microseconds.

    A venue whose p90 is beyond the policy's cap delays nobody and is not delayed.
    """
    cap_ns = policy.max_delay_us * NS_PER_US
    near = [part for part in plan.allocations if _p90_ns(tables, part.candidate.venue) <= cap_ns]
    latest_ns = max((part.candidate.ack_ns // 2 for part in near), default=0)
    for part in near:
        delay_ns = min(latest_ns - part.candidate.ack_ns // 2, cap_ns)
        part.send_delay_ns = delay_ns - delay_ns % NS_PER_US


def _p90_ns(tables: Tables, venue: int) -> int:
    """One way to a venue in nine of ten cases; what is believed of it before any answer."""
    histogram = tables.venues[venue].quality.ack_histogram
    return (histogram.quantile_ns(P90) if histogram.total else tables.ack_prior_ns(venue)) // 2
