"""What a market TOML may say, with its bounds; a value out of them is refused with its key.

Times end in their unit, fractions are 0 to 1, sizes are in the instrument's smallest units, `depth`
of a venue is a multiple of the instrument's `depth_units`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Chance = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Rate = Annotated[float, msgspec.Meta(ge=0.0, le=100_000.0)]
Micros = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
Wait = Annotated[int, msgspec.Meta(ge=0, le=86_400_000)]
Units = Annotated[int, msgspec.Meta(ge=1, le=10**15)]
Multiple = Annotated[float, msgspec.Meta(ge=0.0, le=1_000.0)]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
Family = Literal["geometric", "heavy_tail", "clustered", "uniform_fade"]
FAMILIES: tuple[Family, ...] = ("geometric", "heavy_tail", "clustered", "uniform_fade")


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every table; an unknown key is an error."""


class MarketTerms(Table, frozen=True, kw_only=True):
    """What holds for the whole market. Rates per hour of 0 switch a thing off."""

    start_ns: Annotated[int, msgspec.Meta(ge=0, le=2**61)] = 1_767_623_400_000_000_000
    family: Family = "geometric"
    cleanup_ms: Annotated[int, msgspec.Meta(ge=1, le=3_600_000)] = 1_000
    burst_per_hour: Rate = 6.0
    burst_ms: Wait = 2_000
    burst_factor: Annotated[float, msgspec.Meta(ge=1.0, le=100.0)] = 10.0
    regime_s: Wait = 0
    regime_shift: Annotated[int, msgspec.Meta(ge=1, le=63)] = 5
    halt_per_hour: Rate = 0.0
    halt_ms: Wait = 5_000
    auction_ms: Wait = 1_000
    informed_orders: Chance = 0.5
    alpha_ticks: Multiple = 1.0
    alpha_ms: Annotated[int, msgspec.Meta(ge=1, le=3_600_000)] = 500
    react_us: Micros = 300
    heartbeat_ms: Wait = 1_000
    leak_ticks: Multiple = 0.5


class InstrumentTerms(Table, frozen=True, kw_only=True):
    """One instrument; `price` and `tick` are decimal texts in the quote currency."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    asset_class: Annotated[int, msgspec.Meta(ge=1, le=255)] = 1
    quote_ccy: Annotated[str, msgspec.Meta(min_length=3, max_length=8)] = "USD"
    price: str
    tick: str
    decimals: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0
    lot_units: Units = 1
    round_lot_units: Units = 100
    depth_units: Units = 500
    move_hz: Rate = 40.0
    move_ticks: Multiple = 0.08
    jump_hz: Rate = 1.0
    jump_ticks: Multiple = 1.2
    trade_hz: Rate = 15.0
    sign_persistence: Chance = 0.75
    impact_ticks: Multiple = 0.15


class VenueTerms(Table, frozen=True, kw_only=True):
    """One venue and its habits. Fees are decimal text per whole one, or `*_bps` of the price."""

    key: Key
    mic: Annotated[str, msgspec.Meta(max_length=4)] = ""
    name: Annotated[str, msgspec.Meta(max_length=32)] = ""
    kind: Literal["lit", "dark"] = "lit"
    is_protected: bool = True
    out_us: Micros = 150
    jitter_us: Wait = 20
    spike: Chance = 0.005
    spike_us: Wait = 2_000
    back_us: Micros = 150
    feed_us: Micros = 150
    lag_us: Micros = 500
    lots: Annotated[int, msgspec.Meta(ge=1, le=10**9)] = 1
    min_lots: Annotated[int, msgspec.Meta(ge=1, le=10**9)] = 1
    tick_multiple: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1
    take: str = "0"
    take_bps: Annotated[float, msgspec.Meta(ge=-100.0, le=100.0)] = 0.0
    add: str = "0"
    add_bps: Annotated[float, msgspec.Meta(ge=-100.0, le=100.0)] = 0.0
    update_hz: Rate = 8.0
    half_spread_ticks: Annotated[float, msgspec.Meta(gt=0.0, le=1_000.0)] = 0.8
    depth: Multiple = 1.0
    levels: Annotated[int, msgspec.Meta(ge=0, le=5)] = 5
    hidden: Chance = 0.1
    hidden_depth: Multiple = 0.5
    fade: Chance = 0.05
    fade_keep: Chance = 0.25
    sweep_fade: Chance = 0.05
    reject: Chance = 0.002
    leak: Chance = 0.1
    toxicity: Chance = 0.2
    flow: Multiple = 1.0
    dark_zero: Chance = 0.7
    dark_alpha: Annotated[float, msgspec.Meta(gt=0.0, le=10.0)] = 1.5
    open_after_ms: Wait = 0
    closed_after_ms: Wait = 0


class FaultTerms(Table, frozen=True, kw_only=True):
    """A fault of `faults.FaultKind` at a venue, by the time since the start; `chance` of each child
    or report to be hit.
    """

    kind: str
    venue: Key
    since_ms: Wait
    until_ms: Wait
    chance: Chance = 1.0


class Preset(Table, frozen=True, kw_only=True):
    """A whole market."""

    name: str
    about: str = ""
    market: MarketTerms = MarketTerms()
    instruments: Annotated[tuple[InstrumentTerms, ...], msgspec.Meta(min_length=1, max_length=1000)]
    venues: Annotated[tuple[VenueTerms, ...], msgspec.Meta(min_length=2, max_length=64)]
    faults: tuple[FaultTerms, ...] = ()
