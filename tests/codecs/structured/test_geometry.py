from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.anatomy import MIRRORED_CORNER
from spondylo_mm.codecs.structured.geometry import (
    LINK_MIRRORED,
    SHAPE_MIRRORED,
    link_features,
    shape_features,
    spacing,
)

BODY = np.array([[0.0, 0], [40, 0], [0, 20], [40, 20]])  # TL TR BL BR, 40 wide and 20 high


def test_a_straight_body_has_no_tilt_no_taper_and_no_wedge():
    np.testing.assert_allclose(shape_features(BODY), 0, atol=1e-12)


def test_each_shape_feature_says_what_its_name_says():
    tilt = BODY + [[0, 0], [0, 5], [0, 0], [0, 5]]  # the right side 5 px lower, a quarter of the height
    lean = BODY + [[10, 0], [10, 0], [0, 0], [0, 0]]  # the upper side 10 px to the right, a quarter of the width
    taper = BODY + [[0, 0], [0, 0], [-4, 0], [4, 0]]  # the inferior endplate 8 px longer than the superior one
    wedge = BODY + [[0, 0], [0, -2], [0, 0], [0, 2]]  # the right wall 4 px higher than the left one
    assert shape_features(tilt) == pytest.approx([np.arctan(0.25), 0, 0, 0])
    assert shape_features(lean) == pytest.approx([0, np.arctan(0.25), 0, 0])
    assert shape_features(taper) == pytest.approx([0, 0, 8 / 44, 0])  # 44: the mean endplate
    assert shape_features(wedge) == pytest.approx([0, 0, 0, 4 / 22])


def test_a_link_is_measured_in_the_lower_ones_endplates_and_walls():
    upper = BODY * [0.5, 1] + [14, -28]  # centred 24 - 20 = 4 px to the right, 28 px higher, half as wide
    assert link_features(BODY, upper) == pytest.approx([4 / 40, 28 / 20, 0.5, 0, 0, 1])


def test_spacing_is_in_mean_heights_so_that_a_collapsed_body_does_not_look_like_a_missing_one():
    collapsed = BODY * [1, 0.5]
    upper = BODY - [0, 26]  # 6 px of disc above: centres 21 px apart
    assert spacing(link_features(collapsed, upper)) == pytest.approx((26 + 5 - 10) / 15)
    assert spacing(link_features(BODY, BODY - [0, 52])) == pytest.approx(2.6)


def test_neither_stretch_nor_scale_nor_place_changes_links():
    rng = np.random.default_rng(0)
    lower, upper = BODY + rng.normal(0, 3, (4, 2)), BODY - [5, 27] + rng.normal(0, 3, (4, 2))
    matrix = np.array([[1.9, 0], [0, 0.7]])
    np.testing.assert_allclose(
        link_features(lower @ matrix + 9, upper @ matrix + 9), link_features(lower, upper), rtol=1e-9
    )
    np.testing.assert_allclose(shape_features(lower @ matrix + 9), shape_features(lower), rtol=1e-9)


def test_a_mirrored_spine_has_the_mirrored_features():
    rng = np.random.default_rng(1)
    lower, upper = BODY + rng.normal(0, 3, (4, 2)), BODY - [5, 27] + rng.normal(0, 3, (4, 2))
    mirrored = [(body * [-1, 1])[list(MIRRORED_CORNER)] for body in (lower, upper)]
    np.testing.assert_allclose(shape_features(mirrored[0]), SHAPE_MIRRORED * shape_features(lower), atol=1e-12)
    np.testing.assert_allclose(link_features(*mirrored), LINK_MIRRORED * link_features(lower, upper), atol=1e-12)


def test_what_has_no_area_or_is_inside_out_is_far_from_any_vertebra():
    for body in (np.zeros((4, 2)), BODY[[2, 3, 0, 1]]):
        assert np.abs(link_features(body, BODY)).min() >= 10
        assert np.isfinite(shape_features(body)).all()
