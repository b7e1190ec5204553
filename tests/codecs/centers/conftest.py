"""Spines and the maps of a network that sees them exactly, drawn independently of the code that teaches networks."""

from collections.abc import Callable

import numpy as np
import pytest

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.codecs.gaussian_targets import draw_gaussians
from spondylo_mm.codecs.vertebra_centers import VertebraCenters

SIDE, CELLS, SIGMA = 512, 128, 1.5
TO_HEATMAP = (CELLS - 1) / (SIDE - 1)


@pytest.fixture(scope='session')
def codec() -> VertebraCenters:
    return VertebraCenters((SIDE, SIDE), (CELLS, CELLS), SIGMA)


@pytest.fixture(scope='session')
def straight() -> Callable:
    """``straight(count)``: vertebrae (count, 4, 2) in input pixels, 50 px wide, 28 px high, 38 px apart, upwards."""

    def spine(count: int) -> np.ndarray:
        body = np.array([[-25.0, -14.0], [25.0, -14.0], [-25.0, 14.0], [25.0, 14.0]])
        bend = 12 * np.sin(np.arange(count))
        return body + np.stack([256 + bend, 480 - 38.0 * np.arange(count)], axis=-1)[:, None]

    return spine


@pytest.fixture(scope='session')
def seen() -> Callable:
    """``seen(vertebrae, is_sacrum, height)``: maps (14, H, W) that show vertebrae (V, 4, 2), input pixels; the first
    is the sacrum, or none is; each with peaks of ``height`` (V,)."""

    def maps(vertebrae: np.ndarray, is_sacrum: bool = True, height: np.ndarray | float = 1.0) -> np.ndarray:
        corners = np.asarray(vertebrae) * TO_HEATMAP
        height = np.broadcast_to(np.asarray(height, dtype=float), len(corners))
        anchors = corners.mean(axis=1)
        if is_sacrum:
            anchors[0] = (corners[0, 0] + corners[0, 1]) / 2
        result = np.zeros((14, CELLS, CELLS), dtype=np.float32)

        def draw(points: np.ndarray, heights: np.ndarray) -> np.ndarray:
            return draw_gaussians(points, heights, (CELLS, CELLS), SIGMA).max(axis=0, initial=0.0)

        first = 1 if is_sacrum else 0
        result[0] = draw(anchors[first:], height[first:])
        if is_sacrum:
            result[1] = draw(anchors[:1], height[:1])
        for corner in range(4):
            result[2 + corner] = draw(corners[:, corner], height)
        y, x = np.mgrid[:CELLS, :CELLS]
        pixels = np.stack([x, y], axis=-1)
        nearest = np.linalg.norm(pixels[..., None, :] - anchors, axis=-1).argmin(axis=-1)
        offsets = corners[nearest] - pixels[..., None, :]
        result[6:] = offsets.reshape(CELLS, CELLS, 8).transpose(2, 0, 1)
        return result

    return maps
