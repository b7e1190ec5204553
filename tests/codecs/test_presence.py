import numpy as np

from spondylo_mm.anatomy import NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.codecs.presence import presence_from_scores


def test_presence_is_the_mean_height_of_a_vertebras_own_four_corners():
    scores = np.zeros((2, 1, NUM_KEYPOINTS), np.float32)
    scores[1, 0, NUM_CORNERS : 2 * NUM_CORNERS] = [1.0, 0.5, 0.5, 0.8]
    expected = np.zeros((2, 1, NUM_SLOTS))
    expected[1, 0, 1] = 0.7
    np.testing.assert_allclose(presence_from_scores(scores), expected, atol=1e-6)
