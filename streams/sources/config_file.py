"""Reads a dataset TOML and says precisely what is wrong with it."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from schemas.codes import Liquidity
from schemas.errors import InputError
from schemas.units import MAX_VENUES, decimal_text, price_nanos, units_from_text
from streams.sources.config import Dataset, Fee, Schedule, Section, Tier, Venue
from streams.sources.fee_schedules import Line, read_schedules


def load_dataset(path: Path) -> Dataset:
    """The validated dataset in `path`; InputError names file, line and the nearest known key."""
    text = _read_text(path)
    raw = _parse_toml(path, text)
    _check_keys(path, text, raw, Dataset, "")
    try:
        dataset = msgspec.convert(raw, Dataset)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {error}; correct the value") from None
    dataset = _with_schedules(path, dataset)
    _check_numbers(path, text, dataset)
    _check_venues(path, dataset)
    return dataset


def _with_schedules(path: Path, dataset: Dataset) -> Dataset:
    """The same with the tiers of every venue that names a schedule."""
    venues = tuple(
        msgspec.structs.replace(venue, tiers=_tiers(path, venue, venue.schedule))
        if venue.schedule is not None
        else venue
        for venue in dataset.venues
    )
    return msgspec.structs.replace(dataset, venues=venues)


def _tiers(path: Path, venue: Venue, schedule: Schedule) -> tuple[Tier, ...]:
    where = f"{path}: schedule of {venue.key}"
    if venue.tiers:
        raise InputError(f"{where}: `tiers` and `schedule` exclude each other; keep one")
    listed = read_schedules(path.parent / schedule.file, (schedule.market,))
    lines = listed.get(schedule.name)
    if not lines:
        near = difflib.get_close_matches(schedule.name, listed, n=1, cutoff=0.0)
        raise InputError(
            f"{where}: no fees of {schedule.name!r} on {schedule.market!r} in {schedule.file}; "
            f"name one that is there, as {', '.join(near)}"
        )
    return tuple(_tier(line) for line in lines)


def _tier(line: Line) -> Tier:
    fee = Fee(rate=decimal_text(line.rate_e9))
    if line.liquidity == Liquidity.TAKE:
        return Tier(volume=line.volume, taker=fee)
    return Tier(volume=line.volume, maker=fee)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read the dataset file ({error}); name a TOML") from None


def _parse_toml(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}; correct the syntax there") from None


def _check_keys(path: Path, text: str, raw: Any, section: type[Section], where: str) -> None:
    known = get_type_hints(section)
    for key, value in raw.items():
        dotted = f"{where}.{key}" if where else key
        if key not in known:
            line = line_of_key(text, where, key)
            raise InputError(f"{path}:{line}: unknown key `{dotted}`; {_nearest(key, known)}")
        inner = _section_in(known[key])
        for item in value if isinstance(value, list) else [value]:
            if inner is not None and isinstance(item, dict):
                _check_keys(path, text, item, inner, dotted)


def _nearest(key: str, known: dict[str, Any]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    return f"the nearest known key is `{near[0]}`"


def _section_in(hint: Any) -> type[Section] | None:
    for part in (hint, *get_args(hint)):
        if isinstance(part, type) and issubclass(part, Section):
            return part
    return None


def line_of_key(text: str, table: str, key: str) -> int:
    """Line (from 1) where `key` is set in or below `[table]`, else its first mention, else 1."""
    current = ""
    mention = 0
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+([\w.]+)\]+", line)
        if header:
            current = header.group(1)
            if current == (f"{table}.{key}" if table else key):
                return number
        if re.match(rf"\s*{re.escape(key)}\s*=", line) and current == table:
            return number
        if not mention and re.search(rf"(?<!\w){re.escape(key)}(?!\w)", line):
            mention = number
    return mention or 1


def _check_numbers(path: Path, text: str, dataset: Dataset) -> None:
    units = dataset.instruments.decimals
    for table, key, value, decimals in _decimal_texts(dataset, units):
        try:
            units_from_text(value, decimals)
        except ValueError:
            line = line_of_key(text, table, key)
            raise InputError(
                f"{path}:{line}: `{table}.{key}` = {value!r} is not a decimal text with at most "
                f"{decimals} decimals; write it like '0.01'"
            ) from None
    if price_nanos(dataset.instruments.tick) <= 0:
        raise InputError(f"{path}: `instruments.tick` must be above 0")


def _decimal_texts(dataset: Dataset, units: int) -> list[tuple[str, str, str, int]]:
    rows = [
        ("scales", "price", dataset.scales.price, 9),
        ("scales", "size", dataset.scales.size, 9),
    ]
    rows += [
        ("instruments", "tick", dataset.instruments.tick, 9),
        ("instruments", "round_lot", dataset.instruments.round_lot, units),
    ]
    for venue in dataset.venues:
        for key, fee in (("taker", venue.taker), ("maker", venue.maker)):
            rows += [("venues", key, fee.fixed, 9), ("venues", key, fee.rate, 9)]
        tiers = [fee for tier in venue.tiers for fee in (tier.taker, tier.maker) if fee]
        rows += [("venues.tiers", "fixed", fee.fixed, 9) for fee in tiers]
        rows += [("venues.tiers", "rate", fee.rate, 9) for fee in tiers]
    for listing in dataset.listings:
        rows += [("listings", "tick", listing.tick or "0", 9)]
        rows += [("listings", "lot", listing.lot or "0", units)]
        rows += [("listings", "min", listing.min or "0", units)]
        rows += [("listings", "contract_value", listing.contract_value or "0", 9)]
    return rows + [
        ("replay", "touch_multiples", text, 3) for text in dataset.replay.touch_multiples
    ]


def _check_venues(path: Path, dataset: Dataset) -> None:
    keys = [venue.key for venue in dataset.venues]
    codes = [code for venue in dataset.venues for code in venue.codes]
    for what, names in (("key", keys), ("code", codes)):
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"{path}: venue {what} `{name}` is given twice; keep one")
    if not 1 <= len(keys) <= MAX_VENUES:
        raise InputError(f"{path}: {len(keys)} venues; give 1 to {MAX_VENUES}")
    for venue in dataset.venues:
        if len(venue.key.encode()) > 16 or len(venue.mic) not in (0, 4):
            raise InputError(f"{path}: venue `{venue.key}`: key <= 16 bytes, MIC 4 letters or none")
    if dataset.basis and dataset.basis.reference not in keys:
        raise InputError(f"{path}: `basis.reference` = {dataset.basis.reference!r} is no venue key")
