from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.phantom.canvas import Canvas
from spondylo_mm.phantom.view import Framing, View

QUAD = np.array([[30.0, 30.0], [80.0, 30.0], [30.0, 60.0], [80.0, 60.0]])  # TL TR BL BR, mm


def canvas(width=120, height=100, facing='left'):
    """One mm a pixel, the origin at the centre of the first pixel."""
    return Canvas(View(Framing((-0.5, -0.5), (float(width), float(height)), 0.0, facing), width, height))


def drawn_body(quad, **rims):
    drawing = canvas()
    drawing.add_body(quad, bone=1.0, **{'endplate': 0.0, 'wall': 0.0, 'waist_mm': (0.0, 0.0)} | rims)
    return drawing.attenuation


def centroid(image):
    y, x = np.indices(image.shape)
    return np.array([(image * x).sum(), (image * y).sum()]) / image.sum()


@pytest.mark.parametrize('shift', [(0.0, 0.0), (0.3, 0.7), (0.5, 0.25)])
def test_a_body_lies_where_its_corners_are_to_a_twentieth_of_a_pixel(shift):
    image = drawn_body(QUAD + shift)
    assert np.abs(centroid(image) - (QUAD.mean(axis=0) + shift)).max() < 0.05
    column, row = image[:, 55], image[45]  # bone is even along the column and symmetric along the row
    assert column.sum() / column[45] == pytest.approx(30.0, abs=0.1)
    assert np.count_nonzero(row > 0.35) == pytest.approx(50.0, abs=1.0)


def test_a_tilted_body_covers_its_quadrilateral_and_nothing_else():
    quad = np.array([[30.0, 38.0], [77.0, 25.0], [42.0, 70.0], [85.0, 62.0]])
    image = drawn_body(quad)
    y, x = np.indices(image.shape)
    signed = np.full(image.shape, np.inf)
    outline = quad[[0, 1, 3, 2]]
    for start, end in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        along = (end - start) / np.linalg.norm(end - start)
        signed = np.minimum(signed, along[0] * (y - start[1]) - along[1] * (x - start[0]))
    assert (image[signed < -1] == 0).all()
    assert (image[signed > 1] > 0.5).all()


def test_endplates_and_walls_meet_at_the_corners_however_hollow_the_body():
    image = drawn_body(QUAD, endplate=1.0, wall=1.0, waist_mm=(2.0, 2.0))
    for x, y in QUAD.astype(int):
        inwards = 1 if x < 55 else -1, 1 if y < 45 else -1
        assert image[y + inwards[1], x + inwards[0]] > 0.5
        assert image[y - 2 * inwards[1], x] == 0 and image[y, x - 2 * inwards[0]] == 0
    assert image[45, 31] == 0 and image[31, 55] == 0  # hollow between the corners


def test_endplates_and_walls_are_seen_as_lines():
    image = drawn_body(QUAD, endplate=0.6, wall=0.3)
    assert image[30:32, 55].max() > 1.3 * image[45, 55]
    assert image[45, 31] > drawn_body(QUAD)[45, 31] + 0.2


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
    sharp.add_shape(QUAD[[0, 1, 3, 2]], solid=0.2, rim=0.8, rim_mm=2.0)
    soft.add_shape(QUAD[[0, 1, 3, 2]], solid=0.2, rim=0.8, rim_mm=2.0, blur_mm=1.5)
    assert sharp.attenuation[45, 31] > 3 * sharp.attenuation[45, 55]
    assert soft.attenuation.sum() == pytest.approx(sharp.attenuation.sum(), rel=0.01)
    assert soft.attenuation.max() < sharp.attenuation.max()


def test_shapes_outside_the_image_draw_nothing_and_those_across_the_edge_a_part():
    drawing = canvas()
    drawing.add_shape(QUAD[[0, 1, 3, 2]] + 500, solid=1.0)
    drawing.add_body(QUAD + 500, 1.0, 1.0, 1.0, (1.0, 1.0))
    assert not drawing.attenuation.any()
    drawing.add_shape(QUAD[[0, 1, 3, 2]] - [55, 0], solid=1.0)
    assert drawing.attenuation.sum() == pytest.approx(25.5 * 30, rel=0.05)


def test_a_band_has_the_width_asked_for():
    drawing = canvas()
    drawing.add_band(np.array([[20.0, 50.0], [60.0, 50.0], [100.0, 50.0]]), width_mm=8.0, solid=1.0, blur_mm=0.0)
    assert drawing.attenuation[:, 60].sum() == pytest.approx(8.0, abs=0.6)
