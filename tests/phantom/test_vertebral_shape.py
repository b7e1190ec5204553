from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, TL, TR
from spondylo_mm.phantom.body_traits import BodyTraits
from spondylo_mm.phantom.geometry import Spine, sample_spine
from spondylo_mm.phantom.vertebral_shape import vertebral_shapes


@pytest.fixture(scope='module')
def shaped():
    rng = np.random.default_rng(5)
    return [(spine, vertebral_shapes(spine)) for spine in (sample_spine(rng) for _ in range(150))]


def area(outline):
    return cv2.contourArea(np.asarray(outline, np.float32))


def distance(outline, point):
    """From the outline, + inside."""
    return cv2.pointPolygonTest(np.asarray(outline, np.float32), tuple(map(float, point)), True)


def test_endplates_and_walls_end_at_the_true_corners(shaped):
    for spine, shapes in shaped:
        for corners, shape in zip(spine.corners, shapes, strict=True):
            ends = {
                TL: (shape.superior[0], shape.anterior[0]),
                TR: (shape.superior[-1], shape.posterior[0]),
                BL: (shape.inferior[0], shape.anterior[-1]),
                BR: (shape.inferior[-1], shape.posterior[-1]),
            }
            for corner, points in ends.items():
                assert np.allclose(points, corners[corner])


def test_the_outline_passes_within_a_millimetre_of_every_corner(shaped):
    for spine, shapes in shaped:
        for corners, shape in zip(spine.corners, shapes, strict=True):
            assert all(-1.0 < distance(shape.outline, corner) < 0.2 for corner in corners)


def test_bodies_are_hollow_on_all_four_sides(shaped):
    for _, shapes in shaped:
        for shape in shapes[1:]:
            if shape.fracture:
                continue
            tl, tr, bl, br = shape.corners
            for start, end in ((tl, tr), (bl, br), (tl, bl), (tr, br)):
                assert distance(shape.outline, 0.5 * (start + end)) < 0
            assert 0.75 < area(shape.outline) / area([tl, tr, br, bl]) < 0.99


def test_outlines_run_clockwise_in_the_image_and_do_not_cross_themselves(shaped):
    for _, shapes in shaped:
        for shape in shapes:
            assert cv2.contourArea(shape.outline.astype(np.float32), True) > 0
            mask = np.zeros((700, 500), np.uint8)
            pixels = np.round(8 * (shape.outline - shape.corners.mean(axis=0)) + [250, 350]).astype(np.int32)
            cv2.fillPoly(mask, [pixels], 1)  # even-odd: a crossing would lose area
            assert mask.sum() == pytest.approx(64 * area(shape.outline), rel=0.05)


def test_discs_fill_the_space_between_two_endplates(shaped):
    spine, shapes = shaped[0]
    assert shapes[0].disc is None and shapes[0].degeneration == 0
    for lower, upper in zip(shapes, shapes[1:], strict=False):
        between = 0.5 * (lower.corners[[TL, TR]].mean(axis=0) + upper.corners[[BL, BR]].mean(axis=0))
        assert distance(upper.disc, between) > 1
    assert [shape.degeneration for shape in shapes[1:]] == spine.traits.degeneration.tolist()


def test_osteophytes_lie_outside_the_body_and_touch_it_at_their_corner():
    spine = sample_spine(np.random.default_rng(1))
    length = np.zeros_like(spine.traits.osteophyte)
    length[3, TL], length[3, BR] = 6.0, 2.0
    shape = vertebral_shapes(replace(spine, traits=replace(spine.traits, osteophyte=length)))[3]
    assert len(shape.osteophytes) == 2
    for outline, corner, size in zip(shape.osteophytes, (TL, BR), (6.0, 2.0), strict=True):
        reach = np.linalg.norm(outline - shape.corners[corner], axis=1)
        outside = [distance(shape.outline, point) < 0 for point in outline]
        assert sum(outside) > 0.6 * len(outline)
        tip = outline[outside][reach[outside].argmin()]
        assert distance(shape.outline, tip) < 0 and reach.min() < size
        assert 0.6 * size < max(-distance(shape.outline, point) for point in outline) < 1.5 * size


def test_a_second_contour_is_given_only_where_it_can_be_told_apart():
    spine = sample_spine(np.random.default_rng(1))
    shift = np.zeros_like(spine.traits.far_shift)
    shift[2], shift[3] = (3.0, -2.0, 5.0), (0.1, 0.1, 0.1)
    shapes = vertebral_shapes(replace(spine, traits=replace(spine.traits, far_shift=shift)))
    assert shapes[3].far_superior is shapes[3].far_inferior is shapes[3].far_posterior is None
    assert np.linalg.norm(shapes[2].far_superior - shapes[2].superior, axis=1).max() == pytest.approx(3.0)
    assert np.linalg.norm(shapes[2].far_inferior - shapes[2].inferior, axis=1).max() == pytest.approx(2.0)
    assert np.allclose(shapes[2].far_superior[[0, -1]], shapes[2].superior[[0, -1]])  # the rim ends at the corners
    assert np.linalg.norm(shapes[2].far_posterior - shapes[2].posterior, axis=1) == pytest.approx(5.0)


def test_a_biconcave_fracture_is_hollow_in_the_middle():
    spine = sample_spine(np.random.default_rng(1))
    count = len(spine.corners)
    average = BodyTraits.average(count)
    loss = np.zeros(count)
    loss[5] = 0.4
    broken = replace(average, fracture=tuple('biconcave' if i == 5 else None for i in range(count)), height_loss=loss)
    fractured, whole = (vertebral_shapes(replace(spine, traits=each))[5] for each in (broken, average))
    middle = len(whole.superior) // 2

    def height(shape):
        return np.linalg.norm(shape.inferior[middle] - shape.superior[middle])

    assert fractured.fracture == 'biconcave'
    assert height(fractured) < 0.85 * height(whole)


def test_a_spine_without_traits_has_average_bodies():
    spine = sample_spine(np.random.default_rng(2))
    plain = vertebral_shapes(Spine(spine.corners, spine.slip_percent, spine.tilt))
    assert [shape.level for shape in plain[:2]] == ['S1', 'L5']
    assert all(not shape.osteophytes and shape.far_posterior is None and shape.fracture is None for shape in plain)
