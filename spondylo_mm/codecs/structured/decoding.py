"""Structured decoding: from the heatmaps of an image to its vertebrae, chosen for all slots together.

Independent decoding takes the highest peak of each of the forty channels. A network that is unsure where to begin to
count shows each vertebra in the channels of two slots; then each channel decides for itself, and a vertebra is doubled,
one is skipped, or all are off by one level. Here a chain of vertebrae is chosen by what all channels show and by what a
spine looks like (``spine_model``), see ``alignment``. Where the chain is what independent decoding finds, the corners
are the same to the last bit.
"""

from __future__ import annotations

import numpy as np

from ...anatomy import NUM_CORNERS, NUM_SLOTS
from ..presence import logistic
from .alignment import align
from .candidates import find_candidates
from .corners import find_peaks
from .spine_model import SpineModel


def decode_together(
    heatmaps: np.ndarray, model: SpineModel, sigma: float, positions: np.ndarray, heights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decode one image.

    Args:
        heatmaps: ``(K, H, W)`` float32, finite, in shares of the drawn peak.
        model: what spines look like.
        sigma: of the Gaussians the heatmaps were trained on, heatmap pixels.
        positions: ``(K, 2)`` heatmap pixels, of independent decoding.
        heights: ``(K,)`` of these peaks, likewise.

    Returns:
        Positions ``(K, 2)``, heights ``(K,)``, and presence ``(S,)``: the logistic function of the log odds of the best
        chain with a vertebra in the slot against the best without. A slot without a vertebra keeps its positions and
        heights, and its presence is at most 0.5.
    """
    candidates = find_candidates(find_peaks(heatmaps, sigma), model)
    chosen = align(candidates, model)
    corners, heights = (
        positions.reshape(NUM_SLOTS, NUM_CORNERS, 2).copy(),
        heights.reshape(NUM_SLOTS, NUM_CORNERS).copy(),
    )
    slots = np.flatnonzero(chosen.channel >= 0)
    taken = chosen.channel[slots], chosen.rank[slots]
    corners[slots], heights[slots] = candidates.corners[taken], candidates.heights[taken]
    return corners.reshape(positions.shape), heights.ravel(), logistic(chosen.log_odds)
