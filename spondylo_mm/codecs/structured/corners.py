"""Every place where a corner may be, and how much each channel sees there.

A channel that is off by one level shows a corner that exists, of the vertebra next door. So places are sought for all
slots together, as the peaks of the largest of the ten channels of a corner type; then every channel says how much it
sees at each of them. That two channels see the same corner is then known, and no ghost on the flank of a peak is a
second best.

Symbols: slots S, corner types C, heatmap size [W, H], places per corner type J.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...anatomy import NUM_CORNERS, NUM_SLOTS
from ..dark import refine_peaks, window_index, window_radius

MIN_HEIGHT = 0.1  # of a peak, in shares of the drawn one: less is background
MAX_PLACES = 16  # per corner type: ten vertebrae and some ghosts


@dataclass(frozen=True)
class Places:
    """Where corners may be.

    Attributes:
        height: ``(S, C, J)`` what each channel sees there, in shares of the drawn peak, 0 where there is only
            background.
        position: ``(C, J, 2)`` heatmap pixels, to a fraction of a pixel, as the channel has it that sees most there.
    """

    height: np.ndarray
    position: np.ndarray


def find_places(heatmaps: np.ndarray, sigma: float) -> Places:
    """The places of an image.

    Args:
        heatmaps: ``(K, H, W)`` float32, in shares of the drawn peak, finite.
        sigma: of the Gaussians the heatmaps were trained on, heatmap pixels. Corners of one type nearer to each other
            than the window of sub-pixel decoding are one.
    """
    width = heatmaps.shape[2]
    radius = window_radius(sigma)
    by_slot = heatmaps.reshape(NUM_SLOTS, NUM_CORNERS, *heatmaps.shape[1:])
    centres = _centres(by_slot.max(axis=0), radius)
    index, _ = window_index(centres.clip(0), (width, heatmaps.shape[1]), np.arange(-radius, radius + 1))
    # outside the map the index is that of a pixel on its edge, perhaps of another place: harmless, as it is no maximum
    windows = by_slot.reshape(NUM_SLOTS, NUM_CORNERS, -1)[:, np.arange(NUM_CORNERS)[:, None, None], index]
    highest = windows.argmax(axis=-1)
    heights = np.take_along_axis(windows, highest[..., None], axis=-1)[..., 0]
    heights = np.where((centres >= 0) & (heights >= MIN_HEIGHT), heights.clip(0, 1), 0.0)

    position = np.zeros((NUM_CORNERS, MAX_PLACES, 2))
    corner, place = np.nonzero(centres >= 0)
    slot = heights[:, corner, place].argmax(axis=0)  # that sees most
    pixel = index[corner, place, highest[slot, corner, place]]
    position[corner, place], _ = refine_peaks(heatmaps, NUM_CORNERS * slot + corner, pixel, sigma)
    return Places(heights, position)


def _centres(strongest: np.ndarray, radius: int) -> np.ndarray:
    """Flat indices ``(C, J)`` of the highest local maxima of maps ``(C, H, W)``, highest first; -1 where there are
    fewer."""
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    flat = strongest.reshape(NUM_CORNERS, -1)
    dilated = np.stack([cv2.dilate(layer, window) for layer in strongest]).reshape(flat.shape)
    corner, pixel = np.nonzero((flat == dilated) & (flat > MIN_HEIGHT))
    order = np.lexsort((-flat[corner, pixel], corner))
    corner, pixel = corner[order], pixel[order]
    rank = np.arange(corner.size) - np.searchsorted(corner, corner)
    kept = rank < MAX_PLACES
    centres = np.full((NUM_CORNERS, MAX_PLACES), -1)
    centres[corner[kept], rank[kept]] = pixel[kept]
    return centres
