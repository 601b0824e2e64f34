"""What simple routers would have paid on the same snapshot."""

from __future__ import annotations

from aggregates.candidates import Candidate, Level
from aggregates.order import Order


def best_price(order: Order, candidates: list[Candidate], wanted: int) -> tuple[int, int]:
    """Everything to the venue with the best touch, fees ignored: (units, cost)."""
    eligible = [c for c in candidates if not c.reason and not c.is_dark]
    if not eligible:
        return 0, 0
    touch = min(eligible, key=lambda c: (order.sign * c.value, c.rank))
    return _sweep(order.sign, list(touch.levels), wanted)


def fee_blind_sweep(order: Order, candidates: list[Candidate], wanted: int) -> tuple[int, int]:
    """Best prices first over all venues, fees ignored: (units, cost)."""
    shown = [c for c in candidates if not c.reason and not c.is_dark]
    levels = [level for c in shown for level in c.levels]
    # The sort is stable: equal prices stay in venue-key order.
    levels.sort(key=lambda level: order.sign * level.price_nanos)
    return _sweep(order.sign, levels, wanted)


def _sweep(sign: int, levels: list[Level], wanted: int) -> tuple[int, int]:
    left, cost = wanted, 0
    for level in levels:
        take = min(left, level.available_units)
        left -= take
        cost += (sign * level.price_nanos + level.fee_nanos) * take
    return wanted - left, cost
