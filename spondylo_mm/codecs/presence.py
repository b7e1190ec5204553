"""Whether a slot holds a vertebra, read from the heights of its corners' peaks."""

from __future__ import annotations

import numpy as np

from ..anatomy import NUM_CORNERS, NUM_SLOTS


def presence_from_scores(scores: np.ndarray) -> np.ndarray:
    """Mean score of the four corners of each slot.

    The maps of a slot known to be empty are taught to be zero, so the peaks of an absent vertebra stay low.

    Args:
        scores: (..., K) of the keypoints, as the codec decodes them.

    Returns:
        Presence (..., NUM_SLOTS) in [0, 1].
    """
    return scores.reshape(*scores.shape[:-1], NUM_SLOTS, NUM_CORNERS).mean(axis=-1)
