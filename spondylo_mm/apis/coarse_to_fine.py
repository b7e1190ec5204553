"""Coarse to fine: the whole radiograph says where the spine is, a second pass on that part alone where its corners are.

The first pass decides which vertebrae there are and what they are called, for it has seen all there is to see. The
second sees each vertebra larger, and moves its corners.
"""

from __future__ import annotations

import numpy as np
from mmpose.structures import PoseDataSample

from ..anatomy import NUM_CORNERS, NUM_SLOTS
from ..codecs.presence import PRESENCE_THRESHOLD

# The second pass enlarges no further than training did (configs: RandomSpineAffine's scale), and not at all where there
# is little to gain.
MOST_ENLARGED, LEAST_ENLARGED = 1.5, 1.1
MARGIN = 1.5  # around the spine, in median heights of its vertebrae: their surroundings, and what is half outside
# Two vertebrae are the same if their centres are nearer than this share of their height; the next one is 1.3 away.
_SAME = 0.5
_OF_CORNERS = ('keypoints', 'keypoint_scores', 'keypoint_spread')  # what a vertebra's corners have, image pixels


def spine_region(sample: PoseDataSample) -> np.ndarray | None:
    """The part of the image to look at again, of the image's own shape: (4,) left, top, right, bottom in image pixels.
    None where no vertebra was found, or the spine fills the image."""
    vertebrae = _vertebrae(sample)[_is_present(sample)]
    if not len(vertebrae):
        return None
    height, width = sample.ori_shape
    last = np.array([width, height]) - 1.0
    margin = MARGIN * np.median(_heights(vertebrae))
    low = vertebrae.min(axis=(0, 1)) - margin
    high = vertebrae.max(axis=(0, 1)) + margin
    share = max(((high - low) / last).max(), 1 / MOST_ENLARGED)
    if share > 1 / LEAST_ENLARGED:
        return None
    extent = share * last
    start = ((low + high - extent) / 2).clip(0, last - extent)
    return np.concatenate([start, start + extent])


def refine(sample: PoseDataSample, closer: PoseDataSample) -> None:
    """Move the vertebrae of a sample that were found again by a closer look to where it found them.

    Args:
        sample: of the first pass; of its ``keypoints``, ``keypoint_scores`` and ``keypoint_spread`` those of the moved
            vertebrae are replaced by the other's.
        closer: of the second, in pixels of the same image.
    """
    vertebrae, again = _vertebrae(sample), _vertebrae(closer)
    distances = np.linalg.norm(vertebrae.mean(axis=1)[:, None] - again.mean(axis=1), axis=-1)
    distances[:, ~_is_present(closer)] = np.inf
    nearest = distances.argmin(axis=1)
    is_found = _is_present(sample) & (distances.min(axis=1) < _SAME * _heights(vertebrae))
    for key in _OF_CORNERS:
        values, others = (_by_slot(one.pred_instances[key]) for one in (sample, closer))
        values = values.copy()
        values[is_found] = others[nearest[is_found]]
        sample.pred_instances[key] = values.reshape(sample.pred_instances[key].shape)


def _vertebrae(sample: PoseDataSample) -> np.ndarray:
    """Corners (S, 4, 2)."""
    return _by_slot(sample.pred_instances.keypoints).astype(float)


def _by_slot(values: np.ndarray) -> np.ndarray:
    """Values of keypoints (1, K, ...) as (S, 4, ...)."""
    return np.asarray(values[0]).reshape(NUM_SLOTS, NUM_CORNERS, *values.shape[2:])


def _is_present(sample: PoseDataSample) -> np.ndarray:
    """(S,) bool."""
    return np.asarray(sample.pred_instances.presence[0]) >= PRESENCE_THRESHOLD


def _heights(vertebrae: np.ndarray) -> np.ndarray:
    """(V,) from the middle of the superior to that of the inferior endplate."""
    endplates = vertebrae.reshape(-1, 2, 2, 2).mean(axis=2)
    return np.linalg.norm(endplates[:, 1] - endplates[:, 0], axis=-1)
