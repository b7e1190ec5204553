"""What the maps are taught: centres, corners and the way between them."""

import dataclasses

import numpy as np
import pytest
import torch

from spondylo_mm.anatomy import EMPTY, LABELLED, NUM_SLOTS, UNKNOWN
from spondylo_mm.codecs.centers.layout import SACRUM, VERTEBRA
from spondylo_mm.codecs.supervision import supervise

TO_HEATMAP = 127 / 511


def encoded(codec, spine: np.ndarray, visible: np.ndarray | None = None) -> dict:
    """Targets of the vertebrae (V, 4, 2), every other slot known to be empty."""
    keypoints, labelled = np.zeros((NUM_SLOTS, 4, 2)), np.zeros((NUM_SLOTS, 4))
    keypoints[: len(spine)] = spine
    labelled[: len(spine)] = 1 if visible is None else visible
    presence = np.where(np.arange(NUM_SLOTS) < len(spine), LABELLED, EMPTY)
    return codec.encode(keypoints.reshape(1, -1, 2), labelled.reshape(1, -1), presence)


def highest(heatmap: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Heights of the pixels nearest to places in input pixels."""
    columns, rows = np.round(places * TO_HEATMAP).astype(int).T
    return heatmap[rows, columns]


def test_a_vertebra_is_its_mean_and_the_sacrum_the_middle_of_its_superior_endplate(codec, straight):
    spine = straight(6)
    heatmaps = encoded(codec, spine)['heatmaps']
    least = np.exp(-0.5 * 2 * 0.5**2 / 1.5**2)  # half a pixel off along both axes
    assert (highest(heatmaps[VERTEBRA], spine[1:].mean(axis=1)) >= least).all()
    assert highest(heatmaps[SACRUM], spine[:1, :2].mean(axis=1)) >= least
    assert heatmaps[VERTEBRA].sum() == pytest.approx(5 * 2 * np.pi * 1.5**2, rel=5e-3)  # nothing else in either
    assert heatmaps[SACRUM].sum() == pytest.approx(2 * np.pi * 1.5**2, rel=5e-3)


def test_a_corner_is_in_the_map_of_its_type_whichever_vertebra_s(codec, straight):
    spine = straight(6)
    heatmaps = encoded(codec, spine)['heatmaps']
    for corner in range(4):
        assert (highest(heatmaps[2 + corner], spine[:, corner]) > 0.89).all()
        assert heatmaps[2 + corner].sum() == pytest.approx(6 * 2 * np.pi * 1.5**2, rel=5e-3)


def test_pixels_near_a_centre_know_the_way_to_its_four_corners(codec, straight):
    spine = straight(6)
    targets = encoded(codec, spine)
    centres = spine.mean(axis=1)
    centres[0] = spine[0, :2].mean(axis=0)
    for centre, corners in zip(centres * TO_HEATMAP, spine * TO_HEATMAP, strict=True):
        x, y = np.round(centre).astype(int)
        for dx, dy in ((0, 0), (1, 0), (0, -1)):
            offsets = targets['offsets'][:, y + dy, x + dx].reshape(4, 2)
            np.testing.assert_allclose([x + dx, y + dy] + offsets, corners, atol=1e-4)
            assert (targets['offset_weights'][:, y + dy, x + dx] > 0.3).all()
    assert (targets['offset_weights'] > 0).any(axis=0).mean() < 0.01


def test_a_sacrum_labelled_by_its_superior_endplate_is_found_and_its_lower_corners_are_not_taught(codec, straight):
    spine = straight(6)
    visible = np.ones((6, 4))
    visible[0, 2:] = 0
    targets = encoded(codec, spine, visible)
    assert highest(targets['heatmaps'][SACRUM], spine[:1, :2].mean(axis=1)) > 0.89
    x, y = np.round(spine[0, :2].mean(axis=0) * TO_HEATMAP).astype(int)
    assert (targets['offset_weights'][:4, y, x] > 0.8).all() and not targets['offset_weights'][4:, y, x].any()
    for corner in (2, 3):
        assert highest(targets['heatmaps'][2 + corner], spine[:1, corner]) < 0.01
        assert highest(targets['heatmap_weights'][2 + corner], spine[:1, corner]) == 0
    for channel in (VERTEBRA, SACRUM, 2, 3):
        assert highest(targets['heatmap_weights'][channel], spine[:1, 2:].mean(axis=1)) == 1


def test_a_vertebra_without_one_corner_has_no_centre_and_no_background_there(codec, straight):
    spine = straight(6)
    visible = np.ones((6, 4))
    visible[3, 1] = 0
    targets = encoded(codec, spine, visible)
    centre = spine[3:4].mean(axis=1)
    assert highest(targets['heatmaps'][VERTEBRA], centre) < 0.01
    assert highest(targets['heatmap_weights'][VERTEBRA], centre) == 0
    assert highest(targets['heatmap_weights'][3], spine[3:4, 1]) == 0  # TR is not known to be absent
    assert highest(targets['heatmaps'][2], spine[3:4, 0]) > 0.89  # TL is labelled
    assert highest(targets['heatmap_weights'][2], spine[3:4, 0]) == 1
    neighbours = spine[[2, 4]].mean(axis=1)
    assert (highest(targets['heatmap_weights'][VERTEBRA], neighbours) == 1).all()


def test_a_vertebra_cut_by_the_frame_is_taught_to_be_none(codec, straight):
    spine = straight(6) - [0, 285]  # the topmost is cut by the image's upper edge
    assert spine[5, 0, 1] < -5 and spine[5].mean(axis=0)[1] > 0
    targets = encoded(codec, spine)
    assert targets['heatmaps'][2].sum() == pytest.approx(5 * 2 * np.pi * 1.5**2, rel=1e-2)
    assert targets['heatmaps'][4].sum() == pytest.approx(6 * 2 * np.pi * 1.5**2, rel=0.05)  # BL is there
    assert highest(targets['heatmap_weights'][VERTEBRA], spine[5:].mean(axis=1)) == 1
    assert highest(targets['heatmaps'][VERTEBRA], spine[5:].mean(axis=1)) < 1e-3


def test_of_one_that_barely_reaches_the_edge_nothing_is_known(codec, straight):
    spine = straight(6)
    spine = spine - [0, spine[5, 0, 1] + 1]
    targets = encoded(codec, spine)
    assert highest(targets['heatmap_weights'][VERTEBRA], spine[5:].mean(axis=1)) == 0


def test_below_a_frame_that_shows_no_sacrum_there_is_none(codec, straight):
    """The sacrum is labelled, so no vertebra is missing between the lowest one and the edge."""
    spine = straight(6) + [0, 50]
    assert spine[0, :, 1].min() > 512 > spine[1, :, 1].max() + 5
    targets = encoded(codec, spine)
    below = np.array([[256.0, 508.0]])
    assert (
        highest(targets['heatmap_weights'][VERTEBRA], below) == highest(targets['heatmap_weights'][SACRUM], below) == 1
    )
    assert targets['heatmaps'][SACRUM].max() == 0


def test_a_batch_is_its_images(codec, straight):
    parts = []
    for count in (3, 8):
        keypoints, visible = np.full((NUM_SLOTS, 4, 2), np.nan), np.zeros((NUM_SLOTS, 4))
        keypoints[:count], visible[:count] = straight(count), 1
        presence = np.where(np.arange(NUM_SLOTS) < count, LABELLED, UNKNOWN)
        parts.append(
            (keypoints.reshape(-1, 2), *supervise(keypoints.reshape(-1, 2), visible.ravel(), presence, (512, 512)))
        )
    batch = [torch.from_numpy(np.stack(column)) for column in zip(*parts, strict=True)]
    together = codec.encode_batch(*batch)
    assert together.num_anchors.tolist() == [3, 8] and together.num_corners.tolist() == [12, 32]
    for index in range(2):
        alone = codec.encode_batch(*(part[index : index + 1] for part in batch))
        for field in dataclasses.fields(together):
            torch.testing.assert_close(getattr(together, field.name)[index], getattr(alone, field.name)[0])
    assert not together.heatmaps.isnan().any() and not together.offsets.isnan().any()


@pytest.mark.gpu
def test_a_gpu_draws_what_numpy_draws(codec, straight):
    keypoints = torch.zeros(1, NUM_SLOTS, 4, 2)
    keypoints[0, :6] = torch.from_numpy(straight(6))
    labelled = torch.zeros(1, NUM_SLOTS, 4)
    labelled[:, :6] = 1
    labels = keypoints.flatten(1, 2), labelled.flatten(1), labelled.flatten(1)
    on_host, on_gpu = codec.encode_batch(*labels), codec.encode_batch(*(label.cuda() for label in labels))
    for field in dataclasses.fields(on_host):
        torch.testing.assert_close(getattr(on_gpu, field.name).cpu(), getattr(on_host, field.name), atol=1e-4, rtol=0)
