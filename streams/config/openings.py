"""What accounts hold at each venue when a log begins, as INVENTORY records."""

from __future__ import annotations

from typing import TypeVar

from schemas import reference
from schemas.codes import InputType
from schemas.errors import InputError
from schemas.orders import INVENTORY
from schemas.units import E9, price_nanos
from schemas.wire import iter_inputs, text
from streams.config.sections import EngineConfig, Opening

Value = TypeVar("Value")
SOURCE_OPENING = 240
"""Balances are told by whoever keeps them, never with reference data: a late one halts nobody."""


def opening_records(config: EngineConfig, dataset_records: bytes, log_ns: int) -> bytes:
    """One record for each stated opening; InputError for a name or a size that cannot be."""
    venues: dict[str, int] = {}
    instruments: dict[str, tuple[int, int]] = {}
    for kind, raw in iter_inputs(dataset_records):
        if kind == InputType.VENUE:
            venue = reference.VENUE.unpack(raw)
            venues[text(venue.key)] = venue.venue
        elif kind == InputType.INSTRUMENT:
            instrument = reference.INSTRUMENT.unpack(raw)
            instruments[text(instrument.key)] = (instrument.instrument, instrument.units_per_one)
    found = []
    for seq, opening in enumerate(config.inventory, start=1):
        number, units_per_one = _known("instrument", opening.instrument, instruments)
        record: bytes = INVENTORY.pack(
            type=int(InputType.INVENTORY),
            source=SOURCE_OPENING,
            source_seq=seq,
            log_ns=log_ns,
            instrument=number,
            venue=_known("venue", opening.venue, venues),
            account=opening.account.encode(),
            units=_units(opening, units_per_one),
        )
        found.append(record)
    return b"".join(found)


def _known(what: str, key: str, names: dict[str, Value]) -> Value:
    if key not in names:
        known = ", ".join(sorted(names))
        raise InputError(f"`inventory.{what}`: no {what} {key!r}; use one of {known}")
    return names[key]


def _units(opening: Opening, units_per_one: int) -> int:
    units, rest = divmod(price_nanos(opening.ones) * units_per_one, E9)
    if rest:
        raise InputError(
            f"`inventory.ones` = {opening.ones} {opening.instrument} is finer than its smallest "
            f"unit, 1/{units_per_one}; use fewer digits"
        )
    return units
