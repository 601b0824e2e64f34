"""Every published estimate equals a recomputation from the raw inputs."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates import kernel
from aggregates.engine import ReferenceEngine
from aggregates.kernel import Engine
from schemas.codes import MarkoutDrop
from tests.aggregates.generator import random_day
from tests.aggregates.raw_quality import RawQuality


def check(core: str, seed: int, count: int) -> RawQuality:
    """Compares a calm day's rows, executions and venues, and the counts of dropped markouts."""
    raw, engine = RawQuality(), kernel.load(core)
    for record, outputs in random_day(seed, count, calm=True, engine=engine).steps:
        raw.fold(record, outputs)
    dropped = markout_drops(engine)
    for reason in MarkoutDrop:
        for sold in (False, True):
            assert dropped[reason, sold] == raw.drops[reason, sold], f"{reason.name} {sold}"
    return raw


def markout_drops(engine: Engine) -> dict[tuple[MarkoutDrop, bool], int]:
    """Counts of markouts that did not settle, by reason and side, out of a core's state."""
    reader = ReferenceEngine(0, kernel.GENERATION)
    reader.restore(engine.state_bytes())
    counts = reader.state.markout_drops
    return {
        (reason, sold): counts[2 * reason + sold]
        for reason in MarkoutDrop
        for sold in (False, True)
    }


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_random_days(core: str, seed: int) -> None:
    check(core, seed, 700)


def test_long_days(core: str) -> None:
    days = [check(core, seed, 2000) for seed in (8, 20, 21, 25, 26)]
    assert sum(day.compared for day in days) > 300
    assert sum(day.executions for day in days) > 100
    assert sum(day.venue_reports for day in days) > 300
    for reason in (MarkoutDrop.STALE_MID, MarkoutDrop.OWN_ORDER):
        assert sum(day.drops[reason, sold] for day in days for sold in (False, True))
    settled = {name for day in days for row in day.rows.values() for name in row.samples}
    assert settled >= {"impact_4_bps", "realised_4_bps", "mid_adverse_1_bps", "adverse_1_bps"}
