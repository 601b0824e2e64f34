"""Reads a market TOML and names the key of whatever is wrong with it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from schemas.errors import InputError
from schemas.units import price_nanos
from streams.simulator.synthetic.fault_kinds import FaultKind
from streams.simulator.synthetic.terms import FaultTerms, InstrumentTerms, Preset, VenueTerms

PRESETS = Path("deploy/market")


def load_preset(path: Path) -> Preset:
    """The validated market in `path`; InputError names the file and the key."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read the market file ({error}); name a TOML") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}; correct the syntax there") from None
    try:
        preset = msgspec.convert(raw, Preset)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {_place(str(error))}; correct the value") from None
    check_preset(preset, str(path))
    return preset


def check_preset(preset: Preset, where: str) -> None:
    """What one value alone does not show: names, numbers written as text, a market to trade in."""
    for at, instrument in enumerate(preset.instruments):
        _check_instrument(instrument, f"{where}: `instruments[{at}]")
    for at, venue in enumerate(preset.venues):
        _check_venue(venue, f"{where}: `venues[{at}]")
    for at, terms in enumerate(preset.faults):
        _check_fault(terms, preset, f"{where}: `faults[{at}]")
    if not any(venue.kind == "lit" for venue in preset.venues):
        raise InputError(f"{where}: `venues` has no lit venue; a market needs a displayed price")
    for what, keys in (
        ("venues", [venue.key for venue in preset.venues]),
        ("instruments", [instrument.key for instrument in preset.instruments]),
    ):
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise InputError(f"{where}: `{what}` has the key {twice[0]!r} twice; keys are unique")


def _check_instrument(terms: InstrumentTerms, where: str) -> None:
    tick = _nanos(terms.tick, f"{where}.tick`")
    price = _nanos(terms.price, f"{where}.price`")
    if tick < 1:
        raise InputError(f"{where}.tick` = {terms.tick!r}; a tick is above 0")
    if price < 100 * tick:
        raise InputError(f"{where}.price` = {terms.price!r}; give at least 100 ticks")


def _check_venue(terms: VenueTerms, where: str) -> None:
    _nanos(terms.take, f"{where}.take`")
    _nanos(terms.add, f"{where}.add`")
    if terms.kind == "lit" and terms.levels == 0:
        raise InputError(f"{where}.levels` = 0; a lit venue shows at least one")
    if 0 < terms.closed_after_ms <= terms.open_after_ms:
        raise InputError(f"{where}.closed_after_ms` lies before its opening; give a later time")


def _check_fault(terms: FaultTerms, preset: Preset, where: str) -> None:
    kinds = [kind.name.lower() for kind in FaultKind]
    if terms.kind not in kinds:
        raise InputError(f"{where}.kind` = {terms.kind!r}; use one of {', '.join(kinds)}")
    if terms.venue not in {venue.key for venue in preset.venues}:
        raise InputError(f"{where}.venue` = {terms.venue!r}; no venue has that key")
    if terms.until_ms <= terms.since_ms:
        raise InputError(f"{where}.until_ms` = {terms.until_ms}; give more than `since_ms`")


def _nanos(text: str, where: str) -> int:
    try:
        return price_nanos(text)
    except ValueError:
        raise InputError(f"{where} = {text!r}; write a decimal with at most 9 places") from None


def _place(message: str) -> str:
    """'Expected `int` >= 1 - at `$.venues[0].out_us`' with the key first."""
    what, _, where = message.partition(" - at ")
    return f"{where.replace('$.', '')}: {what}" if where else what
