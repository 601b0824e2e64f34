"""A venue never tried is believed to be like the others of its kind."""

from __future__ import annotations

import pytest

from aggregates import kernel
from schemas.codes import OutputType, VenueKind
from schemas.units import E9
from tests.builders import S, Tape, of_type, set_up

KINDS = {0: VenueKind.LIT, 1: VenueKind.DARK, 2: VenueKind.WHOLESALER}


@pytest.mark.parametrize(
    ("told", "believed"),
    [
        ({}, (0.9, 0.9, 0.9)),
        ({"fill_prior_dark_e9": 3 * E9 // 10}, (0.9, 0.3, 0.9)),
        ({"fill_prior_dark_e9": E9 // 2, "fill_prior_wholesaler_e9": E9}, (0.9, 0.5, 1.0)),
    ],
)
def test_the_prior_is_that_of_the_kind(
    core: str, told: dict[str, int], believed: tuple[float, ...]
) -> None:
    engine, tape = kernel.load(core), Tape()
    set_up(tape, ("LIT", "DARK", "WHOLE"))
    for venue, kind in KINDS.items():
        tape.venue(venue, ("LIT", "DARK", "WHOLE")[venue], kind=kind)
    tape.settings(publish_ns=S, **told)
    for venue in KINDS:
        tape.quote(0, venue, ("10.00", 100), ("10.01", 100))
    tape.wait(2 * S)
    tape.timer()
    _, outputs = engine.step(bytes(tape.data))
    rows = {row.venue: row for row in of_type(outputs, OutputType.QUALITY)}
    assert tuple(rows[venue].fill_ratio for venue in KINDS) == pytest.approx(believed)
    assert all(row.fill_ratio_n == 0.0 for row in rows.values())
