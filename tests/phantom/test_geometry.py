from __future__ import annotations

import cv2
import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, TL, TR
from spondylo_mm.clinical.meyerding import meyerding_grade
from spondylo_mm.phantom.geometry import SlipRates, sample_spine
from spondylo_mm.phantom.step_statistics import STEP_CORRELATION

# The real labels, steps 1 to 5 from the bottom, between *mean corners*: angle mean and sd in degrees, spacing in px of
# 640, dx in body widths. (The step table of the dataset is of box centres: benchmarks/phantom/geometry.py.)
TABLE_ANGLE = np.array([41.0, 10.8, -5.9, -15.9, -18.3])
TABLE_ANGLE_SD = np.array([13.4, 14.7, 12.8, 11.6, 11.6])
TABLE_SPACING = np.array([72.4, 64.0, 63.6, 63.9, 61.0])
TABLE_DX = np.array([0.46, 0.12, -0.06, -0.17, -0.19])
TABLE_NEIGHBOUR_CORRELATION = np.array([0.68, 0.75, 0.77, 0.80])


def slipped(spine) -> np.ndarray:
    """(V - 1,) bool, the pairs with a slip."""
    return np.array([meyerding_grade(percent) > 0 for percent in spine.slip_percent])


@pytest.fixture(scope='module')
def spines():
    rng = np.random.default_rng(2)
    return [sample_spine(rng) for _ in range(300)]


@pytest.fixture(scope='module')
def steps(patients):
    """Angle, spacing and dx of the lowest five steps of every patient without a slip, ``(N, 3, 5)``."""
    rows = []
    for spine, framing, visible in patients:
        if slipped(spine).any():
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
    assert np.abs(angle - TABLE_ANGLE).max() < 3.0
    assert np.abs(spacing / TABLE_SPACING - 1).max() < 0.07
    assert np.abs(dx - TABLE_DX).max() < 0.05
    assert np.abs(steps[:, 0].std(axis=0) / TABLE_ANGLE_SD - 1).max() < 0.2


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
    assert (slips[:, :3] < -8).any()  # retrolisthesis
    assert (
        -8 < slips[:, 3:].min() < -6 and 3 < slips[:, 3:].max() < 5
    )  # nothing above L3 slips, yet no wall is straight


def test_s1_is_a_trapezoid_that_narrows_downwards_and_tilts_backwards(spines):
    s1 = np.array([spine.corners[0] for spine in spines])
    above, below = np.linalg.norm(s1[:, TR] - s1[:, TL], axis=1), np.linalg.norm(s1[:, BR] - s1[:, BL], axis=1)
    assert (below < 0.85 * above).all()
    slope = np.degrees(np.arctan2(s1[:, TL, 1] - s1[:, TR, 1], s1[:, TR, 0] - s1[:, TL, 0]))
    assert 30 < slope.mean() < 50  # sacral slope, Vialle 2005: 41 degrees


def test_a_clinic_has_fewer_slips_and_lower_grades():
    rng = np.random.default_rng(4)
    rates = SlipRates(antero=0.2, retro=0.0, grade_weights=(1.0, 0.0, 0.0, 0.0, 0.0))
    slips = np.array([sample_spine(rng, rates).slip_percent for _ in range(300)])
    assert (slips.max(axis=1) > 5).mean() == pytest.approx(0.2, abs=0.07)
    assert 5 < slips.max() < 25 and slips.min() > -8


def test_some_spines_have_six_lumbar_vertebrae_and_some_four(spines):
    rng = np.random.default_rng(8)
    found = {spine.transition: spine.levels for spine in (sample_spine(rng) for _ in range(300))}
    assert set(found) == {None, 'L6', 'sacralised L5'}
    assert found[None][:3] == ('S1', 'L5', 'L4')
    assert found['L6'][:8] == ('S1', 'L6', 'L5', 'L4', 'L3', 'L2', 'L1', 'T12')
    assert found['sacralised L5'][:6] == ('L5', 'L4', 'L3', 'L2', 'L1', 'T12')
    assert all(len(levels) == len(set(levels)) == len(spines[0].corners) for levels in found.values())


def test_no_vertebra_slips_on_a_healthy_disc(spines):
    for spine in spines:
        assert (spine.traits.degeneration[slipped(spine)] >= 0.4).all()
