"""The factor that makes deviations right, against errors drawn from a known distribution."""

import math

import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.evaluation.functional.sd_calibration import matched_errors, sd_scale

SIZE = (400, 800)


def errors_of(sd: np.ndarray, factor: float) -> np.ndarray:
    """Radial errors (C,) of corners whose true deviation is ``factor`` times the stated one, alike along x and y."""
    rng = np.random.default_rng(0)
    return np.hypot(*rng.normal(0, factor * sd / math.sqrt(2), (2, len(sd))))


def spine() -> np.ndarray:
    """Corners (S, 4, 2) of ten vertebrae, 50 px apart."""
    body = np.array([(180, 700), (220, 700), (180, 730), (220, 730)], dtype=float)
    return body - np.arange(NUM_SLOTS)[:, None, None] * [0, 50]


@pytest.mark.parametrize('factor', [0.5, 1.0, 1.7])
def test_deviations_that_are_too_large_or_too_small_by_one_factor_are_told_by_it(factor):
    sd = np.random.default_rng(1).uniform(1, 10, 20000)
    assert sd_scale(errors_of(sd, factor), sd) == pytest.approx(factor, rel=0.02)


def test_a_few_corners_that_jumped_to_another_vertebra_hardly_change_it():
    sd = np.full(1000, 4.0)
    errors = errors_of(sd, 0.5)
    clean = sd_scale(errors, sd)
    errors[:20] = 150
    assert sd_scale(errors, sd) == pytest.approx(clean, rel=0.05)
    assert np.sqrt(np.mean(errors**2 / sd**2)) > 5  # the factor of a mean of squares


def test_a_deviation_of_nothing_counts_as_too_small():
    sd = np.full(1000, 4.0)
    errors = errors_of(sd, 1.0)
    sd[:100] = 0
    assert sd_scale(errors, sd) > 1.05


def test_few_corners_or_none_that_are_off_tell_nothing():
    assert math.isnan(sd_scale(np.ones(39), np.ones(39)))
    assert math.isnan(sd_scale(np.zeros(100), np.ones(100)))
    assert math.isnan(sd_scale(np.ones(100), np.zeros(100)))


def test_a_spine_counted_one_level_off_is_compared_with_the_vertebrae_it_lies_on():
    true, labelled = spine(), np.zeros((NUM_SLOTS, 4))
    labelled[:6] = 1
    predicted, presence = np.roll(true, -1, axis=0) + [3, 4], np.zeros(NUM_SLOTS)  # slot 0 is on the second
    presence[:5] = 1
    sd = np.repeat(np.arange(10.0), 4)
    errors, doubt = matched_errors(predicted.reshape(-1, 2), presence, sd, true, labelled, SIZE)
    assert errors == pytest.approx(np.full(20, 5.0))
    assert doubt.tolist() == np.repeat(np.arange(5.0), 4).tolist()


def test_what_is_not_shown_not_labelled_or_without_a_deviation_takes_no_part():
    labelled, presence, sd = np.ones(NUM_KEYPOINTS), np.ones(NUM_SLOTS), np.ones(NUM_KEYPOINTS)
    presence[9], labelled[0], sd[5] = 0.4, 0, np.nan
    errors, _ = matched_errors(spine().reshape(-1, 2), presence, sd, spine(), labelled, SIZE)
    assert len(errors) == NUM_KEYPOINTS - 4 - 1 - 1
    nothing, _ = matched_errors(spine().reshape(-1, 2), presence, sd, spine(), 0 * labelled, SIZE)
    assert not len(nothing)
