"""What a training sample carries instead of heatmaps."""

import numpy as np

from spondylo_mm.anatomy import NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.datasets.transforms.targets import KeypointTargets


def sample(above: str) -> dict:
    """Three labelled vertebrae, the fourth slot known to be empty, all above unknown; one corner moved out of the
    frame."""
    presence = np.full(NUM_SLOTS, -1)
    presence[:3], presence[3] = 1, 0
    visible = np.zeros((1, NUM_KEYPOINTS), np.float32)
    visible[0, : 3 * NUM_CORNERS] = 1
    keypoints = np.full((1, NUM_KEYPOINTS, 2), 40.0)
    keypoints[0, 5] = [-3, 40]
    return dict(
        transformed_keypoints=keypoints,
        keypoints_visible=visible,
        slot_presence=presence,
        input_size=(64, 64),
        codec=dict(above=above),
    )


def by_slot(values: np.ndarray) -> list:
    return values.reshape(NUM_SLOTS, NUM_CORNERS).tolist()


def test_only_what_is_known_is_taught():
    results = KeypointTargets()(sample('ignore'))
    weights, amplitudes = by_slot(results['keypoint_weights']), by_slot(results['keypoint_amplitudes'])
    assert weights[:3] == amplitudes[:3] == [[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 1, 1]]
    assert weights[3] == [1] * 4 and amplitudes[3] == [0] * 4  # known to be empty: an empty map
    assert weights[4:] == [[0] * 4] * 6  # unknown: nothing
    labelled = np.isfinite(results['keypoint_labels']).all(axis=-1)
    assert by_slot(labelled)[:3] == [[True] * 4] * 3 and not np.any(by_slot(labelled)[3:])  # out of the frame as well


def test_of_a_sacrum_labelled_by_its_superior_endplate_the_other_corners_are_not_taught():
    """Neither where they are nor that they are not there, whatever the policy."""
    for above in ('ignore', 'zero'):
        half = sample(above)
        half['keypoints_visible'][0, 2:4] = 0
        results = KeypointTargets()(half)
        assert by_slot(results['keypoint_weights'])[0] == by_slot(results['keypoint_amplitudes'])[0] == [1, 1, 0, 0]


def test_the_zero_policy_teaches_that_nothing_is_above():
    results = KeypointTargets()(sample('zero'))
    assert by_slot(results['keypoint_weights'])[4:] == [[1] * 4] * 6
    assert by_slot(results['keypoint_amplitudes'])[4:] == [[0] * 4] * 6


def test_a_worker_sends_numbers_not_heatmaps():
    results = KeypointTargets()(sample('ignore'))
    packed = {packed for packed in results['label_mapping_table'].values()}
    assert packed == {'keypoint_labels', 'keypoint_weights', 'keypoint_amplitudes'}
    assert sum(results[key].nbytes for key in packed) == NUM_KEYPOINTS * 4 * (2 + 1 + 1)
