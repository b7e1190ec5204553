"""Vertebrae that the maps show, each by itself: an anchor, and the corners it points to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...anatomy import BL, NUM_CORNERS, TL, TR
from ..dark import window_index
from .layout import NUM_HEATMAPS, NUM_KINDS, SACRUM
from .peaks import Peaks, find_peaks

FLOOR = 0.05  # of an anchor's peak: below it there is no candidate at all
_CORNER_FLOOR = 0.1
_REACH = 0.4  # of the shorter side: a corner's peak so near to where the anchor points is this vertebra's
_FULL_HEIGHT = 0.5  # of a corner's peak: from here on it alone says where the corner is
_AROUND = np.arange(-1, 2)  # pixels around an anchor whose offsets are averaged


@dataclass(frozen=True)
class Candidates:
    """What may be vertebrae.

    Attributes:
        kind: ``(N,)`` ``layout.VERTEBRA`` or ``layout.SACRUM``.
        score: ``(N,)`` height of the anchor's peak, in [0, 1]. Maps are taught Gaussians of height 1, and 0 where there
            is nothing, by a loss that is least at 0.5 where there is a vertebra half of the time: 0.5 is the border.
        corners: ``(N, 4, 2)`` heatmap pixels.
        corner_scores: ``(N, 4)`` height of the corner's peak; of the corner's map where there is none nearby.
    """

    kind: np.ndarray
    score: np.ndarray
    corners: np.ndarray
    corner_scores: np.ndarray


def find_candidates(maps: np.ndarray, sigma: float) -> Candidates:
    """Candidates of the maps (14, H, W) of one image: probabilities, and offsets in heatmap pixels; what is not finite
    counts as 0."""
    maps = np.nan_to_num(maps.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    heatmaps, offsets = maps[:NUM_HEATMAPS], maps[NUM_HEATMAPS:]
    anchors = find_peaks(heatmaps[:NUM_KINDS], sigma, FLOOR)
    pointed = _pointed_corners(heatmaps, offsets, anchors)
    peaks = find_peaks(heatmaps[NUM_KINDS:], sigma, _CORNER_FLOOR)
    corners, scores = _snapped(pointed, anchors.map == SACRUM, peaks, heatmaps[NUM_KINDS:])
    return Candidates(anchors.map, anchors.height, corners, scores)


def _pointed_corners(heatmaps: np.ndarray, offsets: np.ndarray, anchors: Peaks) -> np.ndarray:
    """Corners (N, 4, 2) that the pixels around each anchor point to, weighted by their heights."""
    height, width = heatmaps.shape[1:]
    index, outside = window_index(anchors.pixel, (width, height), _AROUND)
    weights = np.where(outside, 0.0, heatmaps.reshape(NUM_HEATMAPS, -1)[anchors.map[:, None], index])
    weights = weights / weights.sum(axis=1, keepdims=True)  # the anchor itself is above the floor
    pixels = np.stack([index % width, index // width], axis=-1)  # (N, 9, 2)
    ways = offsets.reshape(NUM_CORNERS, 2, -1)[..., index].transpose(2, 3, 0, 1)  # (N, 9, 4, 2)
    return (weights[..., None, None] * (pixels[:, :, None] + ways)).sum(axis=1)


def _snapped(
    pointed: np.ndarray, is_sacrum: np.ndarray, peaks: Peaks, heatmaps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Corners moved to the peaks of their type nearby, the further the surer these are; and their scores."""
    size = np.array(heatmaps.shape[:0:-1])
    endplate = np.linalg.norm(pointed[:, TR] - pointed[:, TL], axis=-1)
    wall = np.linalg.norm(pointed[:, BL] - pointed[:, TL], axis=-1)
    reach = _REACH * np.where(is_sacrum, endplate, np.minimum(endplate, wall))  # a sacrum's lower end is uncertain
    reach = reach.clip(1.0, size.max() / 16)[:, None]
    corners = pointed.copy()
    pixels = np.round(pointed).clip(0, size - 1).astype(int)
    scores = heatmaps[np.arange(NUM_CORNERS), pixels[..., 1], pixels[..., 0]].astype(float)
    for corner in range(NUM_CORNERS):
        of_type = peaks.map == corner
        if not of_type.any():
            continue
        position, height = peaks.position[of_type], peaks.height[of_type]
        distance = np.linalg.norm(pointed[:, corner, None] - position, axis=-1)  # (N, peaks)
        fitness = np.where(distance <= reach, height * np.exp(-2 * (distance / reach) ** 2), 0.0)
        best = fitness.argmax(axis=1)
        is_near = fitness[np.arange(len(best)), best] > 0
        share = np.where(is_near, (height[best] / _FULL_HEIGHT).clip(max=1), 0.0)[:, None]
        corners[:, corner] += share * (position[best] - pointed[:, corner])
        scores[:, corner] = np.where(is_near, height[best], scores[:, corner])
    return corners, scores
