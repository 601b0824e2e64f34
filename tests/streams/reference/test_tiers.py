"""Volume tiers of fees: from terms into the engine, and back out of a log."""

from __future__ import annotations

from typing import Any

import pytest

from aggregates import kernel
from aggregates.engine import ReferenceEngine
from aggregates.reference.items import Activated
from aggregates.reference.terms import checked
from schemas.codes import InputType, Liquidity
from schemas.errors import InputError
from schemas.wire import iter_inputs
from streams.reference.adopt import Inventory
from streams.reference.records import Catalogue, records_of
from tests.builders import Tape, set_up

TIERED = {
    "liquidity": "take",
    "rate_bps": 10.0,
    "tiers": [{"volume": 1_000, "rate_bps": 8.0}, {"volume": 50_000, "rate_bps": 5.0}],
}


class Event:
    """An activation as far as records need it."""

    def __init__(self, terms: dict[str, Any], revision: int) -> None:
        self.terms, self.revision = checked("venue", terms), revision
        self.__class__ = type("Activated", (Event, Activated), {})  # what `isinstance` looks at


def told(terms: list[dict[str, Any]]) -> tuple[ReferenceEngine, Inventory]:
    """Activate terms of a venue one after the other."""
    tape, catalogue, inventory = Tape(), Catalogue(), Inventory()
    set_up(tape)
    records = [bytes(raw) for _, raw in iter_inputs(bytes(tape.data))]
    for raw in records:
        catalogue.fold(raw[0], raw)
        inventory.fold(raw[0], raw)
    engine = ReferenceEngine(0, kernel.GENERATION)
    engine.step(bytes(tape.data))
    for revision, values in enumerate(terms, 1):
        event = Event({"name": "New", **values}, revision)
        for record in records_of("venue", "XCCC", event, catalogue):
            numbered = bytearray(record)
            source = 200 if record[0] == InputType.KILL else 0
            tape.last[source] += 1
            numbered[3], numbered[8:16] = source, tape.last[source].to_bytes(8, "little")
            numbered[16:24] = (tape.now_ns + 1).to_bytes(8, "little")
            _, outputs = engine.step(bytes(numbered))
            assert not outputs
            catalogue.fold(record[0], record)
            inventory.fold(record[0], bytes(numbered))
        catalogue.venue_terms["XCCC"] = event.terms
    return engine, inventory


def rate_bps(engine: ReferenceEngine) -> float:
    """What a taker pays now."""
    line = engine.state.tables.fees.find(2, b"\0" * 16, 0, Liquidity.TAKE)
    return float(line.rate_e9) / 100_000


def test_the_tier_that_we_have_reached_counts() -> None:
    for tier, bps in ((0, 10.0), (1, 8.0), (2, 5.0)):
        engine, _ = told([{"fees": [TIERED], "fee_tier": tier}])
        assert rate_bps(engine) == bps


def test_other_tiers_replace_those_before() -> None:
    fewer = {**TIERED, "tiers": TIERED["tiers"][:1]}
    engine, _ = told([{"fees": [TIERED], "fee_tier": 2}, {"fees": [fewer], "fee_tier": 2}])
    assert rate_bps(engine) == 8.0
    flat = {"liquidity": "take", "rate_bps": 9.0}
    engine, _ = told([{"fees": [TIERED], "fee_tier": 2}, {"fees": [flat], "fee_tier": 2}])
    assert rate_bps(engine) == 9.0


def test_a_log_tells_its_tiers() -> None:
    terms = {"fees": [TIERED, {"liquidity": "add", "per_one": "-0.002"}], "fee_tier": 1}
    _, inventory = told([terms])
    found = next(t for kind, key, t, _ in inventory.items() if (kind, key) == ("venue", "XCCC"))
    full = checked("venue", {"name": "New", **terms})
    assert checked("venue", found)["fees"] == full["fees"]
    assert found["fee_tier"] == 1


def test_tiers_must_ascend() -> None:
    tiers = list(reversed(TIERED["tiers"]))  # type: ignore[call-overload]
    with pytest.raises(InputError, match=r"fees\[0\]: `tiers` must ascend"):
        checked("venue", {"name": "X", "fees": [{**TIERED, "tiers": tiers}]})
