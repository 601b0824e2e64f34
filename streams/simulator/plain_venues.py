"""The venues of a plain market: keys and fee kinds from a table, habits drawn from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from schemas.units import NS_PER_MS, NS_PER_US
from streams.simulator.noise import Ints, below
from streams.simulator.plain_config import PlainConfig

_TRAITS = 1


class PlainVenue(NamedTuple):
    """`mic` is empty for a private code; fees per share in nanos, negative for a rebate."""

    key: str
    mic: str
    name: str
    take_nanos: int
    add_nanos: int


_MAKER_TAKER = (3_000_000, -2_000_000)
_CHEAP_MAKER_TAKER = (2_500_000, -1_500_000)
_INVERTED = (-1_400_000, 1_800_000)
_FLAT = (900_000, 900_000)
_FREE = (0, 0)

_LIT = (
    ("XNYS", "NYSE", _MAKER_TAKER),
    ("ARCX", "NYSE Arca", _MAKER_TAKER),
    ("XCHI", "NYSE Texas", _FLAT),
    ("XCIS", "NYSE National", _INVERTED),
    ("XASE", "NYSE American", _CHEAP_MAKER_TAKER),
    ("XNAS", "Nasdaq", _MAKER_TAKER),
    ("XBOS", "Nasdaq BX", _INVERTED),
    ("XPHL", "Nasdaq PSX", _CHEAP_MAKER_TAKER),
    ("BATS", "Cboe BZX", _MAKER_TAKER),
    ("BATY", "Cboe BYX", _INVERTED),
    ("EDGA", "Cboe EDGA", _INVERTED),
    ("EDGX", "Cboe EDGX", _MAKER_TAKER),
    ("IEXG", "IEX", _FLAT),
    ("MEMX", "MEMX", _CHEAP_MAKER_TAKER),
    ("EPRL", "MIAX Pearl Equities", _CHEAP_MAKER_TAKER),
    ("LTSE", "LTSE", _FREE),
)
_PRIVATE_FEES = (_MAKER_TAKER, _FLAT, _INVERTED, _FREE)


def plain_venues(count: int) -> list[PlainVenue]:
    """The first `count` venues; those after the listed exchanges carry private codes."""
    listed = [PlainVenue(mic, mic, name, *fees) for mic, name, fees in _LIT]
    private = [
        PlainVenue(f"SIM{n:02d}", "", f"Simulated venue {n}", *_PRIVATE_FEES[n % 4])
        for n in range(1, count - len(listed) + 1)
    ]
    return (listed + private)[:count]


@dataclass(frozen=True)
class Traits:
    """How each venue quotes; arrays of shape (venues,)."""

    half_spread_quarters: Ints
    base_units: Ints
    update_weight: Ints
    out_ns: Ints
    back_ns: Ints
    feed_ns: Ints
    lag_ns: Ints
    is_fading: Ints
    is_flaky: Ints


def plain_traits(config: PlainConfig) -> Traits:
    """Draws every venue's habits: about one in six is stale, one in six fades, one in six halts."""
    venue = np.arange(config.venues)

    def draw(trait: int, least: int, most: int) -> Ints:
        return least + below(most - least + 1, config.seed, _TRAITS, trait, venue)

    habit = (venue + below(6, config.seed, _TRAITS, 0)) % 6
    distance_us = draw(1, 40, 600) * np.where(venue < len(_LIT), 1, 4)
    feed_ns = distance_us * NS_PER_US
    return Traits(
        half_spread_quarters=draw(2, 2, 7),
        base_units=draw(3, 1, 6) * 100,
        update_weight=draw(4, 1, 8),
        out_ns=distance_us * NS_PER_US + draw(5, 5, 60) * NS_PER_US,
        back_ns=distance_us * NS_PER_US,
        feed_ns=feed_ns,
        lag_ns=feed_ns + np.where(habit == 1, draw(6, 20, 80) * NS_PER_MS, 0),
        is_fading=(habit == 2).astype(np.int64),
        is_flaky=(habit == 3).astype(np.int64),
    )
