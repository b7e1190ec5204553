"""Is there a vertebra in a slot: one rule for the metric, the predictions and the overlay."""

from __future__ import annotations

import numpy as np

from ..anatomy import NUM_CORNERS

# A peak of 1 is a Gaussian met exactly, 0 is background; a slot is judged present when it is nearer to the former.
PRESENCE_THRESHOLD = 0.5


def vertebra_presence(scores: np.ndarray) -> np.ndarray:
    """Presence of each vertebra from the heights of its corners' heatmap peaks.

    The mean of the four, not the least: one corner hidden by the iliac wing or cut by the image edge must not hide a
    vertebra whose other three are plain, and one bright speck must not make a vertebra.

    Args:
        scores: (..., K) peak heights, K = NUM_KEYPOINTS in slot order. One that is not finite counts as 0.

    Returns:
        (..., NUM_SLOTS) in [0, 1].
    """
    scores = np.asarray(scores, dtype=float)
    scores = np.where(np.isfinite(scores), scores, 0.0)
    return scores.reshape(*scores.shape[:-1], -1, NUM_CORNERS).mean(axis=-1).clip(0.0, 1.0)
