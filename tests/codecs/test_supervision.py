import numpy as np
import pytest

from spondylo_mm.anatomy import BL, EMPTY, LABELLED, NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS, TR, UNKNOWN, keypoint_index
from spondylo_mm.codecs.supervision import supervise

FRAME = (512, 256)


def labels(slots):
    """Keypoints inside the frame, all four corners of the given slots labelled."""
    keypoints = np.random.default_rng(0).uniform(1, 250, (NUM_KEYPOINTS, 2))
    visible = np.zeros((NUM_SLOTS, NUM_CORNERS))
    visible[list(slots)] = 1
    return keypoints, visible.reshape(-1)


def presence_of(labelled, empty=()):
    presence = np.full(NUM_SLOTS, UNKNOWN)
    presence[list(labelled)] = LABELLED
    presence[list(empty)] = EMPTY
    return presence


def per_slot(values):
    """The value shared by the four corners of each slot."""
    values = values.reshape(NUM_SLOTS, NUM_CORNERS)
    assert (values == values[:, :1]).all()
    return values[:, 0].tolist()


def test_labelled_corners_are_taught_and_what_nobody_labelled_above_is_not():
    keypoints, visible = labels(range(6))
    weights, amplitudes = supervise(keypoints, visible, presence_of(range(6)), FRAME)
    assert per_slot(weights) == per_slot(amplitudes) == [1] * 6 + [0] * (NUM_SLOTS - 6)
    assert weights.dtype == amplitudes.dtype == np.float32


def test_a_slot_known_to_be_empty_is_taught_to_be_empty():
    keypoints, visible = labels(range(1, 6))
    presence = presence_of(range(1, 6), empty=[0, 6, 7])
    weights, amplitudes = supervise(keypoints, visible, presence, FRAME)
    assert per_slot(weights) == [1] * 8 + [0] * (NUM_SLOTS - 8)
    assert per_slot(amplitudes) == [0] + [1] * 5 + [0] * (NUM_SLOTS - 6)


def test_policy_zero_teaches_emptiness_above_the_top_but_not_in_a_gap_below_it():
    labelled = [0, 1, 3, 4]
    keypoints, visible = labels(labelled)
    presence = presence_of(labelled)
    zero_weights, zero_amplitudes = supervise(keypoints, visible, presence, FRAME, above='zero')
    ignore_weights, ignore_amplitudes = supervise(keypoints, visible, presence, FRAME, above='ignore')
    assert per_slot(zero_weights) == [1, 1, 0] + [1] * (NUM_SLOTS - 3)
    assert per_slot(ignore_weights) == [1, 1, 0, 1, 1] + [0] * (NUM_SLOTS - 5)
    assert per_slot(zero_amplitudes) == per_slot(ignore_amplitudes) == [1, 1, 0, 1, 1] + [0] * (NUM_SLOTS - 5)


def test_an_image_without_labels_teaches_nothing_under_either_policy():
    keypoints, visible = labels([])
    for above in ('ignore', 'zero'):
        weights, amplitudes = supervise(keypoints, visible, presence_of([]), FRAME, above)
        assert not weights.any() and not amplitudes.any()


def test_a_corner_moved_out_of_the_frame_is_not_taught_and_the_others_of_its_vertebra_are():
    keypoints, visible = labels([0])
    inside = {'first': (0, 0), 'last': (511, 255)}
    outside = [(-0.01, 10), (511.01, 10), (10, -0.01), (10, 255.01), (np.nan, 10)]
    for position in inside.values():
        keypoints[TR] = position
        assert supervise(keypoints, visible, None, FRAME)[0][:NUM_CORNERS].tolist() == [1, 1, 1, 1]
    for position in outside:
        keypoints[TR] = position
        for values in supervise(keypoints, visible, None, FRAME, above='zero'):
            assert values[:NUM_CORNERS].tolist() == [1, 0, 1, 1]


def test_an_unlabelled_corner_of_a_labelled_vertebra_is_not_taught():
    keypoints, visible = labels([0, 1])
    visible[keypoint_index(0, BL)] = 0
    weights, amplitudes = supervise(keypoints, visible, presence_of([0, 1]), FRAME, above='zero')
    assert np.flatnonzero(weights == 0).tolist() == [keypoint_index(0, BL)]
    assert amplitudes[keypoint_index(0, BL)] == 0


def test_without_presence_a_slot_with_a_labelled_corner_is_labelled_and_the_rest_unknown():
    keypoints, visible = labels([0, 1, 2])
    visible[keypoint_index(1, BL)] = 0
    for above in ('ignore', 'zero'):
        derived = supervise(keypoints, visible, None, FRAME, above)
        stated = supervise(keypoints, visible, presence_of([0, 1, 2]), FRAME, above)
        np.testing.assert_array_equal(derived, stated)


def test_labels_in_a_slot_said_to_be_empty_are_refused():
    keypoints, visible = labels([0, 1, 4])
    with pytest.raises(ValueError, match=r'slots \[4\]'):
        supervise(keypoints, visible, presence_of([0, 1], empty=[4]), FRAME)


def test_other_numbers_of_keypoints_are_refused():
    with pytest.raises(ValueError, match='expected'):
        supervise(np.zeros((NUM_KEYPOINTS - 2, 2)), np.zeros(NUM_KEYPOINTS - 2), None, FRAME)
