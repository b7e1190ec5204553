"""What the layers of a radiograph add to the attenuation, each alone."""

from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, TL, TR
from spondylo_mm.phantom.additions import Additions, draw_additions
from spondylo_mm.phantom.bowel import draw_bowel
from spondylo_mm.phantom.canvas import Canvas
from spondylo_mm.phantom.parameters import draw
from spondylo_mm.phantom.pelvis import draw_pelvis, draw_sacrum
from spondylo_mm.phantom.soft_tissue import draw_soft_tissue
from spondylo_mm.phantom.thorax import draw_ribs
from spondylo_mm.phantom.vertebrae import draw_vertebrae
from spondylo_mm.phantom.vertebral_shape import vertebral_shapes
from spondylo_mm.phantom.view import Framing, View

PATIENTS = 12


def drawn_layer(function, spine, seed):
    """Draw one layer over a broad field, 1 mm a pixel; returns the value at points in mm."""
    view = View(Framing((-270.0, -520.0), (560.0, 700.0), 0.0, 'left'), 560, 700)
    canvas = Canvas(view)
    function(canvas, spine, np.random.default_rng(seed))

    def at(points):
        x, y = np.round(view.to_pixels(np.asarray(points, float))).astype(int).T
        return canvas.attenuation[y, x]

    return at


@pytest.fixture(scope='module')
def layer(patients):
    def draw_all(function):
        spines = [spine for spine, _, _ in patients[:PATIENTS]]
        return [(spine, drawn_layer(function, spine, seed)) for seed, spine in enumerate(spines)]

    return draw_all


def test_the_trunk_is_there_before_and_behind_the_spine_and_air_beyond_the_skin(layer):
    for spine, at in layer(draw_soft_tissue):
        middle = spine.centers[1:6]
        assert (at(middle) > 3).all()  # 20 cm of soft tissue are 4.3
        assert (at(middle + [40, 0]) > 1).all()
        assert (at(middle + [200, 0]) == 0).all()  # behind the back


def test_lungs_are_dark_above_the_diaphragm(layer):
    ratios = []
    for spine, at in layer(draw_soft_tissue):
        before = np.column_stack([np.arange(-60, -10, 5), np.zeros(10)])
        high, low = (spine.centers[spine.levels.index(level)] for level in ('T8', 'L3'))
        ratios.append(at(high + before).min() / at(low + before).mean())
    assert np.mean(ratios) < 0.8 and min(ratios) > 0.1


def test_gas_takes_tissue_away_but_not_all_of_it():
    def lowest_of(trunk, seed):
        def with_gas(canvas, spine, rng):
            canvas.attenuation += trunk
            draw_bowel(canvas, rng)
            lowest.append(canvas.attenuation.min() / trunk)

        lowest = []
        drawn_layer(with_gas, None, seed)
        return lowest[0]

    stout, thin = (np.array([lowest_of(trunk, seed) for seed in range(PATIENTS)]) for trunk in (6.0, 0.4))
    assert np.median(stout) < 0.92
    assert (thin >= 0.5 - 1e-6).all() and (thin < 0.51).any()  # half of it at most


def test_ribs_cross_the_thoracic_spine_and_not_the_lumbar(layer):
    spread = np.stack(np.meshgrid(np.arange(-15, 16), np.arange(-10, 11)), -1).reshape(-1, 1, 2)
    for spine, at in layer(draw_ribs):
        thoracic, lumbar = (
            np.array([spine.centers[spine.levels.index(level)] for level in levels])
            for levels in (('T11', 'T10', 'T9', 'T8'), ('L5', 'L4', 'L3'))
        )
        assert at((thoracic + spread).reshape(-1, 2)).mean() > 0.01
        assert at((lumbar + spread).reshape(-1, 2)).mean() < 0.005


def test_iliac_wings_overlap_the_lumbosacral_junction_and_not_l2(layer):
    at_promontory = []
    for spine, at in layer(draw_pelvis):
        at_promontory.append(at([spine.corners[0, TL] - [5, -5]])[0])
        assert at([spine.centers[spine.levels.index('L2')]])[0] == 0
    assert min(at_promontory) > 0.03 and np.mean(at_promontory) > 0.1  # two sides of 2-6 mm cortex


