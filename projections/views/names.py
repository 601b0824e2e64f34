"""Names behind dense ids, folded from reference inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas import reference
from schemas.codes import InputType, PolicyKind, VenueKind
from schemas.units import decimal_text
from schemas.wire import code_name, text

REFERENCE_TYPES = frozenset(
    {
        InputType.INSTRUMENT,
        InputType.VENUE,
        InputType.LISTING,
        InputType.FEE,
        InputType.POLICY,
        InputType.LIMITS,
        InputType.SETTINGS,
        InputType.ENGINE,
    }
)


@dataclass(frozen=True)
class InstrumentName:
    """An instrument's key and the scale of its sizes: 10**decimals units make one."""

    key: str
    quote_ccy: str
    units_per_one: int

    @property
    def decimals(self) -> int:
        """Digits after the point of a size in whole ones."""
        return len(str(self.units_per_one)) - 1

    def size(self, units: int) -> str:
        """A size in whole ones with thousands separators."""
        whole, point, fraction = decimal_text(units, self.decimals).partition(".")
        return f"{int(whole):,}{point}{fraction}"


@dataclass(frozen=True)
class VenueName:
    """A venue's key and full name."""

    key: str
    name: str


@dataclass
class Names:
    """What reference inputs have named so far; an id without a name is shown as itself."""

    instruments: dict[int, InstrumentName] = field(default_factory=dict)
    venues: dict[int, VenueName] = field(default_factory=dict)
    policies: dict[int, Any] = field(default_factory=dict)
    settings: Any = None
    darks: set[int] = field(default_factory=set)
    engine: str = ""
    _ids: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, kind: int, raw: bytes) -> None:
        """Folds one input record; others than reference inputs change nothing."""
        if kind == InputType.INSTRUMENT:
            record = reference.INSTRUMENT.unpack(raw)
            name = InstrumentName(text(record.key), text(record.quote_ccy), record.units_per_one)
            self._know("instrument", self.instruments, record.instrument, name)
        elif kind == InputType.VENUE:
            record = reference.VENUE.unpack(raw)
            venue = VenueName(text(record.key), text(record.name))
            self._know("venue", self.venues, record.venue, venue)
            (self.darks.add if record.kind == VenueKind.DARK else self.darks.discard)(record.venue)
        elif kind == InputType.POLICY:
            record = reference.POLICY.unpack(raw)
            self.policies[record.policy] = record
        elif kind == InputType.SETTINGS:
            self.settings = reference.SETTINGS.unpack(raw)
        elif kind == InputType.ENGINE:
            self.engine = reference.ENGINE.unpack(raw).version_hash.hex()

    def instrument(self, instrument: int) -> InstrumentName:
        """Name of a dense instrument id."""
        return self.instruments.get(instrument) or InstrumentName(str(instrument), "", 1)

    def venue(self, venue: int) -> str:
        """Key of a dense venue id."""
        known = self.venues.get(venue)
        return known.key if known else str(venue)

    def policy(self, policy: int) -> str:
        """Name of a policy id."""
        known = self.policies.get(policy)
        return text(known.name) if known else str(policy)

    def venue_id(self, key: str) -> int | None:
        """Dense id of a venue key, whatever its case; None when there is none."""
        return self._ids.get(("venue", key.lower()))

    def instrument_id(self, key: str) -> int | None:
        """Dense id of an instrument key, whatever its case; None when there is none."""
        return self._ids.get(("instrument", key.lower()))

    def _know(self, kind: str, known: dict[int, Any], identity: int, name: Any) -> None:
        """Takes a name; where two share a key, it means the first of them."""
        before = known.get(identity)
        if before is not None and self._ids.get((kind, before.key.lower())) == identity:
            del self._ids[kind, before.key.lower()]
        known[identity] = name
        self._ids.setdefault((kind, name.key.lower()), identity)


def policy_terms(policy: Any) -> str:
    """A policy's settings in a few words."""
    words = [code_name(PolicyKind, policy.kind).replace("_", " ")]
    words.append("splits" if policy.split else "one venue")
    words.append("counts fees" if policy.fee_aware else "ignores fees")
    return ", ".join(words)
