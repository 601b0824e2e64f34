"""A market that runs by the clock: a preset cut to size and brought to a pace."""

from __future__ import annotations

from pathlib import Path

import msgspec

from schemas.errors import InputError
from schemas.units import NS_PER_S
from streams.simulator.synthetic.load import PRESETS, load_preset
from streams.simulator.synthetic.market import synthetic_market
from streams.simulator.synthetic.terms import Preset

MEASURED_S = 4
_RATES = ("move_hz", "jump_hz", "trade_hz")


def live_preset(
    name: str, start_ns: int, venues: int = 0, instruments: int = 0, records_per_s: int = 0
) -> Preset:
    """The named market from `start_ns` on; see `SimulatedMarket` for what the numbers mean.

    InputError names the key when the preset has not so many, or is not there.
    """
    preset = load_preset(preset_path(name))
    for key, asked, there in (
        ("venues", venues, len(preset.venues)),
        ("instruments", instruments, len(preset.instruments)),
    ):
        if asked > there or (key == "venues" and asked == 1):
            raise InputError(
                f"`market.{key}` = {asked}: {name} has {there}; give 0 for all, 2 to {there}, or "
                "name another market in `market.preset`"
            )
    preset = msgspec.structs.replace(
        preset,
        market=msgspec.structs.replace(preset.market, start_ns=start_ns),
        venues=preset.venues[: venues or None],
        instruments=preset.instruments[: instruments or None],
    )
    return paced(preset, records_per_s) if records_per_s else preset


def preset_path(name: str) -> Path:
    """Where a market lies: a path as it stands, a bare name in deploy/market."""
    given = Path(name)
    if given.suffix == ".toml" or given.exists():
        return given
    here = PRESETS / f"{name}.toml"
    beside = Path(__file__).parents[3] / here
    return here if here.exists() or not beside.exists() else beside


def paced(preset: Preset, records_per_s: int) -> Preset:
    """The same market at about another number of records a second: every rate is scaled."""
    own = natural_pace(preset)
    factor = records_per_s / max(1.0, own)
    instruments = tuple(
        msgspec.structs.replace(
            terms, **{rate: min(100_000.0, getattr(terms, rate) * factor) for rate in _RATES}
        )
        for terms in preset.instruments
    )
    venues = tuple(
        msgspec.structs.replace(venue, update_hz=min(100_000.0, venue.update_hz * factor))
        for venue in preset.venues
    )
    return msgspec.structs.replace(preset, instruments=instruments, venues=venues)


def natural_pace(preset: Preset) -> float:
    """Records a second of a preset as it stands, counted over its first seconds."""
    market = synthetic_market(preset, seed=1)
    start_ns = preset.market.start_ns
    market.pull(start_ns + NS_PER_S, 1 << 40)
    raw = market.pull(start_ns + (1 + MEASURED_S) * NS_PER_S, 1 << 40)
    return len(raw) / 64 / MEASURED_S
