"""Terms read out of a log's own records say the same as the records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aggregates.reference.items import Activated
from schemas.codes import InputType
from schemas.envelope import HEADER
from schemas.wire import INPUTS, iter_inputs
from streams.config.records import config_records
from streams.config.sections import EngineConfig, Policies, Policy
from streams.reference.adopt import Inventory, adopt
from streams.reference.records import Catalogue, records_of
from streams.reference.service import ReferenceService
from streams.simulator.plain import PlainMarket
from streams.simulator.plain_config import PlainConfig
from tests.builders import Tape, set_up

POLICY = Policy(
    protection="iso",
    crossed="wait",
    preferred=("XNYS", "ARCX"),
    urgency_miss_bps=(1.0, 2.5, 3.0),
    urgency_horizon_ms=(100, 200, 300),
    posting=(0, 2),
    ticket_nanos=10**7,
    latency_bps=0.02,
    use_hidden=True,
)


def market_records() -> bytes:
    """Return reference records as the live service begins a log with."""
    market = PlainMarket(PlainConfig(seed=2)).reference()
    config = EngineConfig(policies=Policies(preferred=POLICY))
    return market + config_records(config, market, stale_ms=2_000, horizon_ms=5_000)


def tape_records() -> bytes:
    """Return records with an account and limits that use every field."""
    tape = Tape()
    set_up(tape)
    tape.account(b"ACC9", venues_permitted=2, max_gross_ones=10**6, rate_max=5, rate_ns=10**9)
    tape.limits(0, restricted=1, self_match=2, max_reports=50, duplicate_ns=5 * 10**6)
    return bytes(tape.data)


def activated(terms: dict[str, Any], revision: int) -> Any:
    """Return an event that puts terms in force."""
    event = object.__new__(Activated)
    event.__dict__.update(terms=terms, revision=revision)
    return event


def body(kind: int, record: bytes) -> dict[str, Any]:
    """Return the fields of a record that say what it is, without its numbers."""
    fields = INPUTS[kind].unpack(record)._asdict()
    place = {"venue", "instrument"} if kind != InputType.LIMITS else {"instrument"}
    numbered = {name for name, _ in HEADER.fields} - place
    return {name: value for name, value in fields.items() if name not in numbered}


@pytest.mark.parametrize(
    ("records", "kinds"),
    [
        (market_records, set(INPUTS) - {InputType.SETTINGS, InputType.ENGINE, InputType.FEE_TIER}),
        (tape_records, {InputType.LIMITS, InputType.ACCOUNT}),  # of fields that no market sets
    ],
)
def test_adopted_terms_make_the_same_records_again(
    records: Any, kinds: set[int], tmp_path: Path
) -> None:
    inventory, catalogue = Inventory(), Catalogue()
    newest: dict[Any, tuple[int, bytes]] = {}
    for kind, raw in iter_inputs(records()):
        inventory.fold(kind, raw)
        catalogue.fold(kind, raw)
        fields = INPUTS[kind].unpack(raw)
        more = tuple(getattr(fields, name, 0) for name in ("liquidity", "policy", "account"))
        newest[kind, fields.instrument, fields.venue, *more] = kind, raw
    with ReferenceService(f"sqlite:///{tmp_path / 'reference.db'}") as service:
        found, left = adopt(service, inventory.items())
        assert left == []
        assert adopt(service, inventory.items()) == ([], [])
        assert len(found) == len(service.items())
        made = []
        for item in service.items():
            assert item.live is not None
            event = activated(item.live, item.revision)
            made += records_of(item.kind, item.key, event, catalogue)
    told = [body(kind, raw) for kind, raw in newest.values() if kind in kinds]
    again = {repr(body(raw[0], raw)) for raw in made}
    missing = [fields for fields in told if repr(fields) not in again]
    assert missing == []
    assert len(told) >= 2
