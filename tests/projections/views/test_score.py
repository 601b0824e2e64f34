"""The composite score falls when a venue gets worse in anything, and says nothing of nothing."""

from __future__ import annotations

from typing import Any

import pytest

from projections.views.score import WEIGHTS, components, score

MS = 1_000_000
UNSEEN = {"value": None, "se": None, "n": 0.0}


def venue(**values: Any) -> dict[str, Any]:
    """Return a flawless venue, but for what is told."""
    flawless = {
        "fill_ratio": {"value": 1.0, "se": 0.0, "n": 50.0},
        "reject_rate": {"value": 0.0, "se": 0.0, "n": 50.0},
        "ack_p90_ns": MS,
        "health": "up",
    }
    return flawless | values


def test_the_ends_of_the_scale() -> None:
    assert sum(WEIGHTS.values()) == 1000
    assert score(venue()) == 1000
    worst = venue(
        fill_ratio={"value": 0.0, "se": 0.0, "n": 9.0},
        reject_rate={"value": 1.0, "se": 0.0, "n": 9.0},
        ack_p90_ns=2000 * MS,
        health="down",
    )
    assert score(worst) == 0


@pytest.mark.parametrize(
    ("worse", "wanted"),
    [
        ({"fill_ratio": {"value": 0.5, "se": 0.0, "n": 9.0}}, 800),
        ({"fill_ratio": {"value": 0.5, "se": 0.1, "n": 9.0}}, 722),
        ({"reject_rate": {"value": 0.25, "se": None, "n": 1.0}}, 950),
        ({"ack_p90_ns": 32 * MS}, 900),
        ({"health": "degraded"}, 900),
    ],
)
def test_each_part_costs_its_share(worse: dict[str, Any], wanted: int) -> None:
    assert score(venue(**worse)) == pytest.approx(wanted, abs=1)


def test_what_was_never_seen_is_left_out() -> None:
    assert "filled" not in components(venue(fill_ratio=UNSEEN))
    assert score(venue(fill_ratio=UNSEEN)) == 1000
    assert score(venue(fill_ratio=UNSEEN, reject_rate=UNSEEN, ack_p90_ns=None)) is None
