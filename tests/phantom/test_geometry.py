from __future__ import annotations

import cv2
import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, TL, TR
from spondylo_mm.clinical.meyerding import meyerding_grade
from spondylo_mm.phantom import geometry
from spondylo_mm.phantom.geometry import STEP_CORRELATION, sample_spine

# The real labels, steps 1 to 7 from the bottom: angle mean and sd in degrees, spacing in px of 640, dx in body widths.
TABLE_ANGLE = np.array([39.6, 10.3, -6.0, -15.6, -18.7, -16.2, -12.0])
TABLE_ANGLE_SD = np.array([14.9, 14.1, 13.1, 12.1, 12.1, 12.1, 11.0])
TABLE_SPACING = np.array([69, 64, 64, 63, 61, 56, 50])
TABLE_DX = np.array([0.43, 0.11, -0.06, -0.16, -0.19, -0.16, -0.12])
TABLE_NEIGHBOUR_CORRELATION = np.array([0.68, 0.75, 0.77, 0.80])

INTACT_PERCENT = 5.0


@pytest.fixture(scope='module')
def spines():
    rng = np.random.default_rng(2)
    return [sample_spine(rng) for _ in range(300)]


@pytest.fixture(scope='module')
def steps(patients):
    """Angle, spacing and dx of the lowest five steps of every patient without a slip, ``(N, 3, 5)``."""
    rows = []
    for spine, framing, visible in patients:
        if np.abs(spine.slip_percent).max() > INTACT_PERCENT:
            continue
        corners = framing.squashed(640).corners(spine)[:visible]
        width = np.median(np.ptp(corners[..., 0], axis=1))
        step = corners[:-1].mean(axis=1) - corners[1:].mean(axis=1)
        step[:, 0] *= 1 if framing.facing == 'left' else -1
        row = np.stack([np.degrees(np.arctan2(step[:, 0], step[:, 1])), np.hypot(*step.T), step[:, 0] / width])
        rows.append(row[:, :5])
    return np.array(rows)


def test_step_correlations_can_be_sampled_from():
    assert np.allclose(STEP_CORRELATION, STEP_CORRELATION.T)
    assert np.linalg.eigvalsh(STEP_CORRELATION).min() > 0.01
    assert np.allclose(np.diag(STEP_CORRELATION, 1)[:4], TABLE_NEIGHBOUR_CORRELATION)
    assert STEP_CORRELATION[0, 4] == -0.22


def test_steps_on_the_squashed_images_are_those_of_the_real_labels(steps):
    angle, spacing, dx = steps.mean(axis=0)
    assert np.abs(angle - TABLE_ANGLE[:5]).max() < 3.5
    assert np.abs(spacing / TABLE_SPACING[:5] - 1).max() < 0.07
    assert np.abs(dx - TABLE_DX[:5]).max() < 0.05
    assert np.abs(steps[:, 0].std(axis=0) / TABLE_ANGLE_SD[:5] - 1).max() < 0.2


def test_steps_of_neighbouring_levels_go_together_as_in_the_real_labels(steps):
    correlation = np.corrcoef(steps[:, 0].T)
    assert np.abs(np.diag(correlation, 1) - TABLE_NEIGHBOUR_CORRELATION).max() < 0.12
    assert correlation[0, 4] == pytest.approx(-0.22, abs=0.15)


def test_bodies_are_convex_and_never_overlap(spines):
    for spine in spines:
        outlines = np.ascontiguousarray(spine.corners[:, [TL, TR, BR, BL]], np.float32)
        assert all(cv2.isContourConvex(outline) for outline in outlines)
        for upper, lower in zip(outlines[1:], outlines[:-1], strict=True):
            assert cv2.intersectConvexConvex(upper, lower)[0] == 0
        assert cv2.intersectConvexConvex(outlines[2], outlines[0])[0] == 0  # over a slipped L5


def test_slip_is_the_projection_of_the_posterior_inferior_corner_on_the_endplate_below(spines):
    for spine in spines:
        for lower, expected in enumerate(spine.slip_percent):
            posterior, anterior = spine.corners[lower, TR], spine.corners[lower, TL]
            endplate = anterior - posterior
            corner = spine.corners[lower + 1, BR]
            assert 100 * (corner - posterior) @ endplate / (endplate @ endplate) == pytest.approx(expected, abs=1e-9)


def test_most_spines_have_no_slip_and_every_grade_occurs_at_both_levels():
    rng = np.random.default_rng(4)
    slips = np.array([sample_spine(rng).slip_percent for _ in range(1500)])
    grades = np.array([[meyerding_grade(percent) for percent in row] for row in slips[:, :3]])
    intact = (grades == 0).all(axis=1).mean()
    assert 0.55 < intact < 0.75
    for level in (0, 1):
        assert set(grades[:, level]) == {0, 1, 2, 3, 4, 5}
    assert (slips[:, :3] < -INTACT_PERCENT).any()  # retrolisthesis
    assert np.abs(slips[:, 3:]).max() < INTACT_PERCENT  # nothing above L3 slips


def test_a_slipped_vertebra_takes_everything_above_along():
    rng = np.random.default_rng(0)
    sizes = geometry._sample_sizes(rng)
    tilt, slip = np.linspace(35, -10, 14), np.zeros(13)
    before = geometry._stack(tilt, sizes, slip).corners
    slip[1] = 40.0  # L4 on L5
    moved = geometry._stack(tilt, sizes, slip).corners - before
    endplate = before[1, TL] - before[1, TR]
    assert np.abs(moved[:2]).max() == 0
    assert np.allclose(moved[2:], 0.4 * endplate)


def test_s1_is_a_trapezoid_that_narrows_downwards_and_tilts_backwards(spines):
    s1 = np.array([spine.corners[0] for spine in spines])
    above, below = np.linalg.norm(s1[:, TR] - s1[:, TL], axis=1), np.linalg.norm(s1[:, BR] - s1[:, BL], axis=1)
    assert (below < 0.85 * above).all()
    slope = np.degrees(np.arctan2(s1[:, TL, 1] - s1[:, TR, 1], s1[:, TR, 0] - s1[:, TL, 0]))
    assert 30 < slope.mean() < 50  # sacral slope, Vialle 2005: 41 degrees
