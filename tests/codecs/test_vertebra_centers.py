"""The codec of centres: what is drawn is what is decoded, and what it refuses."""

import numpy as np
import pytest

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.anatomy import CORNERS, EMPTY, LABELLED, NUM_SLOTS
from spondylo_mm.codecs.vertebra_centers import VertebraCenters
from spondylo_mm.errors import InputError
from spondylo_mm.phantom.plan import plan
from spondylo_mm.phantom.radiograph import make_case

SIZES = dict(input_size=(512, 512), heatmap_size=(128, 128))


def spines() -> list[np.ndarray]:
    """The vertebrae (V, 4, 2) of 200 phantoms, of every facing, lean and grade of slip, stretched to the input; at most
    as many as there are slots."""
    found = []
    for spec in plan(dict(train=100, val=0, test=100), seed=5, style='mixed'):
        truth = make_case(spec, 5, 512).truth
        corners = np.array([[each['corners'][name] for name in CORNERS] for each in truth['vertebrae']])
        found.append(corners[:NUM_SLOTS] * 511 / (np.array([truth['width'], truth['height']]) - 1))
    return found


def test_of_two_hundred_spines_all_vertebrae_are_recovered_to_half_a_pixel_and_in_order():
    codec = VertebraCenters(**SIZES, sigma=1.5)
    recovered = []
    for spine in spines():
        keypoints, visible = np.zeros((NUM_SLOTS, 4, 2)), np.zeros((NUM_SLOTS, 4))
        keypoints[: len(spine)], visible[: len(spine)] = spine, 1
        presence = np.where(visible.any(axis=1), LABELLED, EMPTY)
        targets = codec.encode(keypoints.reshape(1, -1, 2), visible.reshape(1, -1), presence)
        near = targets['offset_weights'] > 0  # a network says anything elsewhere
        prediction = codec.decode_spine(np.concatenate([targets['heatmaps'], targets['offsets'] * near]))
        errors = np.linalg.norm(prediction['keypoints'].reshape(NUM_SLOTS, 4, 2)[: len(spine)] - spine, axis=-1)
        in_frame = ((spine >= 0) & (spine <= 511)).all(axis=-1)
        whole = in_frame.all(axis=1)
        whole[0] = in_frame[0, :2].all()
        errors = np.where(in_frame, errors, 0.0).max(axis=1)
        recovered.append(((errors <= 0.5) & (prediction['presence'][0, : len(spine)] > 0.5))[whole])
        assert not prediction['presence'][0, len(spine) :].any()
    recovered = np.concatenate(recovered)
    assert len(recovered) > 1400 and recovered.mean() >= 0.995


@pytest.mark.parametrize(
    'change', [dict(sigma=0), dict(input_size=(512, 1)), dict(heatmap_size=(128,)), dict(above='maybe')]
)
def test_settings_without_sense_are_refused_in_one_line(change):
    with pytest.raises(InputError, match=r'^codec: [^\n]+$'):
        VertebraCenters(**(SIZES | dict(sigma=1.5) | change))


def test_decode_gives_keypoints_and_scores_of_one_instance():
    keypoints, scores = VertebraCenters(**SIZES, sigma=1.5).decode(np.zeros((14, 128, 128), dtype=np.float32))
    assert keypoints.shape == (1, 40, 2) and scores.shape == (1, 40)
