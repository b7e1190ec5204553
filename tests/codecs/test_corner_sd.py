"""The standard deviation of a corner against truths drawn from a known distribution."""

import numpy as np
import pytest

from spondylo_mm.codecs.corner_sd import corner_sd, heatmap_sd
from spondylo_mm.codecs.gaussian_targets import draw_gaussians

SURE = np.zeros((2, 1))  # peaks of full height leave nothing open, in either pass


def test_between_passes_it_is_the_spread_of_both_axes_together():
    corners = np.array(
        [[[10.0, 50.0]], [[16.0, 58.0]]]
    )  # 3 and 4 px to either side of the mean: each 5 px away from it
    sd, between = corner_sd(corners, SURE)
    assert sd == between == pytest.approx(np.sqrt((5**2 + 5**2) / (2 - 1)))


@pytest.mark.parametrize('spread', [0.5, 2.0, 4.0])
def test_the_best_heatmap_of_an_uncertain_corner_tells_how_uncertain_it_is(spread):
    """Squared error is least at the mean of the Gaussians of all places the corner may have. A heatmap px is 4 x 8
    image px."""
    rng = np.random.default_rng(0)
    places = rng.normal([32, 32], spread, (20000, 2))
    errors = (places - [32, 32]) * [4, 8]
    heatmap = draw_gaussians(places, np.ones(len(places)), (65, 65), sigma=1.5).mean(axis=0)
    sd = heatmap_sd(heatmap.max(), 1.5 * np.array([4, 8]), (260, 520))
    assert sd == pytest.approx(np.sqrt((errors**2).sum(axis=1).mean()), rel=0.03)


def test_both_parts_add_in_squares():
    corners, spreads = np.array([[[0.0, 0.0]], [[6.0, 8.0]]]), np.array([[5.0], [10.0]])
    sd, between = corner_sd(corners, spreads)
    assert between == pytest.approx(np.sqrt(50))
    assert sd == pytest.approx(np.sqrt(50 + np.mean([25, 100])))


def test_passes_that_agree_leave_the_part_within():
    sd, between = corner_sd(np.zeros((2, 2, 2)), np.array([[3.0, 4.0], [3.0, 4.0]]))
    assert between.tolist() == [0, 0] and sd == pytest.approx([3, 4])


def test_a_lower_peak_and_a_wider_gaussian_leave_more_open():
    sigma, size, scores = np.array([3.0, 4.0]), (512, 512), np.array([0.5, 0.2])
    sd = heatmap_sd(scores, sigma, size)
    assert sd == pytest.approx([np.sqrt(25 * (1 / 0.5 - 1)), np.sqrt(25 * (1 / 0.2 - 1))])
    assert heatmap_sd(scores, 2 * sigma, size) == pytest.approx(2 * sd)


def test_an_empty_heatmap_leaves_the_corner_anywhere_in_the_image():
    size = (300, 600)
    anywhere = np.random.default_rng(0).random((100000, 2)) * size
    expected = np.linalg.norm(anywhere - anywhere.mean(axis=0), axis=1)
    sd = heatmap_sd(np.zeros(1), np.array([2.0, 2.0]), size)
    assert sd[0] == pytest.approx(np.sqrt(np.mean(expected**2)), rel=0.01)


def test_a_score_that_is_not_a_number_gives_no_deviation():
    spread = heatmap_sd(np.full((2, 1), np.nan), np.array([2.0, 2.0]), (64, 64))
    assert np.isnan(spread).all() and np.isnan(corner_sd(np.zeros((2, 1, 2)), spread)[0]).all()
