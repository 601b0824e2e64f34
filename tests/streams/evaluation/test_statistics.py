"""Intervals cover what they should, ratios are resampled as ratios, few blocks get none."""

from __future__ import annotations

import numpy as np

from streams.evaluation.statistics import MIN_BLOCKS, mean_interval, ratio_interval


def test_a_95_interval_covers_the_truth_about_95_times_in_100() -> None:
    chance = np.random.default_rng(7)
    hits = 0
    for _ in range(300):
        _, interval = mean_interval(chance.normal(1.0, 2.0, size=60))
        assert interval is not None
        hits += interval[0] <= 1.0 <= interval[1]
    assert 0.90 <= hits / 300 <= 0.985


def test_too_few_blocks_have_no_interval() -> None:
    value, interval = mean_interval(np.ones(MIN_BLOCKS - 1))
    assert value == 1.0
    assert interval is None


def test_a_ratio_is_that_of_the_means() -> None:
    top, bottom = np.array([1.0, 3.0] * 20), np.array([2.0, 6.0] * 20)
    value, interval = ratio_interval(top, bottom)
    assert value == 0.5
    assert interval == [0.5, 0.5]
