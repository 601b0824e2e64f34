"""Schedules of recorded venues become lines that the engine charges by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aggregates import kernel
from schemas.codes import FeeBasis, Liquidity, OutputType
from schemas.errors import InputError
from streams.sources.fee_schedules import Line, read_schedules
from tests.builders import S, Tape, children, of_type, set_up

NOTHING_TOLD = {"deribit"}
"""Its file has no spot fee at all."""


@pytest.fixture(scope="module")
def schedules(shared_data: Path) -> dict[str, tuple[Line, ...]]:
    """Return the schedules of 28 venues."""
    (path,) = (shared_data / "crypto_fee_schedules").glob("*.json")
    return read_schedules(path)


@pytest.mark.data
def test_every_venue_is_read(schedules: dict[str, tuple[Line, ...]]) -> None:
    assert len(schedules) == 28
    for name, lines in schedules.items():
        takes = [line for line in lines if line.liquidity == Liquidity.TAKE]
        assert bool(takes) == (name not in NOTHING_TOLD), name
        assert [line.tier for line in takes] == list(range(len(takes))), name
        assert [line.volume for line in takes] == sorted(line.volume for line in takes), name
    kraken = [line for line in schedules["kraken"] if line.liquidity == Liquidity.TAKE]
    assert kraken[0] == Line(Liquidity.TAKE, 0, 0, 2_600_000)
    assert (kraken[8].volume, kraken[8].rate_e9) == (10_000_000, 100_000)


@pytest.mark.data
@pytest.mark.parametrize("core", ["native", "reference"])
def test_each_tier_of_each_venue_is_charged(
    core: str, schedules: dict[str, tuple[Line, ...]]
) -> None:
    """An account is set to each tier in turn; the decision expects that tier's share."""
    engine, tape = kernel.load(core), Tape()
    names = [name for name in sorted(schedules) if schedules[name]]
    set_up(tape, tuple(names))
    for venue, name in enumerate(names):
        for line in schedules[name]:
            tape.fee_tier(venue, account=b"FUND", **line.fields())
    engine.step(bytes(tape.data))
    tape.data.clear()
    checked = 0
    for venue, name in enumerate(names):
        tape.quote(0, venue, ("99.99", 500), ("100.00", 500))
        for line in (line for line in schedules[name] if line.liquidity == Liquidity.TAKE):
            told = decision(engine, tape, venue, line)
            assert told == 100 * (100 * S + 100 * line.rate_e9), f"{name} tier {line.tier}"
            checked += 1
    assert checked == sum(line.liquidity == Liquidity.TAKE for n in names for line in schedules[n])
    assert checked > 100


def decision(engine: Any, tape: Tape, venue: int, line: Line) -> int:
    """Expected cost of 100 at one venue in the tier of a line, by the tier and by the volume."""
    costs = set()
    for basis in FeeBasis:
        tape.billing(
            venue,
            account=b"FUND",
            basis=basis,
            prior_tier=line.tier,
            forecast=line.volume,
            month_to_date=line.volume,
        )
        name = f"{venue}-{line.tier}-{basis}"
        tape.order(0, name, 1, 100, limit="101.00", account=b"FUND", venues_allowed=1 << venue)
        _, outputs = engine.step(bytes(tape.data))
        tape.data.clear()
        (told,) = of_type(outputs, OutputType.DECISION)
        costs.add((told.expected_cost_hi << 64) | told.expected_cost_lo)
        (child,) = children(outputs)
        tape.fill(child.child_id, 100, child.limit_nanos, 1, venue=venue)
        tape.quote(0, venue, ("99.99", 500), ("100.00", 500))
    (cost,) = costs
    return int(cost)


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"x": {}}', '{"x": {"fees": {"trading": {"tiers": {"taker": [[1]]}}}}}']
)
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fees.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"fees\.json"):
        read_schedules(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        read_schedules(tmp_path / "nowhere.json")
