import itertools

import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, TL, TR
from spondylo_mm.datasets.formats.canonical import around, corner_roles, order_name, polygon_area


def assert_roles_found(spine):
    """Every one of the 24 orders of the four points gives the same corners."""
    for order in itertools.permutations(range(4)):
        points = spine[:, list(order)]
        found = np.take_along_axis(points, corner_roles(points)[..., None], axis=1)
        np.testing.assert_array_equal(found, spine)


@pytest.mark.parametrize('sacral_tilt', [0, 20, 40, 60, 65])
def test_the_upper_endplate_of_a_tilted_sacrum_is_found(stacked, sacral_tilt):
    assert_roles_found(stacked([sacral_tilt, sacral_tilt / 2.5, sacral_tilt / 6, -5]))


@pytest.mark.parametrize('slip', [-0.3, 0.25, 0.5, 0.75, 1.0, 1.2])
def test_a_slipped_l5_does_not_turn_a_sacrum_tilted_by_60_degrees(stacked, slip):
    assert_roles_found(stacked([60, 25, 10, 0], slips=[slip, 0, 0]))


@pytest.mark.parametrize('slip', [0.5, 1.0])
def test_a_slip_does_not_turn_the_topmost_labelled_vertebra(stacked, slip):
    assert_roles_found(stacked([45, 20, 5], slips=[0, slip]))


def test_patients_who_face_right_are_mirror_images(stacked):
    spine = stacked([60, 25, 10, 0], slips=[0.5, 0, 0])
    mirrored = (spine * [-1, 1])[:, [TR, TL, BR, BL]]
    assert_roles_found(mirrored)


def test_a_sacrum_tilted_by_60_degrees_is_right_with_l5_missing(stacked):
    spine = stacked([60, 22, 5, -5])
    assert_roles_found(np.delete(spine, 1, axis=0))


def test_a_single_vertebra_is_taken_as_upright(stacked):
    assert_roles_found(stacked([30]))


def test_all_real_corners_get_their_roles_in_any_order(real_spine):
    from spondylo_mm.datasets.formats.spine import restoring_scale

    _, spine = real_spine
    assert_roles_found(spine * restoring_scale(spine))


def test_points_are_put_clockwise_in_the_image():
    square = np.array([[0.0, 0], [10, 10], [10, 0], [0, 10]])
    ring = around(square)
    assert polygon_area(ring) == 100
    assert polygon_area(ring[::-1]) == -100


def test_the_name_of_an_order_lists_the_corners_as_they_lie_on_disk():
    on_disk = ['BL', 'BR', 'TL', 'TR']
    roles = np.array([on_disk.index(corner) for corner in ('TL', 'TR', 'BL', 'BR')])
    assert order_name(roles) == 'BL,BR,TL,TR'
    assert order_name(np.array([0, 3, 1, 2])) == 'TL,BL,BR,TR'
