"""Angles, disc heights and wedges of spines built to have them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, LEVELS, TL, TR
from spondylo_mm.clinical.alignment import disc_angle, lordosis, sacral_slope, segmental_angle
from spondylo_mm.clinical.heights import ANTERIOR, MIDDLE, POSTERIOR, disc_height, wedge_ratio
from spondylo_mm.clinical.measurements import UNITS, measure_spine
from spondylo_mm.clinical.patient_spine import patient_spine

L1, L4, L5, S1 = (LEVELS.index(level) for level in ('L1', 'L4', 'L5', 'S1'))

# Patient facing left. Tilt of the superior and of the inferior endplate of each level from S1 up, degrees, + where the
# anterior end is higher than the posterior one.
SUPERIOR = {'S1': -40.0, 'L5': -18.0, 'L4': -4.0, 'L3': 3.0, 'L2': 8.0, 'L1': 11.0}
INFERIOR = {'S1': -10.0, 'L5': -27.0, 'L4': -10.0, 'L3': -1.0, 'L2': 6.0, 'L1': 12.0}


def endplate(centre, tilt, length):
    """Anterior and posterior end."""
    half = 0.5 * length * np.array([-math.cos(math.radians(tilt)), -math.sin(math.radians(tilt))])
    return np.array([centre + half, centre - half])


def built_spine() -> np.ndarray:
    """Corners (10, 4, 2) with the tilts above, endplates 40 long, bodies 28 and discs 11 high on a vertical axis."""
    corners = np.full((10, 4, 2), math.nan)
    for slot, level in enumerate(SUPERIOR):
        corners[slot, [TL, TR]] = endplate(np.array([300.0, 600.0 - 39 * slot]), SUPERIOR[level], 40)
        corners[slot, [BL, BR]] = endplate(np.array([300.0, 628.0 - 39 * slot]), INFERIOR[level], 40)
    return corners


def spine(corners=None, facing='left', **kwargs):
    return patient_spine(built_spine() if corners is None else corners, facing, **kwargs)


def test_lordosis_is_the_angle_of_the_superior_endplates():
    assert lordosis(spine(), L1).value == pytest.approx(11 + 40)
    assert lordosis(spine(), L4).value == pytest.approx(-4 + 40)


def test_segmental_angles_add_up_to_the_lordosis():
    segments = [segmental_angle(spine(), lower).value for lower in range(L1)]
    assert segments[0] == pytest.approx(-18 + 40) and sum(segments) == pytest.approx(51)


def test_a_disc_opening_to_the_front_has_a_positive_angle():
    assert disc_angle(spine(), S1).value == pytest.approx(-27 + 40)
    assert disc_angle(spine(), LEVELS.index('L2')).value == pytest.approx(12 - 8)


def test_a_kyphosis_is_negative():
    kyphotic = built_spine()
    kyphotic[L1, [TL, TR]] = endplate(np.array([300.0, 405.0]), -60, 40)
    assert lordosis(spine(kyphotic), L1).value == pytest.approx(-20)


def test_the_sacral_slope_is_that_of_the_film_and_turns_with_it():
    assert sacral_slope(spine()).value == pytest.approx(40)
    assert sacral_slope(spine(built_spine() @ rotation(10))).value == pytest.approx(40 - 10)


def rotation(degrees):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, s], [-s, c]])


def parallel_pair(gap=12.0, slip=0.0, length=40.0):
    """L5 over S1, level, ``gap`` apart, L5 ``slip`` further forwards."""
    corners = np.full((10, 4, 2), math.nan)
    body = np.array([[0.0, 0], [length, 0], [0, 30], [length, 30]])
    corners[S1], corners[L5] = body, body - [slip, 30 + gap]
    return corners


def test_the_height_of_a_parallel_disc_is_the_gap_in_shares_of_the_depth():
    for place in (ANTERIOR, MIDDLE, POSTERIOR):
        assert disc_height(spine(parallel_pair()), S1, place).value == pytest.approx(100 * 12 / 40)


def test_a_slip_along_the_disc_leaves_its_height():
    assert disc_height(spine(parallel_pair(slip=18)), S1, ANTERIOR).value == pytest.approx(30)


def test_a_wedged_disc_is_higher_in_front():
    corners = parallel_pair()
    corners[S1, [TL, TR]] = endplate(np.array([20.0, 0.0]), -10, 40)
    corners[L5, [BL, BR]] = endplate(np.array([20.0, -12.0]), 10, 40)
    heights = [disc_height(spine(corners), S1, place).value for place in (ANTERIOR, MIDDLE, POSTERIOR)]
    opening = 2 * 20 * math.sin(math.radians(10))
    depth = 40
    assert heights == pytest.approx([100 * (12 + opening) / depth, 100 * 12 / depth, 100 * (12 - opening) / depth])


def test_the_depth_is_the_mean_of_the_upper_bodys_endplates():
    corners = parallel_pair()
    corners[L5, TL, 0] -= 20  # its superior endplate is 60 long
    assert disc_height(spine(corners), S1, MIDDLE).value == pytest.approx(100 * 12 / 50)


def test_bodies_that_overlap_have_no_disc_height():
    result = disc_height(spine(parallel_pair(gap=-5)), S1, MIDDLE)
    assert result.value is None and 'do not face each other' in result.reason


def test_a_wedge_is_lower_in_front():
    corners = parallel_pair()
    corners[L5, TL, 1] += 6
    assert wedge_ratio(spine(corners), L5).value == pytest.approx(24 / 30)
    assert 'no lower endplate' in wedge_ratio(spine(corners), S1).reason


def test_a_missing_level_leaves_out_what_needs_it_and_nothing_else():
    corners = built_spine()
    corners[L4] = math.nan
    measures = measure_spine(spine(corners))
    missing = {key for key, measure in measures.items() if measure.value is None}
    assert {place for _, place in missing} == {'L4/L5', 'L3/L4', 'L4/S1', 'L4'}
    assert all(measures[key].reason == 'L4 is absent' for key in missing)
    assert measures['lordosis', 'L1/S1'].value == pytest.approx(51)


def test_nothing_is_listed_above_the_topmost_vertebra():
    places = {place for _, place in measure_spine(spine(parallel_pair()))}
    assert places == {'L1/S1', 'L4/S1', 'S1', 'L5/S1', 'L5'}


def test_an_empty_image_has_reasons_only():
    measures = measure_spine(spine(np.full((10, 4, 2), math.nan)))
    assert {measure.reason for measure in measures.values()} == {'L1 is absent', 'L4 is absent', 'S1 is absent'}


def test_an_unknown_facing_leaves_nothing():
    measures = measure_spine(spine(facing='unknown'))
    assert {measure.reason for measure in measures.values()} - {'S1 has no lower endplate'} == {
        'it is unknown which way the patient faces'
    }


def test_every_quantity_has_a_unit():
    assert {name for name, _ in measure_spine(spine())} == set(UNITS)


SEEDS = range(25)


def random_spine(rng):
    """The built spine with every corner moved by up to 3."""
    return built_spine() + rng.uniform(-3, 3, (10, 4, 2))


def values(measures):
    return {key: measure.value for key, measure in measures.items()}


@pytest.mark.parametrize('seed', SEEDS)
def test_scale_mirroring_and_a_corrected_stretch_change_nothing(seed):
    rng = np.random.default_rng(seed)
    corners = random_spine(rng)
    expected = values(measure_spine(spine(corners)))
    assert all(value is not None for value in expected.values())
    spacing = rng.uniform(0.1, 2.0, 2)
    moved = (rng.uniform(0.1, 20) * corners + rng.uniform(-1000, 1000, 2)) / spacing
    assert values(measure_spine(spine(moved, spacing=spacing))) == pytest.approx(expected)
    mirrored = (moved * [-1, 1])[:, [1, 0, 3, 2]]
    assert values(measure_spine(spine(mirrored, 'right', spacing=spacing))) == pytest.approx(expected)


@pytest.mark.parametrize('seed', SEEDS)
def test_a_rotation_changes_the_sacral_slope_alone_and_by_its_angle(seed):
    rng = np.random.default_rng(seed)
    corners, degrees = random_spine(rng), rng.uniform(-45, 45)
    before = values(measure_spine(spine(corners)))
    after = values(measure_spine(spine(corners @ rotation(degrees))))
    slope = after.pop(('sacral_slope', 'S1')) - before.pop(('sacral_slope', 'S1'))
    assert after == pytest.approx(before)
    assert slope == pytest.approx(-degrees)


@pytest.mark.parametrize('seed', SEEDS)
def test_corners_anywhere_never_raise_and_give_nothing_absurd(seed):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 500, (10, 4, 2))
    corners[rng.random((10, 4)) < 0.05] = math.nan
    corners[rng.random((10, 4)) < 0.05] = corners[0, 0]  # corners on top of each other
    limits = {'%': 200, 'degrees': 120, 'ratio': 3}
    for (name, _), measure in measure_spine(spine(corners, sd=rng.uniform(0, 300, (10, 4)))).items():
        assert (measure.value is None) == (measure.reason is not None)
        if measure.value is not None:
            low, high = measure.interval
            limit = limits[UNITS[name]]
            assert -limit <= low <= measure.value <= high <= limit


def test_intervals_hold_the_truth_19_times_of_20():
    rng = np.random.default_rng(0)
    truth = values(measure_spine(spine()))
    sd = np.full((10, 4), 1.5)
    hits = {}
    for _ in range(150):
        noisy = built_spine() + rng.normal(0, 1.5 / math.sqrt(2), (10, 4, 2))
        for (name, place), measure in measure_spine(spine(noisy, sd=sd)).items():
            low, high = measure.interval
            hits.setdefault(name, []).append(low <= truth[name, place] <= high)
    assert all(0.91 <= np.mean(of_name) <= 0.99 for of_name in hits.values()), hits
