"""Every peak of a few heatmaps, to a fraction of a pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..dark import refine_peaks

_NEIGHBOURS = np.ones((3, 3), dtype=np.uint8)
_MOST = 32  # peaks of one map: three times the vertebrae of a film; noise has many more


@dataclass(frozen=True)
class Peaks:
    """Peaks of all maps, the highest of each map first.

    Attributes:
        map: ``(N,)`` the map's index.
        pixel: ``(N,)`` flat index of the highest pixel.
        position: ``(N, 2)`` x, y in heatmap pixels.
        height: ``(N,)`` in [0, 1], of the Gaussian at its vertex: a peak between pixels is not lower than others.
    """

    map: np.ndarray
    pixel: np.ndarray
    position: np.ndarray
    height: np.ndarray


def find_peaks(heatmaps: np.ndarray, sigma: float, floor: float) -> Peaks:
    """Pixels of at least ``floor`` that none of their eight neighbours exceeds.

    Args:
        heatmaps: (C, H, W) float32, finite.
        sigma: of the Gaussians, heatmap pixels.
    """
    width = heatmaps.shape[2]
    maps, pixels = [], []
    for index, heatmap in enumerate(heatmaps):
        is_peak = (heatmap >= floor) & (heatmap == cv2.dilate(heatmap, _NEIGHBOURS))
        found = np.flatnonzero(is_peak)
        found = found[np.argsort(-heatmap.ravel()[found], kind='stable')[:_MOST]]
        maps.append(np.full(len(found), index))
        pixels.append(found)
    maps, pixels = np.concatenate(maps), np.concatenate(pixels)
    position, height = refine_peaks(heatmaps, maps, pixels, sigma)
    shift = position - np.stack([pixels % width, pixels // width], axis=-1)
    nearer = np.square(shift).sum(axis=-1).clip(max=0.5)  # no vertex is further from its highest pixel
    return Peaks(maps, pixels, position, (height * np.exp(nearer / (2 * sigma**2))).clip(0, 1))
