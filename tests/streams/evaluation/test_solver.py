"""The oracle of protocol A against brute force, and overlap over tied optima."""

from __future__ import annotations

from itertools import product

import pytest

from streams.evaluation.solver import Offer, best_overlap, optimal_cost, split_cost

OFFERS: list[Offer] = [(10.0, 0, 2), (11.0, 0, 3), (10.5, 1, 2), (11.0, 1, 2), (9.0, 2, 1)]
CAPS = {0: 5, 1: 4, 2: 1}


def splits(units: int) -> list[dict[int, int]]:
    ranges = [range(cap + 1) for cap in CAPS.values()]
    return [
        dict(zip(CAPS, chosen, strict=True)) for chosen in product(*ranges) if sum(chosen) == units
    ]


@pytest.mark.parametrize("units", range(1, 11))
def test_no_split_is_cheaper_than_the_optimum(units: int) -> None:
    assert min(split_cost(OFFERS, one) for one in splits(units)) == optimal_cost(OFFERS, units)


@pytest.mark.parametrize("units", range(1, 11))
def test_overlap_is_with_the_nearest_optimum(units: int) -> None:
    best = [one for one in splits(units) if split_cost(OFFERS, one) == optimal_cost(OFFERS, units)]
    for one in splits(units):
        nearest = min(sum(abs(one[v] - other[v]) for v in CAPS) for other in best)
        assert best_overlap(OFFERS, one, units) == pytest.approx(1 - nearest / (2 * units))
