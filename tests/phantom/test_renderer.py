from __future__ import annotations

import cv2
import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, TL, TR
from spondylo_mm.phantom.renderer import render


@pytest.fixture(scope='module')
def drawn(patients):
    """Rendered radiographs: ``(spine, view, visible, pixels)``."""
    rows = []
    for number, (spine, framing, visible) in enumerate(patients[:16]):
        view = framing.squashed(512) if number % 4 else framing.original(320)
        pixels = render(spine, view, np.random.default_rng(number), np.random.default_rng(1000 + number))
        rows.append((spine, view, visible, pixels))
    return rows


def test_a_radiograph_fills_its_view_in_8_bit_grey(drawn):
    for _, view, _, pixels in drawn:
        assert pixels.shape == (view.height, view.width) and pixels.dtype == np.uint8
        assert pixels.std() > 20  # neither black nor white


def sample(pixels, points):
    x, y = np.round(points).astype(int).T
    return pixels[y, x].astype(float)


def test_endplates_are_seen_at_the_true_corners(drawn):
    """Across an endplate, near its corners, the film is brighter on the line than 3 mm outside the body."""
    brighter = []
    for spine, view, visible, pixels in drawn:
        corners = view.corners(spine)[1:visible]
        for left, right, away in ((TL, TR, -1), (BL, BR, 1)):
            axis = corners[:, [BL, BR]].mean(axis=1) - corners[:, [TL, TR]].mean(axis=1)
            outside = 3 / 25 * away * axis  # a body is about 25 mm high
            for share in (0.08, 0.92):
                point = corners[:, left] + share * (corners[:, right] - corners[:, left])
                keep = (point + outside > 1).all(axis=1)
                brighter += list(
                    sample(pixels, point[keep] - 0.2 * outside[keep]) > sample(pixels, point[keep] + outside[keep])
                )
    assert np.mean(brighter) > 0.9


def test_bodies_are_brighter_than_the_discs_between(drawn):
    brighter = []
    for spine, view, visible, pixels in drawn:
        corners = view.corners(spine)[1:visible]
        smooth = cv2.blur(pixels, (7, 3))  # of noise and single trabeculae
        above, below = corners[1:, [BL, BR]].mean(axis=1), corners[:-1, [TL, TR]].mean(axis=1)
        clear = np.linalg.norm(below - above, axis=1) > 9  # px; in a narrower one its endplates are all one sees
        disc = sample(smooth, 0.5 * (above + below))
        bodies = sample(smooth, corners.mean(axis=1))
        brighter += list((0.5 * (bodies[1:] + bodies[:-1]) > disc)[clear])
    # not all: gas and folds cross the spine, and on five labelled real films it was three quarters
    assert len(brighter) > 40 and np.mean(brighter) > 0.8


def test_vertebrae_above_the_field_of_view_are_drawn_too(patients):
    """The one cut by the upper edge is there: its lower endplate is at the true place."""
    spine, framing, visible = patients[1]
    view = framing.squashed(512)
    whole = render(spine, view, np.random.default_rng(1), np.random.default_rng(1))
    cut = spine.corners.copy()
    cut[visible:] += [0, -300]
    without = render(
        type(spine)(cut, spine.slip_percent, spine.tilt), view, np.random.default_rng(1), np.random.default_rng(1)
    )
    assert np.abs(whole[:20].astype(int) - without[:20]).max() > 10


def test_the_same_patient_and_film_give_the_same_pixels(patients):
    spine, framing, _ = patients[0]
    view = framing.squashed(256)
    one, again, other = (
        render(spine, view, np.random.default_rng(5), np.random.default_rng(film)) for film in (6, 6, 7)
    )
    assert (one == again).all()
    assert (one != other).any()
