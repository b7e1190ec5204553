"""What the layers of a radiograph add to the attenuation, each alone."""

from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.anatomy import TL, TR
from spondylo_mm.phantom import bones
from spondylo_mm.phantom.canvas import Canvas
from spondylo_mm.phantom.soft_tissue import draw_soft_tissue
from spondylo_mm.phantom.view import Framing, View


@pytest.fixture(scope='module')
def layer(patients):
    """Draw one layer of several patients over a broad field, 1 mm a pixel: ``(spine, value at points in mm)`` each."""

    def draw(function):
        drawn = []
        for number, (spine, _, _) in enumerate(patients[:12]):
            view = View(Framing((-250.0, -420.0), (450.0, 600.0), 0.0, 'left'), 450, 600)
            canvas = Canvas(view)
            function(canvas, spine, np.random.default_rng(number))
            attenuation = canvas.attenuation

            def at(points, view=view, attenuation=attenuation):
                x, y = np.round(view.to_pixels(np.asarray(points, float))).astype(int).T
                return attenuation[y, x]

            drawn.append((spine, at))
        return drawn

    return draw


def test_the_trunk_is_there_before_and_behind_the_spine_and_air_beyond_the_skin(layer):
    for spine, at in layer(draw_soft_tissue):
        middle = spine.centers[1:6]
        assert (at(middle) > 3).all()
        assert (at(middle + [40, 0]) > 1).all()
        assert (at(middle + [150, 0]) == 0).all()  # behind the back


def test_lungs_are_dark_above_the_diaphragm(layer):
    before = [-40, 0]  # mm before the bodies of T9 and L3
    drawn = layer(draw_soft_tissue)
    ratios = [at(spine.centers[[9]] + before) / at(spine.centers[[3]] + before) for spine, at in drawn]
    assert np.mean(ratios) < 0.85


def test_ribs_cross_the_thoracic_spine_and_not_the_lumbar(layer):
    for spine, at in layer(bones.draw_ribs):
        thoracic, lumbar = spine.corners[8:12].mean(axis=1), spine.corners[1:4].mean(axis=1)
        spread = np.stack(np.meshgrid(np.arange(-15, 16), np.arange(-10, 11)), -1).reshape(-1, 1, 2)
        assert at((thoracic + spread).reshape(-1, 2)).mean() > 0.02
        assert at((lumbar + spread).reshape(-1, 2)).mean() < 0.02


def test_iliac_wings_overlap_the_lumbosacral_junction_and_not_l3(layer):
    for spine, at in layer(bones.draw_pelvis):
        promontory = spine.corners[0, TL]
        assert at([promontory - [5, -5]])[0] > 0.3  # both sides
        assert at([spine.centers[4]])[0] == 0


def test_the_sacrum_continues_below_s1(layer):
    for spine, at in layer(bones.draw_sacrum):
        s1 = spine.corners[0]
        axis = s1[2:].mean(axis=0) - s1[[TL, TR]].mean(axis=0)
        below = s1[2:].mean(axis=0) + axis / np.linalg.norm(axis) * np.array([[8.0], [18.0]])
        assert (at(below) > 0.2).all()
        assert at(s1[[TL, TR]].mean(axis=0)[None] - 0.3 * axis)[0] < 1e-3  # the disc above
