"""What a plain market is made from."""

from __future__ import annotations

import msgspec

from schemas.errors import InputError
from schemas.units import NS_PER_MS, NS_PER_S

TICK_NANOS = 10_000_000
QUARTERS = 4
"""Efficient prices move on a grid of quarter ticks."""
STEP_NS = NS_PER_MS
"""Efficient prices move once a step."""
LEVELS = 5
WARM_UP_NS = 2 * NS_PER_S
"""Before the first order every venue has quoted."""


class PlainConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Size, speed and seed of a plain market; `records_per_s` is approximate."""

    venues: int = 24
    instruments: int = 4
    seed: int = 1
    records_per_s: int = 20_000
    orders_per_s: int = 50
    start_ns: int = 1_767_623_400 * NS_PER_S

    def check(self) -> None:
        """InputError when a value is out of range."""
        for name, value, least, most in (
            ("venues", self.venues, 1, 64),
            ("instruments", self.instruments, 1, 1000),
            ("seed", self.seed, 0, 2**63 - 1),
            ("records_per_s", self.records_per_s, 100, 10_000_000),
            ("orders_per_s", self.orders_per_s, 1, 100_000),
            ("start_ns", self.start_ns, 0, 2**62),
        ):
            if not least <= value <= most:
                raise InputError(f"plain market: {name} is {value}; give {least} to {most}")
