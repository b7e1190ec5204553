from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.evaluation.functional import bootstrap
from spondylo_mm.evaluation.functional.bootstrap import ratio, ratio_intervals


def test_a_ratio_without_data_is_nan_and_not_zero():
    assert ratio(np.array([0.0, 3, 0]), np.array([0.0, 2, 5])) == pytest.approx([np.nan, 1.5, 0], nan_ok=True)


def test_the_interval_of_a_mean_is_the_one_of_the_normal_law():
    values = np.random.default_rng(0).normal(10, 2, 400)
    low, high = ratio_intervals(values[:, None], np.ones((400, 1)), 4000, seed=0)[0]
    half = 1.96 * values.std() / np.sqrt(400)
    assert low == pytest.approx(values.mean() - half, abs=0.02)
    assert high == pytest.approx(values.mean() + half, abs=0.02)


def test_intervals_cover_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        values = rng.normal(5, 1, (60, 1))
        low, high = ratio_intervals(values, np.ones_like(values), 300, seed=0)[0]
        covered += low <= 5 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_images_are_resampled_not_corners():
    # 20 images of 28 equal errors each: the interval is that of 20 values, some five times as wide as that of 560.
    errors = np.random.default_rng(2).normal(10, 2, 20)
    low, high = ratio_intervals(28 * errors[:, None], np.full((20, 1), 28.0), 2000, seed=0)[0]
    assert high - low == pytest.approx(2 * 1.96 * errors.std() / np.sqrt(20), rel=0.1)


def test_an_image_counts_with_its_corners():
    # Error 0 on one image of 90 corners and 10 on nine of 10: every draw is 10 a / (a + 9 b), never the mean of means.
    numerators = np.array([0.0] + [100.0] * 9)[:, None]
    denominators = np.array([90.0] + [10.0] * 9)[:, None]
    low, high = ratio_intervals(numerators, denominators, 2000, seed=0)[0]
    assert high == pytest.approx(10.0)  # the first image is in no draw of more than a third of them
    assert low == pytest.approx(10 * 7 / (7 + 27), abs=0.6)  # it is in three of ten


def test_the_same_seed_gives_the_same_interval_whatever_is_held_at_once(monkeypatch):
    values = np.random.default_rng(4).random((30, 3))
    first = ratio_intervals(values, np.ones_like(values), 500, seed=7)
    assert (ratio_intervals(values, np.ones_like(values), 500, seed=7) == first).all()
    assert (ratio_intervals(values, np.ones_like(values), 500, seed=8) != first).any()
    monkeypatch.setattr(bootstrap, '_WEIGHTS_AT_ONCE', 30 * 64)
    assert ratio_intervals(values, np.ones_like(values), 500, seed=7) == pytest.approx(first)


def test_a_metric_without_data_has_no_interval_and_spoils_no_other():
    numerators, denominators = np.ones((5, 2)), np.array([[0.0, 1.0]] * 5)
    intervals = ratio_intervals(numerators, denominators, 200, seed=0)
    assert np.isnan(intervals[0]).all() and intervals[1] == pytest.approx([1, 1])


@pytest.mark.parametrize('num_images', [0, 1])
def test_fewer_than_two_images_have_no_interval(num_images):
    assert np.isnan(ratio_intervals(np.ones((num_images, 2)), np.ones((num_images, 2)), 100, seed=0)).all()


def test_draws_without_data_are_left_out():
    # Only one of three images has data: its value is the same in every draw that holds it.
    intervals = ratio_intervals(np.array([[4.0], [0], [0]]), np.array([[2.0], [0], [0]]), 300, seed=0)
    assert intervals[0] == pytest.approx([2, 2])
