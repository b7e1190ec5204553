"""The standard deviation of a corner against truths drawn from a known distribution."""

import numpy as np
import pytest

from spondylo_mm.codecs.corner_sd import corner_sd, heatmap_sd
from spondylo_mm.codecs.gaussian_targets import draw_gaussians

FULL = np.ones((2, 1))  # peaks of full height, of two passes


def test_between_passes_it_is_the_spread_of_both_axes_together():
    corners = np.array(
        [[[10.0, 50.0]], [[16.0, 58.0]]]
    )  # 3 and 4 px to either side of the mean: each 5 px away from it
    sd, between = corner_sd(corners, FULL, np.array([2.0, 2.0]), (512, 512))
    assert sd == between == pytest.approx(np.sqrt((5**2 + 5**2) / (2 - 1)))


@pytest.mark.parametrize('spread', [0.5, 2.0, 4.0])
def test_the_best_heatmap_of_an_uncertain_corner_tells_how_uncertain_it_is(spread):
    """Squared error is least at the mean of the Gaussians of all places the corner may have. A heatmap px is 4 x 8
    image px."""
    rng = np.random.default_rng(0)
    places = rng.normal([32, 32], spread, (20000, 2))
    errors = (places - [32, 32]) * [4, 8]
    heatmap = draw_gaussians(places, np.ones(len(places)), (65, 65), sigma=1.5).mean(axis=0)
    corners = np.full((2, 1, 2), 128.0)
    sd, between = corner_sd(corners, heatmap.max() * FULL, 1.5 * np.array([4, 8]), (260, 520))
    assert between == 0
    assert sd[0] == pytest.approx(np.sqrt((errors**2).sum(axis=1).mean()), rel=0.03)


def test_both_parts_add_in_squares():
    corners = np.array([[[0.0, 0.0]], [[6.0, 8.0]]])
    sigma, scores = np.array([3.0, 4.0]), np.array([[0.5], [0.2]])
    within = np.mean([25 * (1 / 0.5 - 1), 25 * (1 / 0.2 - 1)])
    sd, between = corner_sd(corners, scores, sigma, (512, 512))
    assert between == pytest.approx(np.sqrt(50))
    assert sd == pytest.approx(np.sqrt(50 + within))


def test_an_empty_heatmap_leaves_the_corner_anywhere_in_the_image():
    size = (300, 600)
    anywhere = np.random.default_rng(0).random((100000, 2)) * size
    expected = np.linalg.norm(anywhere - anywhere.mean(axis=0), axis=1)
    sd, _ = corner_sd(np.zeros((2, 1, 2)), 0 * FULL, np.array([2.0, 2.0]), size)
    assert sd[0] == pytest.approx(np.sqrt(np.mean(expected**2)), rel=0.01)


def test_a_score_that_is_not_a_number_gives_no_deviation():
    sd, _ = corner_sd(np.zeros((2, 1, 2)), np.nan * FULL, np.array([2.0, 2.0]), (64, 64))
    assert np.isnan(sd).all()


def test_one_pass_alone_gives_the_part_within():
    sigma, size, scores = np.array([3.0, 4.0]), (512, 512), np.array([0.5, 0.2])
    alone = heatmap_sd(scores, sigma, size)
    assert alone == pytest.approx([np.sqrt(25 * (1 / 0.5 - 1)), np.sqrt(25 * (1 / 0.2 - 1))])
    still, _ = corner_sd(np.zeros((2, 2, 2)), np.array([scores, scores]), sigma, size)
    assert still == pytest.approx(alone)
