from __future__ import annotations

import math

import numpy as np
import pytest

from spondylo_mm.clinical.slip import slip_percent

# Anterior to the left. The lower endplate runs from (0, 0) in front to (100, 0) behind; the upper body's
# posterior-inferior corner (its BR) stands 30 in front of the endplate's posterior end.
LOWER = np.array([[0.0, 0], [100, 0], [5, 80], [95, 80]])
UPPER = np.array([[-25.0, -90], [72, -92], [-28, -15], [70, -12]])
SLIP = 30.0


def rotated(points, degrees):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return points @ np.array([[c, s], [-s, c]])


def mirrored(points):
    """Left and right change places, in the image and in the names of the corners."""
    return (points * [-1, 1])[[1, 0, 3, 2]]


def test_slip_of_a_hand_made_pair():
    assert slip_percent(UPPER, LOWER, 'left') == pytest.approx(SLIP)


def test_facing_decides_which_corner_is_posterior_and_the_sign():
    # Facing right, posterior is left: the upper BL at x = -28 stands 28 behind the posterior end (0, 0).
    assert slip_percent(UPPER, LOWER, 'right') == pytest.approx(-28.0)


def test_a_retrolisthesis_is_negative():
    assert slip_percent(UPPER + [42, 0], LOWER, 'left') == pytest.approx(-12.0)


@pytest.mark.parametrize('degrees', [-170, -60, -10, 33, 90, 140])
@pytest.mark.parametrize('scale', [0.05, 7.0])
def test_rotation_scale_and_position_change_nothing(degrees, scale):
    upper, lower = (scale * rotated(points, degrees) + [311.5, -40.25] for points in (UPPER, LOWER))
    assert slip_percent(upper, lower, 'left') == pytest.approx(SLIP)


def test_a_mirrored_image_has_the_same_slip_facing_the_other_way():
    assert slip_percent(mirrored(UPPER), mirrored(LOWER), 'right') == pytest.approx(SLIP)


def test_the_spacing_undoes_a_stretched_image():
    upper, lower = rotated(UPPER, 35), rotated(LOWER, 35)
    squashed = [points * [1 / 0.2, 1 / 0.5] for points in (upper, lower)]
    assert slip_percent(*squashed, 'left', spacing=(0.2, 0.5)) == pytest.approx(SLIP)
    assert slip_percent(*squashed, 'left') != pytest.approx(SLIP, abs=1)  # uncorrected, the stretch does matter


def test_the_upper_bodys_size_and_the_lower_ones_underside_do_not_matter():
    taller, underside = UPPER.copy(), LOWER.copy()
    taller[:2] -= [0, 60]
    underside[2:] += [[10, 30], [20, -25]]
    assert slip_percent(taller, underside, 'left') == pytest.approx(SLIP)


def test_spondyloptosis_is_beyond_100_percent():
    assert slip_percent(UPPER - [90, 0], LOWER, 'left') == pytest.approx(120.0)


def changed(points, index, value):
    points = points.copy()
    points[index] = value
    return points


@pytest.mark.parametrize(
    ('upper', 'lower'),
    [
        pytest.param(changed(UPPER, 0, math.nan), LOWER, id='a NaN in the upper body'),
        pytest.param(UPPER, changed(LOWER, (1, 0), math.inf), id='an infinite corner'),
        pytest.param(UPPER, changed(LOWER, 1, LOWER[0]), id='an endplate without length'),
        pytest.param(UPPER, changed(LOWER, 1, [8, 0]), id='an endplate of 8 px under a body of 98: -775 %'),
        pytest.param(UPPER, changed(LOWER, 1, [30, 0]), id='an endplate of 30 px under a body of 98: -133 %'),
        pytest.param(UPPER, LOWER[[1, 0, 2, 3]], id='a crossed endplate'),
        pytest.param(UPPER, LOWER[[1, 0, 3, 2]], id='left and right confused'),
        pytest.param(UPPER[[2, 3, 0, 1]], LOWER, id='top and bottom confused'),
        pytest.param(UPPER, np.zeros((4, 2)), id='all corners in one point'),
        pytest.param(UPPER, LOWER * [1, 0], id='all corners on one line'),
        pytest.param(UPPER - [1200, 0], LOWER, id='a body elsewhere in the image'),
    ],
)
def test_degenerate_corners_give_nan_and_no_absurd_number(upper, lower):
    assert math.isnan(slip_percent(upper, lower, 'left'))


def test_no_slip_without_a_facing():
    assert math.isnan(slip_percent(UPPER, LOWER, 'unknown'))
    with pytest.raises(ValueError, match='facing'):
        slip_percent(UPPER, LOWER, 'anterior')


def test_random_corners_never_raise_and_never_give_an_absurd_number():
    rng = np.random.default_rng(0)
    percents = [slip_percent(*rng.normal(0, 50, (2, 4, 2)), 'left') for _ in range(2000)]
    finite = [p for p in percents if not math.isnan(p)]
    assert finite and max(map(abs, finite)) <= 200.0


def test_the_real_radiographs_have_slips_of_at_most_grade_one(real_spines):
    for corners in real_spines.values():
        for lower, upper in zip(corners[:-1], corners[1:], strict=True):
            assert abs(slip_percent(upper, lower, 'left')) < 25.0
