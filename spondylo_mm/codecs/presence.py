"""Is there a vertebra in a slot: one rule for the metric, the predictions and the overlay."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from ..anatomy import NUM_CORNERS

# A peak of 1 is a Gaussian met exactly, 0 is background; a slot is judged present when it is nearer to the former.
PRESENCE_THRESHOLD = 0.5


def vertebra_presence(scores: np.ndarray, taught: np.ndarray | None = None) -> np.ndarray:
    """Presence of each vertebra from the heights of its corners' heatmap peaks.

    Their mean, not the least: one corner hidden by the iliac wing or cut by the image edge must not hide a
    vertebra whose other three are plain, and one bright speck must not make a vertebra.

    Args:
        scores: (..., K) peak heights, K = NUM_KEYPOINTS in slot order. One that is not finite counts as 0.
        taught: (K,) bool, the corners that the model has been taught; the others say nothing, and a slot without any is
            judged absent. None: all.

    Returns:
        (..., NUM_SLOTS) in [0, 1].
    """
    scores = np.asarray(scores, dtype=float)
    scores = np.where(np.isfinite(scores), scores, 0.0)
    taught = np.ones(scores.shape[-1], dtype=bool) if taught is None else taught
    scores = np.where(taught, scores, 0.0).reshape(*scores.shape[:-1], -1, NUM_CORNERS)
    number = taught.reshape(-1, NUM_CORNERS).sum(axis=-1)
    return (scores.sum(axis=-1) / np.maximum(number, 1)).clip(0.0, 1.0)


def levels_are_known(predicted: Container) -> bool:
    """Whether the slots of an image's predicted instances are levels, as far as the model can tell: one that finds
    vertebrae anywhere says how likely the lowest is the sacrum (``sacrum_seen`` (1,)), any other cannot doubt it."""
    return 'sacrum_seen' not in predicted or bool(float(predicted['sacrum_seen'][0]) >= PRESENCE_THRESHOLD)
