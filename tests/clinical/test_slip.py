from __future__ import annotations

import math

import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, TL, TR
from spondylo_mm.clinical.patient_spine import patient_spine
from spondylo_mm.clinical.slip import slip

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


def spine_of(upper, lower, facing='left', spacing=(1.0, 1.0), sd=None):
    corners = np.full((10, 4, 2), math.nan)
    corners[3], corners[4] = lower, upper
    return patient_spine(corners, facing, spacing, sd)


def measured(upper, lower, facing='left', spacing=(1.0, 1.0), sd=None):
    return slip(spine_of(upper, lower, facing, spacing, sd), lower=3)


def percent(*args, **kwargs):
    return measured(*args, **kwargs).value


def test_slip_of_a_hand_made_pair():
    assert percent(UPPER, LOWER, 'left') == pytest.approx(SLIP)


def test_facing_decides_which_corner_is_posterior_and_the_sign():
    # Facing right, posterior is left: the upper BL at x = -28 stands 28 behind the posterior end (0, 0).
    assert percent(UPPER, LOWER, 'right') == pytest.approx(-28.0)


def test_a_retrolisthesis_is_negative():
    assert percent(UPPER + [42, 0], LOWER, 'left') == pytest.approx(-12.0)


@pytest.mark.parametrize('degrees', [-170, -60, -10, 33, 90, 140])
@pytest.mark.parametrize('scale', [0.05, 7.0])
def test_rotation_scale_and_position_change_nothing(degrees, scale):
    upper, lower = (scale * rotated(points, degrees) + [311.5, -40.25] for points in (UPPER, LOWER))
    assert percent(upper, lower, 'left') == pytest.approx(SLIP)


def test_a_mirrored_image_has_the_same_slip_facing_the_other_way():
    assert percent(mirrored(UPPER), mirrored(LOWER), 'right') == pytest.approx(SLIP)


def test_the_spacing_undoes_a_stretched_image():
    upper, lower = rotated(UPPER, 35), rotated(LOWER, 35)
    squashed = [points * [1 / 0.2, 1 / 0.5] for points in (upper, lower)]
    assert percent(*squashed, 'left', spacing=(0.2, 0.5)) == pytest.approx(SLIP)
    assert percent(*squashed, 'left') != pytest.approx(SLIP, abs=1)  # uncorrected, the stretch does matter


@pytest.mark.parametrize('stretch', [1.0, 1.7, 2.2])
def test_no_stretching_of_the_image_hides_that_a_level_was_missed_or_found_twice(stretch):
    """The dataset's images are squashed, and nobody may have said by how much."""
    squashed = [points * [stretch, 1] for points in (UPPER, LOWER, UPPER - [0, 105], LOWER + [2, -3])]
    upper, lower, missed, twice = squashed
    assert measured(upper, lower).value is not None
    assert 'apart' in measured(missed, lower).reason and 'on the other' in measured(twice, lower).reason


def test_a_collapsed_vertebra_is_still_a_neighbour():
    collapsed = UPPER.copy()
    collapsed[:2] += [0, 50]  # a third of its height is left
    assert percent(collapsed, LOWER) == pytest.approx(SLIP)


def test_the_upper_bodys_size_and_the_lower_ones_underside_do_not_matter():
    taller, underside = UPPER.copy(), LOWER.copy()
    taller[:2] -= [0, 60]
    underside[2:] += [[10, 30], [20, -25]]
    assert percent(taller, underside, 'left') == pytest.approx(SLIP)


def test_an_endplate_alone_is_enough_of_the_lower_vertebra():
    """All that some data sets label of S1."""
    endplate = LOWER.copy()
    endplate[2:] = math.nan
    assert percent(UPPER, endplate) == pytest.approx(SLIP)
    endplate[1] = endplate[0]
    assert 'has no length' in measured(UPPER, endplate).reason
    assert 'stand at 178 degrees' in measured(UPPER, changed(endplate, slice(2), LOWER[[1, 0]])).reason


def test_spondyloptosis_is_beyond_100_percent():
    assert percent(UPPER - [90, 0], LOWER, 'left') == pytest.approx(120.0)


def changed(points, index, value):
    points = points.copy()
    points[index] = value
    return points


