"""A spine of any number of vertebrae as the package's slots."""

from __future__ import annotations

import numpy as np

from ...anatomy import BL, BR, NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS, TL, TR
from .assembly import Spine
from .layout import kinds_of_slots

_STEP = 1.35  # heights from one vertebra to the next, where only one is known


def to_slots(
    spine: Spine, taught: np.ndarray, heatmap_size: tuple[int, int], scale: np.ndarray, is_valid: bool = True
) -> dict:
    """The fields of a prediction.

    Args:
        spine: in heatmap pixels.
        taught: (2, 4) bool, the types of corners that the model was taught of vertebrae and of sacra.
        heatmap_size: [W, H]
        scale: (2,) input pixels per heatmap pixel.
        is_valid: the maps were finite; else they show nothing: no vertebra is present, no sacrum seen, scores are NaN.

    Returns:
        ``keypoints`` (1, K, 2) in input pixels, inside the frame; ``keypoint_scores`` (1, K); ``presence`` (1, S), slot
        s holds the s-th vertebra from below; ``keypoint_taught`` (1, K) and ``sacrum_seen`` (1,). An empty slot has
        presence and scores 0, and its keypoints are where the next vertebra would be, in the middle of the frame if
        none was found: the strict error is of the best guess. If there are more vertebrae than slots also
        ``extra_vertebrae`` (1, V, 4, 2), ``extra_scores`` (1, V, 4) and ``extra_presence`` (1, V).
    """
    found = len(spine.scores)
    corners = np.concatenate([spine.corners, _guessed(spine.corners, NUM_SLOTS - found, heatmap_size)])
    corners = (corners.clip(0, np.array(heatmap_size) - 1) * scale).astype(np.float32)
    empty = max(NUM_SLOTS - found, 0)
    presence = np.pad(spine.scores, (0, empty)).astype(np.float32)
    scores = np.pad(spine.corner_scores, ((0, empty), (0, 0))).astype(np.float32)
    if not is_valid:
        scores[:], presence[:] = np.nan, 0
    fields = dict(
        keypoints=corners[:NUM_SLOTS].reshape(1, NUM_KEYPOINTS, 2),
        keypoint_scores=scores[:NUM_SLOTS].reshape(1, NUM_KEYPOINTS),
        presence=presence[None, :NUM_SLOTS],
        keypoint_taught=taught[kinds_of_slots(NUM_SLOTS)].reshape(1, NUM_KEYPOINTS),
        sacrum_seen=np.array([spine.sacrum_seen if is_valid else 0], dtype=np.float32),
    )
    if found > NUM_SLOTS:
        fields.update(
            extra_vertebrae=corners[None, NUM_SLOTS:],
            extra_scores=scores[None, NUM_SLOTS:],
            extra_presence=presence[None, NUM_SLOTS:],
        )
    return fields


def _guessed(corners: np.ndarray, count: int, heatmap_size: tuple[int, int]) -> np.ndarray:
    """Vertebrae (count, 4, 2) above the topmost one, a step further each."""
    if count <= 0 or not len(corners):
        centre = (np.array(heatmap_size) - 1) / 2
        return np.broadcast_to(centre, (max(count, 0), NUM_CORNERS, 2))
    top = corners[-1]
    step = _STEP * (top[TL] + top[TR] - top[BL] - top[BR]) / 2
    if len(corners) > 2:  # not from the sacrum: a slip is no step
        step = top.mean(axis=0) - corners[-2].mean(axis=0)
    return top + step * np.arange(1, count + 1)[:, None, None]
