"""From names in the files to dense ids: venues by code, instruments by pattern."""

from __future__ import annotations

import re
import string
from fnmatch import fnmatchcase
from typing import Any

from schemas.errors import InputError
from schemas.units import price_nanos, units_from_text
from streams.sources.config import Dataset, Instruments, Listing

UNKNOWN = -1
MAX_KEY_BYTES = 64


class KeyFormatter(string.Formatter):
    """`{base!u}` is the group in capitals."""

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        return value.upper() if conversion == "u" else super().convert_field(value, conversion)


def instrument_key(instruments: Instruments, text: str) -> str:
    """The instrument's key for a symbol or file name, "" where the pattern does not match."""
    found = re.search(instruments.pattern, text)
    if not found:
        return ""
    key = KeyFormatter().format(instruments.key, **found.groupdict())
    if len(key.encode()) > MAX_KEY_BYTES:
        raise InputError(
            f"instrument key {key!r} is over {MAX_KEY_BYTES} bytes; shorten the pattern"
        )
    return key


def venue_ids(dataset: Dataset) -> dict[str, int]:
    """Venue code in the files -> dense venue id (the place in the TOML)."""
    return {code: i for i, venue in enumerate(dataset.venues) for code in venue.codes}


def listing_for(dataset: Dataset, venue_key: str, instrument: str) -> Listing:
    """What the TOML's listings say of one pair; later entries override earlier ones."""
    settings = {"venue": venue_key, "instrument": instrument}
    for listing in dataset.listings:
        if fnmatchcase(venue_key, listing.venue) and fnmatchcase(instrument, listing.instrument):
            for name in ("tick", "lot", "min", "contract_value"):
                settings[name] = getattr(listing, name) or settings.get(name, "")
    return Listing(**settings)


def tick_nanos(dataset: Dataset, listing: Listing) -> int:
    """Price step of a listing in nanos."""
    return price_nanos(listing.tick or dataset.instruments.tick)


def lot_units(dataset: Dataset, listing: Listing) -> int:
    """Size step of a listing in units."""
    decimals = dataset.instruments.decimals
    return max(1, units_from_text(listing.lot or dataset.instruments.round_lot, decimals))


def scale_decimals(scale: str, decimals: int) -> int:
    """Digits after the point that a file's number may have, when 1 in it is worth `scale`.

    InputError when the scale is no power of ten or finer than the integers allow.
    """
    nanos = price_nanos(scale)
    exponent = len(str(nanos)) - 1 - 9
    if nanos != 10 ** (exponent + 9) or exponent + decimals < 0:
        raise InputError(f"scale {scale!r} must be a power of ten that keeps {decimals} decimals")
    return exponent + decimals