@pytest.mark.parametrize(
    ('upper', 'lower', 'reason'),
    [
        pytest.param(changed(UPPER, 0, math.nan), LOWER, 'a corner of L2 is missing', id='a NaN in the upper body'),
        pytest.param(UPPER, changed(LOWER, (1, 0), math.inf), 'of L3 is missing', id='an infinite corner'),
        pytest.param(UPPER, changed(LOWER, 1, LOWER[0]), 'not bound a body', id='an endplate without length'),
        pytest.param(UPPER, changed(LOWER, 1, [8, 0]), '98 and 8 long', id='an endplate of 8 px under a body of 98'),
        pytest.param(UPPER, changed(LOWER, 1, [30, 0]), '98 and 30 long', id='an endplate of 30 px under one of 98'),
        pytest.param(UPPER, LOWER[[1, 0, 2, 3]], 'not bound a body', id='a crossed endplate'),
        pytest.param(UPPER, LOWER[[1, 0, 3, 2]], 'of L3 do not bound', id='left and right confused'),
        pytest.param(UPPER[[2, 3, 0, 1]], LOWER, 'of L2 do not bound', id='top and bottom confused'),
        pytest.param(UPPER, np.zeros((4, 2)), 'of L3 do not bound', id='all corners in one point'),
        pytest.param(UPPER, LOWER * [1, 0], 'of L3 do not bound', id='all corners on one line'),
        pytest.param(UPPER - [1200, 0], LOWER, 'beyond what is possible', id='a body elsewhere in the image'),
        pytest.param(UPPER - [0, 110], LOWER, '1.5 heights of a body apart', id='a level between them was missed'),
        pytest.param(LOWER + [2, -3], LOWER, 'one lies on the other', id='a vertebra found twice'),
        pytest.param(rotated(UPPER, 95), LOWER, 'stand at', id='a body on its side'),
        pytest.param(np.full((4, 2), math.nan), LOWER, 'L2 is absent', id='no upper vertebra'),
        pytest.param(UPPER, np.full((4, 2), math.nan), 'L3 is absent', id='no lower vertebra'),
    ],
)
def test_degenerate_corners_give_a_reason_and_no_absurd_number(upper, lower, reason):
    result = measured(upper, lower, 'left')
    assert result.value is None and result.interval is None
    assert reason in result.reason


def test_no_slip_without_a_facing():
    assert measured(UPPER, LOWER, 'unknown').reason == 'it is unknown which way the patient faces'
    with pytest.raises(ValueError, match='facing'):
        measured(UPPER, LOWER, 'anterior')


def test_random_corners_never_raise_and_never_give_an_absurd_number():
    rng = np.random.default_rng(0)
    sd = np.full((10, 4), 20.0)
    results = [measured(*rng.normal(0, 50, (2, 4, 2)), sd=sd) for _ in range(2000)]
    found = [result for result in results if result.value is not None]
    assert found and max(abs(result.value) for result in found) <= 200.0
    assert all(-200 <= low <= result.value <= high <= 200 for result in found for low, high in [result.interval])
    assert all(result.reason for result in results if result.value is None)


def test_the_real_radiographs_have_slips_of_at_most_grade_one(real_spines):
    for corners in real_spines.values():
        for lower, upper in zip(corners[:-1], corners[1:], strict=True):
            assert abs(percent(upper, lower, 'left')) < 25.0


def test_on_real_radiographs_nothing_is_measured_over_a_missed_level(real_spines):
    for corners in real_spines.values():
        for lower, upper in zip(corners[:-2], corners[2:], strict=True):
            assert 'cannot be neighbours' in measured(upper, lower).reason


def test_without_deviations_there_is_no_interval():
    assert measured(UPPER, LOWER).interval is None
    sd = np.full((10, 4), 2.0)
    sd[3, 0] = math.nan  # an end of the endplate that the slip is measured on
    assert measured(UPPER, LOWER, sd=sd).interval is None


@pytest.mark.parametrize('facing, spacing', [('left', (1.0, 1.0)), ('right', (1.0, 1.0)), ('left', (0.5, 1.5))])
def test_the_deviation_is_that_of_many_noisy_readings(facing, spacing):
    """Radial deviations of 1 to 3 px at the three corners that matter; the others may be anywhere."""
    rng = np.random.default_rng(0)
    upper, lower = ((mirrored(p) if facing == 'right' else p) for p in (rotated(UPPER, 25), rotated(LOWER, 25)))
    upper, lower = upper / spacing, lower / spacing
    posterior = BR if facing == 'left' else BL
    sd = np.full((10, 4), 99.0)
    sd[4, posterior], sd[3, TL], sd[3, TR] = 2.0, 1.0, 3.0
    result = measured(upper, lower, facing, spacing, sd)
    readings = []
    for _ in range(4000):
        u, low = upper.copy(), lower.copy()
        u[posterior] += rng.normal(0, 2.0 / math.sqrt(2), 2)
        low[TL] += rng.normal(0, 1.0 / math.sqrt(2), 2)
        low[TR] += rng.normal(0, 3.0 / math.sqrt(2), 2)
        readings.append(percent(u, low, facing, spacing))
    assert result.sd == pytest.approx(np.std(readings), rel=0.04)
    assert result.interval == pytest.approx((SLIP - 1.96 * result.sd, SLIP + 1.96 * result.sd))
