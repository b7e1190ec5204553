from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, TL, TR
from spondylo_mm.phantom.film import collimate, expose, stamp_marker
from spondylo_mm.phantom.renderer import render
from spondylo_mm.phantom.view import Framing, View


@pytest.fixture(scope='module')
def drawn(patients):
    """Rendered radiographs: ``(spine, view, visible, pixels)``."""
    rows = []
    for number, (spine, framing, visible) in enumerate(patients[:16]):
        view = framing.squashed(512) if number % 4 else framing.original(320)
        pixels = render(spine, view, np.random.default_rng(number), np.random.default_rng(99))
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
        disc = sample(pixels, 0.5 * (corners[1:, [BL, BR]].mean(axis=1) + corners[:-1, [TL, TR]].mean(axis=1)))
        brighter += list(sample(pixels, corners[1:-1].mean(axis=1)) > 0.5 * (disc[1:] + disc[:-1]))
    assert np.mean(brighter) > 0.85


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


def test_the_film_is_bright_where_much_is_absorbed_and_black_in_air():
    attenuation = np.tile(np.linspace(0, 9, 300, dtype=np.float32), (200, 1))
    for seed in range(10):
        grey = expose(attenuation, 0.6, 6.0, np.random.default_rng(seed)).mean(axis=0)
        assert grey[:5].max() < 0.05
        assert grey[50] < grey[150] < grey[200] < grey[280]
        assert 0.15 < grey[200] < 0.75  # the bodies are neither black nor white


def test_thin_exposure_is_noisier():
    attenuation = np.zeros((200, 300), np.float32)
    attenuation[:, 150:] = 2.0
    grey = expose(attenuation + 5, 0.6, 6.0, np.random.default_rng(0))
    noise = np.diff(np.log(grey / (1 - grey)), axis=0)
    assert noise[:, 200:280].std() > 1.3 * noise[:, 20:100].std()


def test_neither_collimator_nor_marker_hides_the_spine():
    view = View(Framing((0.0, 0.0), (200.0, 300.0), 0.0, 'left'), 320, 320)
    keep = np.array([110.0, 0.0, 200.0, 240.0])
    closed = marked = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        grey = collimate(np.full((320, 320), 0.5), keep, rng)
        assert (grey[5:235, 115:195] > 0.45).all()
        closed += (grey < 0.1).any()
        before = grey.copy()
        stamp_marker(grey, view, keep, rng)
        assert (grey[1:239, 112:199] == before[1:239, 112:199]).all()
        marked += (grey > 0.9).any()
    assert 20 < closed < 60 and marked > 50
