"""Units of every number that crosses a room boundary.

Prices are integers in 1e-9 of the quote currency (`_nanos`), sizes are integers in the
instrument's smallest unit (`_units`), time is integer nanoseconds since 1970 UTC (`_ns`),
and fractions are integers in 1e-9 (`_e9`). Doubles appear only inside statistical estimates.
"""

from __future__ import annotations

NANOS_PER_ONE = 1_000_000_000
NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
NS_PER_US = 1_000
E9 = 1_000_000_000

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)
UINT64_MAX = 2**64 - 1
INT128_MAX = 2**127 - 1

MAX_LEVELS = 10
MAX_VENUES = 64
MAX_PRICE_NANOS = 10**17
"""Highest accepted price: 100 million of the quote currency."""
MAX_UNITS = 10**15
"""Largest accepted size; with MAX_PRICE_NANOS it keeps sums of notionals inside 128 bits."""

VENUE_NONE = 255
INSTRUMENT_NONE = 0xFFFFFFFF
SOURCE_REFERENCE = 0
"""Source id of the broadcast reference stream; its source_seq is the dense reference version."""


def price_nanos(text: str) -> int:
    """Exact price in nanos from decimal text; raises ValueError when finer than 1e-9."""
    return _scaled(text, 9)


def units_from_text(text: str, decimals: int) -> int:
    """Exact size in smallest units from decimal text with `decimals` places."""
    return _scaled(text, decimals)


def _scaled(text: str, decimals: int) -> int:
    sign = -1 if text.startswith("-") else 1
    whole, _, fraction = text[text.startswith(("+", "-")) :].partition(".")
    fraction = fraction.rstrip("0")
    digits = whole + fraction
    if not (digits.isascii() and digits.isdigit()) or len(fraction) > decimals:
        raise ValueError(f"{text!r} is not a number with at most {decimals} decimals")
    scale: int = 10 ** (decimals - len(fraction))
    return sign * int(digits) * scale


def decimal_text(value: int, decimals: int = 9) -> str:
    """Shortest decimal text of an integer scaled by 10**decimals."""
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**decimals)
    tail = f"{fraction:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{sign}{whole}.{tail}" if tail else f"{sign}{whole}"