def test_the_sacrum_continues_below_s1(layer):
    for spine, at in layer(draw_sacrum):
        s1 = spine.corners[0]
        axis = s1[2:].mean(axis=0) - s1[[TL, TR]].mean(axis=0)
        below = s1[2:].mean(axis=0) + axis / np.linalg.norm(axis) * np.array([[8.0], [18.0]])
        assert (at(below) > 0.02).all()
        assert at(s1[[TL, TR]].mean(axis=0)[None] - 0.3 * axis)[0] < 1e-3  # the disc above


def test_bodies_are_where_their_corners_are_and_discs_are_not_bone(layer):
    for spine, at in layer(draw_vertebrae):
        lumbar = spine.corners[1:6]
        centers = lumbar.mean(axis=1)
        discs = 0.5 * (lumbar[1:, [BL, BR]].mean(axis=1) + lumbar[:-1, [TL, TR]].mean(axis=1))
        assert at(centers).min() > 0.03
        assert np.median(at(discs)) < 0.3 * np.median(at(centers))


def test_endplates_are_denser_than_the_bone_between_them(layer):
    rows = []
    for spine, at in layer(draw_vertebrae):
        for vertebra in vertebral_shapes(spine)[1:6]:
            rows.append(at(vertebra.superior[4:-4]).mean() / at(vertebra.corners.mean(axis=0)[None])[0])
    assert np.median(rows) > 1.3


def test_pedicles_join_the_upper_half_of_a_body_and_leave_a_foramen_below(layer):
    denser = []
    for spine, at in layer(draw_vertebrae):
        for corners in spine.corners[2:6]:
            down, back = corners[BR] - corners[TR], corners[TR] - corners[TL]
            back = 7 * back / np.linalg.norm(back)
            pedicle, foramen = corners[TR] + 0.3 * down + back, corners[TR] + 0.85 * down + back
            denser.append(at(pedicle[None])[0] > at(foramen[None])[0] + 0.02)
    assert np.mean(denser) > 0.9


def with_addition(name):
    """A seed whose patient has it and nothing else but calcium in the aorta, perhaps."""
    for seed in range(3000):
        has = vars(draw(Additions, np.random.default_rng(seed)))
        if has[name] and sum(value is True for value in has.values()) == 1:
            return seed
    raise AssertionError(f'{name} is never drawn alone')


def test_screws_lie_in_the_bodies_and_are_of_metal(patients):
    spine = patients[0][0]
    at = drawn_layer(draw_additions, spine, with_addition('has_screws'))
    grid = np.stack(np.meshgrid(np.linspace(0.3, 0.9, 10), np.linspace(0.05, 0.6, 20)), -1).reshape(-1, 2)
    most = []
    for corners in spine.corners[:7]:
        points = corners[TL] + grid[:, :1] * (corners[TR] - corners[TL]) + grid[:, 1:] * (corners[BL] - corners[TL])
        most.append(at(points).max())
    assert 2 <= np.count_nonzero(np.array(most) > 0.6) <= 5


def test_the_aorta_calcifies_before_the_lumbar_spine(patients):
    spine = patients[0][0]
    at = drawn_layer(draw_additions, spine, with_addition('has_aortic_calcium'))
    before = spine.corners[3:6, TL][:, None] - np.column_stack([np.arange(0, 60), np.zeros(60)])
    assert at(before.reshape(-1, 2)).max() > 0.02
    assert at(spine.centers[3:6]).max() == 0


@pytest.mark.parametrize('name', ['has_cage', 'has_cement', 'has_clips', 'has_hip', 'has_ring'])
def test_every_other_addition_is_dense_and_small(patients, name):
    spine = patients[0][0]
    grid = np.stack(np.meshgrid(np.arange(-260, 240, 1), np.arange(-500, 170, 1)), -1).reshape(-1, 2)
    found = drawn_layer(draw_additions, spine, with_addition(name))(grid)
    assert found.min() >= 0 and found.max() > 0.1
    assert 0 < np.mean(found > 0.05) < 0.03
