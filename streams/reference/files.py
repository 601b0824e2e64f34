"""Files of reference data: `[[venue]]`, `[[instrument]]`, ... tables with a key and its terms."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from aggregates.reference.items import ITEMS, Item
from aggregates.reference.terms import checked
from schemas.errors import InputError, NotFoundError
from streams.reference.service import ReferenceService

Values = dict[str, Any]
NEW, CHANGED, SAME, GONE = "new", "changed", "same", "retired"
OUTCOMES = (NEW, CHANGED, SAME, GONE)


@dataclass(frozen=True)
class Difference:
    """What loading an entry would do, field by field: (name, there now, in the file)."""

    kind: str
    key: str
    what: str
    terms: Values
    fields: tuple[tuple[str, Any, Any], ...] = ()
    version: int = 0


def read_file(path: Path) -> list[tuple[str, str, Values]]:
    """(kind, key, checked terms) of each entry; InputError names file and entry."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: {error}; give a TOML file of reference data") from None
    found: dict[tuple[str, str], Values] = {}
    for kind, entries in tables.items():
        if kind not in ITEMS or not isinstance(entries, list):
            raise InputError(f"{path}: [[{kind}]] is none of {', '.join(ITEMS)}")
        for number, entry in enumerate(entries, 1):
            key, terms = keyed(path, kind, number, entry)
            if (kind, key) in found:
                raise InputError(f"{path}: {kind} {key} is there twice; remove one")
            found[kind, key] = terms
    return [(kind, key, terms) for (kind, key), terms in found.items()]


def keyed(path: Path, kind: str, number: int, entry: Any) -> tuple[str, Values]:
    """Key and checked terms of one entry."""
    if not isinstance(entry, dict) or not isinstance(entry.get("key"), str):
        raise InputError(f"{path}: [[{kind}]] number {number} has no `key`")
    terms = {name: value for name, value in entry.items() if name != "key"}
    try:
        return entry["key"], checked(kind, terms)
    except InputError as error:
        raise InputError(f"{path}: {kind} {entry['key']}: {error}") from None


def differences(service: ReferenceService, path: Path) -> list[Difference]:
    """What loading a file would do; what is in the store and not in the file stays."""
    return [difference(service, *entry) for entry in read_file(path)]


def difference(service: ReferenceService, kind: str, key: str, terms: Values) -> Difference:
    """What loading one entry would do."""
    try:
        item = service.get(kind, key)
    except NotFoundError:
        return Difference(kind, key, NEW, terms)
    there = item.pending or item.live or {}
    if item.state == "retired":
        return Difference(kind, key, GONE, terms, version=item.version)
    fields = tuple(changed_fields(there, terms))
    return Difference(kind, key, CHANGED if fields else SAME, terms, fields, item.version)


def changed_fields(there: Values, terms: Values) -> Iterator[tuple[str, Any, Any]]:
    """Fields that differ."""
    for name in sorted({*there, *terms}):
        if there.get(name) != terms.get(name):
            yield name, there.get(name), terms.get(name)


def load(service: ReferenceService, found: list[Difference], actor: str, reason: str) -> list[Item]:
    """Proposes what is new and amends what changed; loading again does nothing."""
    done = []
    for entry in found:
        if entry.what == NEW:
            done.append(service.propose(entry.kind, entry.key, entry.terms, actor, reason))
        elif entry.what == CHANGED:
            done.append(
                service.amend(entry.kind, entry.key, entry.terms, entry.version, actor, reason)
            )
    return done


def crypto_venues(path: Path, as_of: str) -> str:
    """A file of crypto venues from a JSON file of fee schedules, as TOML.

    Spot fees are taken, with their volume tiers where there are some.
    """
    try:
        listed = json.loads(path.read_text(), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}; give a JSON file of fee schedules") from None
    blocks = [crypto_venue(name, listed[name], as_of) for name in sorted(listed)]
    return CRYPTO_HEAD.format(file=path.name) + "\n".join(blocks)


def crypto_venue(name: str, venue: Values, as_of: str) -> str:
    """One venue's table."""
    markets = [venue["fees"].get(market) or {} for market in ("trading", "spot")]
    trading = next((m for m in markets if base_rate(m, "taker") is not None), {})
    lines = [
        line
        for liquidity, side in (("take", "taker"), ("add", "maker"))
        if base_rate(trading, side) is not None
        for line in fee_lines(liquidity, trading, side)
    ]
    return "\n".join(
        [
            "[[venue]]",
            f'key = "{name.upper()[:16]}"',
            f"name = {json.dumps(venue['name'][:32], ensure_ascii=False)}",
            'kind = "lit"',
            'calendar = "24/7"',
            'order_types = ["limit", "market", "post_only"]',
            'latency_class = "internet"',
            'tick = "0.01"',
            "fees = [",
            *lines,
            "]",
            "modelled = true",
            'source = "fees: ccxt 4.5.90 defaults; tick and latency modelled"',
            f'as_of = "{as_of}"',
            "",
        ]
    )


def fee_lines(liquidity: str, trading: Values, side: str) -> Iterator[str]:
    """A fee and its volume tiers."""
    first = f'liquidity = "{liquidity}", rate_bps = {base_rate(trading, side) * 10_000:f}'
    tiers = (trading.get("tiers") or {}).get(side, ())[1:]
    if not tiers:
        yield f"  {{ {first} }},"
        return
    yield f"  {{ {first}, tiers = ["
    for volume, rate in tiers:
        share = Decimal(rate).normalize() * 10_000
        yield f"    {{ volume = {int(volume)}, rate_bps = {share:f} }},"
    yield "  ] },"


def base_rate(trading: Values, side: str) -> Any:
    """The share of the price charged without volume, None where the file has none."""
    tiers = (trading.get("tiers") or {}).get(side)
    rate = tiers[0][1] if tiers else trading.get(side)
    return None if rate is None else Decimal(rate).normalize()


CRYPTO_HEAD = """\
# Crypto venues with their spot fees, made by
#   sor reference crypto {file} --out deploy/config/venues_crypto.toml
# No crypto venue has a market identifier code: keys are private codes. Fees are those that the
# maintainers of ccxt keep: plausible, not authoritative.

"""
