from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_KEYPOINTS, NUM_SLOTS, keypoint_index
from spondylo_mm.codecs.presence import PRESENCE_THRESHOLD, vertebra_presence


def test_presence_is_the_mean_of_a_vertebras_own_four_corners():
    scores = np.zeros(NUM_KEYPOINTS)
    for corner, score in enumerate((0.9, 0.7, 0.6, 0.2)):
        scores[keypoint_index(3, corner)] = score
    expected = np.zeros(NUM_SLOTS)
    expected[3] = 0.6
    assert vertebra_presence(scores) == pytest.approx(expected)
    assert vertebra_presence(np.stack([scores, 0 * scores])).shape == (2, NUM_SLOTS)


def test_one_hidden_corner_does_not_hide_a_vertebra_and_one_speck_makes_none():
    three_plain, one_speck = np.zeros(NUM_KEYPOINTS), np.zeros(NUM_KEYPOINTS)
    three_plain[:3], one_speck[0] = 0.9, 1.0
    assert vertebra_presence(three_plain)[0] >= PRESENCE_THRESHOLD > vertebra_presence(one_speck)[0]


def test_corners_the_model_was_never_taught_do_not_count():
    scores, taught = np.full(NUM_KEYPOINTS, 0.8), np.ones(NUM_KEYPOINTS, dtype=bool)
    taught[2:4] = scores[2:4] = 0  # of S1 the superior endplate only
    taught[24:] = False
    presence = vertebra_presence(scores, taught)
    assert presence[:6] == pytest.approx(0.8) and not presence[6:].any()
    assert vertebra_presence(scores)[0] == pytest.approx(0.4)


def test_presence_stays_a_probability():
    assert (vertebra_presence(np.full(NUM_KEYPOINTS, 1.3)) == 1).all()  # a sub-pixel peak may exceed 1
    assert (vertebra_presence(np.full(NUM_KEYPOINTS, -0.2)) == 0).all()
    assert (vertebra_presence(np.full(NUM_KEYPOINTS, np.nan)) == 0).all()
