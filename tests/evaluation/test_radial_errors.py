from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.evaluation.functional.radial_errors import radial_errors, reference_scale


def test_a_radial_error_is_the_euclidean_distance():
    predicted, true = np.array([[3.0, 4], [10, 10]]), np.array([[0.0, 0], [10, 10]])
    assert radial_errors(predicted, true, (640, 640)) == pytest.approx([5, 0])


def test_px512_refers_to_the_longer_side():
    assert reference_scale((1276, 2134)) == pytest.approx(512 / 2134)
    assert reference_scale((2134, 1276)) == pytest.approx(512 / 2134)
    assert reference_scale((256, 256)) == 2.0


def test_spacing_weighs_x_and_y_separately():
    error = radial_errors(np.array([30.0, 20.0]), np.zeros(2), (640, 640), spacing=(0.1, 0.2))
    assert error == pytest.approx(5.0)  # 3 mm and 4 mm


def test_an_unlabelled_corner_has_no_error_even_if_its_prediction_is_nan():
    true = np.array([[np.nan, np.nan], [np.nan, np.nan]])
    assert np.isnan(radial_errors(np.array([[1.0, 2], [np.nan, 0]]), true, (640, 640))).all()


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_an_invalid_prediction_costs_the_diagonal_more_than_any_prediction_in_the_image(bad):
    size = (300, 400)
    error = radial_errors(np.array([bad, 5.0]), np.array([150.0, 200.0]), size)
    assert error == pytest.approx(500.0)
    worst_inside = radial_errors(np.array([0.0, 0.0]), np.array([299.0, 399.0]), size)
    assert error > worst_inside
    assert radial_errors(np.array([bad, 5.0]), np.array([1.0, 1]), size, (0.2, 0.2)) == pytest.approx(100.0)
