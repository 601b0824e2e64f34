"""Fee schedules of venues from a JSON file: maker and taker shares of the price, by volume tier.

The file maps a venue's name to `fees.<market>` with `taker`, `maker` and, where it has them,
`tiers.taker` and `tiers.maker` as [[month's volume, share], ...]; `trading` is the market of a
spot venue, `linear.trading` one further down. What a file leaves out stays unknown, nothing is 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from schemas.codes import Liquidity
from schemas.errors import InputError
from schemas.units import price_nanos

CODES = {"taker": Liquidity.TAKE, "maker": Liquidity.ADD}
MARKETS = ("trading", "spot")
"""Where a spot fee stands, in order of preference."""


@dataclass(frozen=True, slots=True)
class Line:
    """One tier: from a month's `volume` on, `rate_e9` of the price."""

    liquidity: Liquidity
    tier: int
    volume: int
    rate_e9: int

    def fields(self) -> dict[str, int]:
        """Fields of a FEE_TIER record."""
        return {
            "liquidity": int(self.liquidity),
            "tier": self.tier,
            "volume": self.volume,
            "rate_e9": self.rate_e9,
        }


def read_schedules(path: Path, markets: tuple[str, ...] = MARKETS) -> dict[str, tuple[Line, ...]]:
    """Venue name -> its lines; InputError names the file and the venue that cannot be read."""
    try:
        listed = json.loads(path.read_text(), parse_float=Decimal, parse_int=Decimal)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}; give a JSON file of fee schedules") from error
    if not isinstance(listed, dict):
        raise InputError(f"{path}: not an object of venues; give a JSON file of fee schedules")
    found = {}
    for name, venue in listed.items():
        try:
            found[name] = tuple(_lines(venue["fees"], markets))
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise InputError(f"{path}: venue {name}: no fee schedule ({error!r})") from error
    return found


def _lines(fees: dict[str, Any], markets: tuple[str, ...]) -> Iterator[Line]:
    for side, liquidity in CODES.items():
        for market in markets:
            part: Any = fees
            for name in market.split("."):
                part = part.get(name) or {}
            tiers = (part.get("tiers") or {}).get(side)
            if tiers is None and part.get(side) is not None:
                tiers = [[Decimal(0), part[side]]]
            if tiers:
                for tier, (volume, share) in enumerate(tiers):
                    yield Line(liquidity, tier, int(volume), price_nanos(f"{share:f}"))
                break
