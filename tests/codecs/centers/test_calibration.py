"""Heights of peaks and what they are worth."""

import numpy as np
import pytest

from spondylo_mm.codecs.centers.assembly import Spine
from spondylo_mm.codecs.centers.calibration import (
    UNCALIBRATED,
    Judged,
    calibrated,
    fit_calibration,
    judge,
)
from spondylo_mm.codecs.centers.layout import SACRUM, VERTEBRA

CELLS = 128
TO_HEATMAP = 127 / 511


def candidates(slope: float, bias: float, kind: int, number: int = 20_000) -> Judged:
    """As many candidates of a kind that are right as a line of log odds says."""
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.05, 0.95, number)
    odds = np.exp(bias) * (scores / (1 - scores)) ** slope
    is_right = rng.random(number) < odds / (1 + odds)
    return Judged(np.full(number, kind), scores, is_right)


def test_what_is_right_more_often_than_it_says_is_believed_more():
    fitted = fit_calibration([candidates(3.0, 0.5, VERTEBRA), candidates(2.0, 4.0, SACRUM)])
    np.testing.assert_allclose(fitted, [[3.0, 0.5], [2.0, 4.0]], rtol=0.1, atol=0.1)


def test_calibrated_scores_are_frequencies():
    judged = candidates(3.0, -1.0, VERTEBRA)
    probability = calibrated(judged.scores, judged.kinds, fit_calibration([judged]))
    for low in np.arange(0, 1, 0.2):
        here = (probability >= low) & (probability < low + 0.2)
        assert judged.is_right[here].mean() == pytest.approx(probability[here].mean(), abs=0.03)


def test_a_kind_that_was_never_wrong_is_left_as_it_is():
    judged = candidates(3.0, 0.5, VERTEBRA)
    sure = Judged(np.full(50, SACRUM), np.full(50, 0.4), np.ones(50, dtype=bool))
    np.testing.assert_array_equal(fit_calibration([judged, sure])[SACRUM], UNCALIBRATED[SACRUM])
    np.testing.assert_array_equal(fit_calibration([]), UNCALIBRATED)


def test_higher_peaks_are_never_less_likely():
    backwards = candidates(-2.0, 0.0, VERTEBRA)
    assert fit_calibration([backwards])[VERTEBRA, 0] >= 0


def test_without_calibration_scores_stay_and_what_was_not_found_is_never_there():
    scores = np.array([0.0, 0.2, 0.9])
    np.testing.assert_allclose(calibrated(scores, VERTEBRA, UNCALIBRATED), scores)
    assert calibrated(np.zeros(1), SACRUM, np.array([[1.0, 9.0], [1.0, 9.0]])) == 0


@pytest.fixture
def chain(straight) -> Spine:
    """A sacrum and four vertebrae, found exactly where they are."""
    corners = straight(5) * TO_HEATMAP
    kinds = np.array([SACRUM] + [VERTEBRA] * 4)
    return Spine(corners, np.ones((5, 4)), kinds, np.array([0.6, 0.7, 0.0, 0.8, 0.9]), 0.5)


def test_labels_confirm_what_they_show_and_refute_the_rest(chain):
    labels, taught = np.zeros((10, 4, 2)), np.zeros((10, 4), dtype=bool)
    labels[:4], taught[:4] = chain.corners[:4], True
    known = np.ones((2, CELLS, CELLS), dtype=bool)
    judged = judge(chain, labels, taught, known)  # the third was not found, the fifth is not labelled
    assert judged.kinds.tolist() == [SACRUM, VERTEBRA, VERTEBRA, VERTEBRA]
    assert judged.scores.tolist() == [0.5, 0.7, 0.8, 0.9]  # of the sacrum, how likely it is one
    assert judged.is_right.tolist() == [True, True, True, False]
    x, y = np.round(chain.corners[4].mean(axis=0)).astype(int)
    known[VERTEBRA, y, x] = False
    assert judge(chain, labels, taught, known).is_right.tolist() == [True, True, True]


def test_a_vertebra_taken_for_the_sacrum_is_wrong(chain):
    labels, taught = np.zeros((10, 4, 2)), np.zeros((10, 4), dtype=bool)
    labels[1:6], taught[1:6] = chain.corners, True  # the lowest is L5
    judged = judge(chain, labels, taught, np.ones((2, CELLS, CELLS), dtype=bool))
    assert judged.is_right.tolist() == [False, True, True, True]
