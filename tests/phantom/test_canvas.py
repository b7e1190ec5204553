from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.phantom.canvas import Canvas
from spondylo_mm.phantom.view import Framing, View

QUAD = np.array([[30.0, 30.0], [80.0, 30.0], [30.0, 60.0], [80.0, 60.0]])  # TL TR BL BR, mm


def canvas(width=120, height=100, facing='left'):
    """One mm a pixel, the origin at the centre of the first pixel."""
    return Canvas(View(Framing((-0.5, -0.5), (float(width), float(height)), 0.0, facing), width, height))


def centroid(image):
    y, x = np.indices(image.shape)
    return np.array([(image * x).sum(), (image * y).sum()]) / image.sum()


@pytest.mark.parametrize('shift', [(0.0, 0.0), (0.3, 0.7), (0.5, 0.25)])
def test_a_filled_outline_lies_where_it_is_to_an_eighth_of_a_pixel(shift):
    drawing = canvas()
    (left, top, right, bottom), mask = drawing.filled(QUAD[[0, 1, 3, 2]] + shift)
    assert np.abs(centroid(mask) + [left, top] - (QUAD.mean(axis=0) + shift)).max() < 0.13
    assert mask.shape == (bottom - top, right - left)
    assert mask[:, 25].sum() == pytest.approx(30.0, abs=0.3) and mask[15].sum() == pytest.approx(50.0, abs=0.3)
    assert not drawing.attenuation.any()
    drawing.add((left, top, right, bottom), 2 * mask)
    assert drawing.attenuation.sum() == pytest.approx(2 * 50 * 30, rel=0.02)


def test_a_line_has_its_width_and_fades_piece_by_piece():
    drawing = canvas()
    points = np.array([[20.0, 50.0], [60.0, 50.0], [100.0, 50.0]])
    drawing.add_line(points, peak=2.0, width_mm=3.0, blur_mm=0.0, fading=np.array([1.0, 0.25]))
    column = drawing.attenuation[:, 40]
    assert column.sum() == pytest.approx(6.0, abs=1.2)
    assert drawing.attenuation[:, 85].sum() == pytest.approx(0.25 * column.sum(), rel=0.05)
    assert not drawing.attenuation[:40].any() and not drawing.attenuation[:, 105:].any()


def test_an_ellipsoid_is_deepest_at_its_centre_and_lies_as_it_is_turned():
    drawing = canvas()
    drawing.add_ellipsoid(np.array([60.0, 50.0]), np.array([30.0, 10.0]), np.pi / 2, peak=-1.0)
    image = drawing.attenuation
    assert image.min() == image[50, 60] == pytest.approx(-1.0)
    assert image[76, 60] < -0.3 and image[50, 74] == 0
    assert image[50 + 24, 60] == pytest.approx(-0.6, abs=0.02)  # 1 - 0.8^2 under the root


def test_texture_modulates_bone_that_asks_for_it_and_no_other():
    plain, grained = canvas(), canvas()
    grained.texture = np.random.default_rng(0).standard_normal(grained.attenuation.shape).astype(np.float32)
    for drawing, grain in ((plain, 0.2), (grained, 0.2)):
        drawing.add_shape(QUAD[[0, 1, 3, 2]], solid=1.0, grain=grain)
    inside = grained.attenuation[33:57, 33:77]
    assert plain.attenuation[33:57, 33:77].std() < 1e-6
    assert inside.std() == pytest.approx(0.2, rel=0.1)


def test_a_polygon_has_its_area_and_place():
    drawing = canvas()
    triangle = np.array([[20.3, 20.2], [90.6, 25.1], [50.4, 80.7]])
    drawing.add_shape(triangle, solid=2.0)
    one, two = triangle[1] - triangle[0], triangle[2] - triangle[0]
    area = 0.5 * abs(one[0] * two[1] - one[1] * two[0])
    assert drawing.attenuation.sum() / 2 == pytest.approx(area, rel=0.03)
    assert np.abs(centroid(drawing.attenuation) - triangle.mean(axis=0)).max() < 0.1


def test_a_rim_is_brightest_at_the_edge_and_a_blur_keeps_the_sum():
    sharp, soft = canvas(), canvas()
    sharp.add_shape(QUAD[[0, 1, 3, 2]] + 0.5, solid=0.2, rim=0.8, rim_mm=2.0)
    soft.add_shape(QUAD[[0, 1, 3, 2]] + 0.5, solid=0.2, rim=0.8, rim_mm=2.0, blur_mm=1.5)
    # the edge lies at 30.5, half a mm before the centre of pixel 31
    assert sharp.attenuation[45, 31] == pytest.approx(0.2 + 0.8 * np.exp(-0.5 / 2.0), rel=0.05)
    assert sharp.attenuation[45, 55] == pytest.approx(0.2, abs=0.01)
    assert soft.attenuation.sum() == pytest.approx(sharp.attenuation.sum(), rel=0.01)
    assert soft.attenuation.max() < sharp.attenuation.max()


def test_shapes_outside_the_image_draw_nothing_and_those_across_the_edge_a_part():
    drawing = canvas()
    drawing.add_shape(QUAD[[0, 1, 3, 2]] + 500, solid=1.0)
    drawing.add_line(QUAD + 500, 1.0, 1.0)
    drawing.add_ellipsoid(QUAD[0] + 500, np.array([5.0, 5.0]), 0.0, 1.0)
    assert drawing.filled(QUAD + 500) is None
    assert not drawing.attenuation.any()
    drawing.add_shape(QUAD[[0, 1, 3, 2]] - [55, 0], solid=1.0)
    assert drawing.attenuation.sum() == pytest.approx(25.5 * 30, rel=0.05)


def test_a_band_has_the_width_asked_for():
    drawing = canvas()
    drawing.add_band(np.array([[20.0, 50.0], [60.0, 50.0], [100.0, 50.0]]), width_mm=8.0, solid=1.0, blur_mm=0.0)
    assert drawing.attenuation[:, 60].sum() == pytest.approx(8.0, abs=0.6)
