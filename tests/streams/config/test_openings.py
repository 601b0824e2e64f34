"""What accounts hold at the opening becomes INVENTORY records, or a named error."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregates import kernel
from schemas.codes import InputType, OutputType, Reason, Side
from schemas.errors import InputError
from schemas.orders import INVENTORY
from schemas.units import MAX_VENUES
from schemas.wire import iter_inputs
from streams.config.load import load_config
from streams.config.openings import SOURCE_OPENING
from streams.config.records import config_records
from tests.builders import Tape, of_type

OPENING = """
[limits]
inventory = true

[[inventory]]
account = "ACC1"
venue = "BINA"
instrument = "BTC"
ones = "2.5"

[[inventory]]
account = "ACC2"
venue = "KRAK"
instrument = "BTC"
ones = "1"
"""


def market() -> Tape:
    tape = Tape()
    tape.instrument(0, "BTC", units_per_one=100_000_000)
    for venue, key in enumerate(("BINA", "KRAK")):
        tape.venue(venue, key)
        tape.listing(0, venue)
        tape.fee(0, venue)
    return tape


def told(path: Path, text: str, tape: Tape) -> bytes:
    path.write_text(text)
    config = load_config(path)
    return config_records(config, bytes(tape.data), stale_ms=1_000, horizon_ms=8_000)


def test_openings_are_records_of_a_source_of_their_own(tmp_path: Path) -> None:
    records = told(tmp_path / "run.toml", OPENING, market())
    kinds = ((kind, raw) for kind, raw in iter_inputs(records))
    found = [INVENTORY.unpack(raw) for kind, raw in kinds if kind == InputType.INVENTORY]
    assert [(r.source, r.source_seq) for r in found] == [(SOURCE_OPENING, 1), (SOURCE_OPENING, 2)]
    assert [(r.account.rstrip(b"\0"), r.venue, r.units) for r in found] == [
        (b"ACC1", 0, 250_000_000),
        (b"ACC2", 1, 100_000_000),
    ]
    assert max(r.venue for r in found) < MAX_VENUES


@pytest.mark.parametrize("core", ["reference", "native"])
def test_a_configured_run_sells_only_what_it_was_opened_with(tmp_path: Path, core: str) -> None:
    tape = market()
    tape.add(told(tmp_path / "run.toml", OPENING, tape))
    for venue in range(2):
        tape.quote(0, venue, ("100", 10**9), ("100.1", 10**9))
    tape.order(0, "A", Side.SELL, 300_000_000, limit="100", account=b"ACC1")
    tape.order(0, "B", Side.SELL, 1, limit="100", account=b"ACC3")
    _, outputs = kernel.load(core).step(bytes(tape.data))
    sent = of_type(outputs, OutputType.CHILD)
    assert [(child.venue, child.units) for child in sent] == [(0, 250_000_000)]
    refused = of_type(outputs, OutputType.REFUSAL)
    assert [(r.reason, r.input_type) for r in refused] == [
        (Reason.NOTHING_TO_SELL, InputType.NEW_ORDER)
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ('venue = "BINA"', 'venue = "XXXX"', "no venue 'XXXX'"),
        ('instrument = "BTC"', 'instrument = "ETH"', "no instrument 'ETH'"),
        ('ones = "2.5"', 'ones = "0.000000001"', "finer than its smallest unit"),
        ('ones = "2.5"', 'ones = "-1"', "inventory"),
        ('account = "ACC1"', 'acount = "ACC1"', "inventory"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, right: str, wrong: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        told(tmp_path / "run.toml", OPENING.replace(right, wrong, 1), market())
