"""Markets to evaluate in: habits drawn from a seed, so that a block is a market of its own.

Phantom liquidity is drawn as it occurs: venues that fade show more and better than others, and what
is sent to them is seen. Fees, distances and depths are drawn apart from it.
"""

from __future__ import annotations

import random

import msgspec

from streams.simulator.synthetic.terms import (
    Family,
    InstrumentTerms,
    MarketTerms,
    Preset,
    VenueTerms,
)

TUNING_FAMILY: Family = "geometric"
HELD_OUT: tuple[Family, ...] = ("heavy_tail", "clustered", "uniform_fade")
FEES = (
    ("0.003", "-0.002"),
    ("0.0025", "-0.0015"),
    ("-0.0014", "0.0018"),
    ("0.0009", "0.0009"),
    ("0", "0"),
)
INSTRUMENTS = (
    InstrumentTerms(key="ALFA", price="52.40", tick="0.01", depth_units=600),
    InstrumentTerms(key="BRAVO", price="127.15", tick="0.01", depth_units=300, trade_hz=8.0),
    InstrumentTerms(key="COBALT", price="18.62", tick="0.01", depth_units=1_500, trade_hz=25.0),
)


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What a drawn market is forced to be; the controls use it."""

    venues: int = 24
    family: Family = TUNING_FAMILY
    regime_s: int = 0
    equal_fees: bool = False
    identical: bool = False
    calm: bool = False


def drawn_preset(shape: Shape, seed: int) -> Preset:
    """The market of one block."""
    chance = random.Random(f"{seed}-{shape.family}-{shape.venues}")
    dark = 0 if shape.identical else _dark_count(shape.venues)
    lit = shape.venues - dark
    fades = chance.sample(range(lit), k=round(lit * 0.3))
    venues = [_lit(chance, at, at in fades, shape) for at in range(lit)]
    if shape.identical:
        venues = [msgspec.structs.replace(venues[0], key=f"V{at:02d}") for at in range(lit)]
    venues += [_dark(chance, at, leaks=at == lit) for at in range(lit, shape.venues)]
    market = MarketTerms(family=shape.family, regime_s=shape.regime_s, burst_per_hour=60.0)
    if shape.calm:  # nobody knows anything and nothing leaks: less noise to look through
        market = msgspec.structs.replace(market, informed_orders=0.0, leak_ticks=0.0)
    return Preset(
        name=f"drawn-{seed}", market=market, instruments=INSTRUMENTS, venues=tuple(venues)
    )


def _dark_count(venues: int) -> int:
    return 4 if venues >= 20 else venues // 6


def _lit(chance: random.Random, at: int, is_fading: bool, shape: Shape) -> VenueTerms:
    take, add = FEES[0] if shape.equal_fees else chance.choice(FEES)
    fade = chance.uniform(0.4, 0.9) if is_fading else chance.uniform(0.005, 0.06)
    return VenueTerms(
        key=f"V{at:02d}",
        take=take,
        add=add,
        out_us=chance.randint(40, 400),
        back_us=chance.randint(40, 400),
        feed_us=chance.randint(40, 400),
        jitter_us=chance.randint(5, 60),
        spike=chance.uniform(0.0, 0.02),
        lag_us=chance.randint(100, 3_000),
        update_hz=chance.uniform(3.0, 14.0),
        half_spread_ticks=chance.uniform(0.5, 0.8) if is_fading else chance.uniform(0.6, 1.3),
        depth=chance.uniform(0.8, 2.5) if is_fading else chance.uniform(0.3, 1.5),
        hidden=chance.uniform(0.0, 0.3),
        hidden_depth=chance.uniform(0.2, 1.0),
        fade=fade,
        fade_keep=chance.uniform(0.0, 0.2),
        sweep_fade=chance.uniform(0.02, 0.3),
        reject=chance.uniform(0.0, 0.01),
        leak=chance.uniform(0.6, 1.0) if is_fading else chance.uniform(0.0, 0.2),
        toxicity=chance.uniform(0.05, 1.0),
        flow=chance.uniform(0.3, 3.0),
    )


def _dark(chance: random.Random, at: int, *, leaks: bool) -> VenueTerms:
    """A pool; the first of a market tells others what it is asked for."""
    return VenueTerms(
        key=f"V{at:02d}",
        kind="dark",
        levels=0,
        take="0.001",
        add="0.001",
        out_us=chance.randint(100, 500),
        back_us=chance.randint(100, 500),
        min_lots=chance.choice((1, 50, 100)),
        dark_zero=chance.uniform(0.5, 0.9),
        dark_alpha=chance.uniform(0.8, 2.0),
        leak=chance.uniform(0.6, 1.0) if leaks else chance.uniform(0.0, 0.1),
    )
