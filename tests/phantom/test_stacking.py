from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, TL, TR
from spondylo_mm.phantom.body_traits import BodyTraits
from spondylo_mm.phantom.geometry import sample_spine
from spondylo_mm.phantom.stacking import fit_tilts, gaps, sample_sizes, stack, undistorted

COUNT = 14


def sizes(seed=0, **changed):
    healthy = BodyTraits.average(COUNT)
    traits = BodyTraits(**{**vars(healthy), **changed})
    return sample_sizes(np.random.default_rng(seed), traits)


def heights(corners):
    """Anterior and posterior height of each body, ``(2, V)``."""
    return np.linalg.norm(corners[:, [BL, BR]] - corners[:, [TL, TR]], axis=-1).T


def test_a_slipped_vertebra_takes_everything_above_along():
    tilt, slip = np.linspace(35, -10, COUNT), np.zeros(COUNT - 1)
    before = stack(tilt, sizes(), slip)
    slip[1] = 40.0  # L4 on L5
    moved = stack(tilt, sizes(), slip) - before
    endplate = before[1, TL] - before[1, TR]
    assert np.abs(moved[:2]).max() == 0
    assert np.allclose(moved[2:], 0.4 * endplate)


def test_the_lower_edge_of_s1_is_square_to_its_axis():
    tilt = np.linspace(35, -10, COUNT)
    s1 = stack(tilt, sizes(), np.zeros(COUNT - 1))[0]
    edge = s1[BR] - s1[BL]
    assert np.degrees(np.arctan2(-edge[1], edge[0])) == pytest.approx(35)


def test_stacked_centres_step_as_asked():
    steps = undistorted(np.array([40.0, 10, -6, -16, -19, -16, -12, -7, -1, 5, 10, 13, 15]))
    size = sizes()
    centers = stack(fit_tilts(steps, size, np.zeros(COUNT - 1)), size, np.zeros(COUNT - 1)).mean(axis=1)
    step = centers[:-1] - centers[1:]
    assert np.abs(np.degrees(np.arctan2(step[:, 0], step[:, 1])) - steps)[:8].max() < 1.0


def test_a_squashed_angle_is_larger_than_the_true_one():
    assert undistorted(45.0) == pytest.approx(np.degrees(np.arctan(1 / 1.5)))


def test_l5_is_taller_in_front_and_l1_behind():
    rng = np.random.default_rng(1)
    anterior, posterior = np.mean([heights(sample_spine(rng).corners) for _ in range(100)], axis=0)
    assert anterior[1] > 1.08 * posterior[1]
    assert anterior[5] < posterior[5]


def test_worn_discs_are_narrow():
    worn, healthy = sizes(degeneration=np.ones(COUNT - 1)), sizes()
    assert (worn.disc < 0.6 * healthy.disc).all()
    assert np.allclose(gaps(stack(np.zeros(COUNT), healthy, np.zeros(COUNT - 1))), healthy.disc, rtol=0.35)


def test_no_disc_is_as_high_as_half_a_body():
    for seed in range(50):
        size = sizes(seed)
        assert (size.disc < 0.5 * np.minimum(size.height[:-1], size.height[1:])).all()


@pytest.mark.parametrize(
    'kind, anterior, posterior', [('wedge', 0.6, 1.0), ('crush', 0.6, 0.6), ('biconcave', 0.88, 0.88)]
)
def test_a_fractured_body_loses_height_where_its_kind_does(kind, anterior, posterior):
    index, loss = 5, np.zeros(COUNT)
    loss[index] = 0.4
    fracture = tuple(kind if i == index else None for i in range(COUNT))
    tilt, slip = np.linspace(35, -10, COUNT), np.zeros(COUNT - 1)
    broken = heights(stack(tilt, sizes(fracture=fracture, height_loss=loss), slip))
    whole = heights(stack(tilt, sizes(), slip))
    assert broken[:, index] / whole[:, index] == pytest.approx([anterior, posterior], abs=0.06)
    others = np.arange(COUNT) != index
    assert np.allclose(broken[:, others], whole[:, others])
