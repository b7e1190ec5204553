"""Structured decoding: from the heatmaps of an image to its vertebrae, chosen for all slots together.

Independent decoding takes the highest peak of each of the forty channels. A network that is unsure where to begin to
count shows each vertebra in the channels of two slots; then each channel decides for itself, and a vertebra is doubled,
one is skipped, or all are off by one level. Here it is first asked which vertebrae the image shows at all, in whichever
channels (``candidates``); then they are numbered, by what all channels show and by what a spine looks like
(``spine_model``), see ``alignment``. Where the chain is what independent decoding finds, the corners are the same to
the last bit.
"""

from __future__ import annotations

import numpy as np

from ...anatomy import NUM_CORNERS, NUM_SLOTS
from ..dark import window_radius
from ..presence import vertebra_presence
from .alignment import align
from .candidates import find_candidates
from .corners import find_places
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
        Positions ``(K, 2)``, heights ``(K,)``, and presence ``(S,)`` in [0, 1]. A vertebra of the chain is as present
        as all slots together see it, and as any vertebra above it: a spine has no end below a vertebra. A slot without
        one keeps its positions and heights; it is as present as these are high, but not at all where they show a
        vertebra of another slot.
    """
    candidates = find_candidates(find_places(heatmaps, sigma), model)
    chain = align(candidates, model)
    slots = np.flatnonzero(chain >= 0)
    found, found_heights = candidates.corners[chain[slots]], candidates.heights[chain[slots]]

    presence = vertebra_presence(heights)
    corners = positions.reshape(NUM_SLOTS, NUM_CORNERS, 2).copy()
    heights = heights.reshape(NUM_SLOTS, NUM_CORNERS).copy()
    same = (np.abs(corners[:, None] - found) <= window_radius(sigma)).all(axis=-1)  # (S, vertebrae found, C)
    shows = same.sum(axis=-1) >= NUM_CORNERS / 2

    position = np.arange(len(slots))
    is_unseen = found_heights == 0  # such a corner of a slot's own vertebra is better read from its own flat map
    keeps = same[slots, position] | (is_unseen & shows[slots, position][:, None])
    corners[slots] = np.where(keeps[..., None], corners[slots], found)
    heights[slots] = np.where(keeps, heights[slots], found_heights)

    presence[(chain < 0) & shows.any(axis=1)] = 0
    seen = np.maximum(presence[slots], candidates.evidence[chain[slots]])
    presence[slots] = np.maximum.accumulate(seen[::-1])[::-1]
    return corners.reshape(positions.shape), heights.ravel(), presence
