"""What is not bone: the trunk with its skin line, lungs above the diaphragm, bowel gas, and the texture of it all."""

from __future__ import annotations

import cv2
import numpy as np

from ..anatomy import LEVELS, TL, TR
from .canvas import Canvas
from .geometry import Spine

_WATER_PER_MM = 0.020  # attenuation of soft tissue at the 80-90 kVp of a lateral lumbar radiograph
_COARSE = 2  # nothing here has fine detail: half the resolution is enough
_LUNG_BASE = LEVELS.index('T12')  # the lungs reach down to about its top behind

# Outline of the trunk by height over the sacral endplate (y, mm): how far the skin of the back lies behind the spine,
# how far that of the belly before it, how broad the trunk is along the ray.
_TRUNK_Y = np.array([-420.0, -300.0, -200.0, -120.0, -50.0, 20.0, 90.0, 170.0, 300.0])
_TRUNK_BACK = np.array([72.0, 66.0, 62.0, 66.0, 74.0, 78.0, 95.0, 110.0, 100.0])
_TRUNK_FRONT = np.array([135.0, 150.0, 145.0, 140.0, 150.0, 155.0, 140.0, 120.0, 100.0])
_TRUNK_BREADTH = np.array([290.0, 290.0, 275.0, 262.0, 285.0, 320.0, 335.0, 325.0, 300.0])


def draw_soft_tissue(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """Add trunk, lungs and bowel gas to ``canvas``; gas and lungs take away."""
    view = canvas.view
    width, height = -(-view.width // _COARSE), -(-view.height // _COARSE)
    x, y = np.meshgrid(np.arange(width) * _COARSE, np.arange(height) * _COARSE)
    mm = view.to_mm(np.stack([x, y], -1).astype(float)).astype(np.float32)
    trunk = _trunk(mm, spine, rng)
    lungs = _lungs(mm, spine, rng)
    gas = _bowel_gas(mm, rng)
    texture = 1 + 0.04 * _clouds(width, height, rng)
    tissue = trunk * texture * (1 - lungs) - np.minimum(gas, 0.45 * trunk)
    # Coarse pixel i stands for pixel _COARSE * i: no half pixel shift, so no cv2.resize.
    shift = np.array([[_COARSE, 0, 0], [0, _COARSE, 0]], np.float32)
    canvas.attenuation += cv2.warpAffine(
        tissue.astype(np.float32),
        shift,
        (view.width, view.height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _trunk(mm: np.ndarray, spine: Spine, rng: np.random.Generator) -> np.ndarray:
    """Attenuation ``(h, w)`` of a trunk of elliptical section that follows the spine."""
    girth, breadth = rng.uniform(0.8, 1.35), rng.uniform(0.88, 1.15)
    grid = np.arange(-450.0, 320.0, 5.0)
    centers = spine.centers[np.argsort(spine.centers[:, 1])]
    # A slipped column does not carry the skin with it as far: smooth over 60 mm.
    middle = _smoothed(np.interp(grid, centers[:, 1], centers[:, 0]), 12)
    wobble = rng.normal(0, 5, len(_TRUNK_Y))
    back = middle + _smoothed(np.interp(grid, _TRUNK_Y, _TRUNK_BACK * rng.uniform(0.88, 1.2) + wobble), 6)
    front = middle - girth * _smoothed(np.interp(grid, _TRUNK_Y, _TRUNK_FRONT + 2 * wobble), 6)
    thick = breadth * _smoothed(np.interp(grid, _TRUNK_Y, _TRUNK_BREADTH), 6)
    row = (mm[..., 1] - grid[0]) / 5.0
    row = np.clip(row, 0, len(grid) - 2)
    index = row.astype(np.int32)
    part = row - index

    def at(values: np.ndarray) -> np.ndarray:
        values = values.astype(np.float32)
        return values[index] * (1 - part) + values[index + 1] * part

    back, front = at(back), at(front)
    across = (mm[..., 0] - front) / (back - front) * 2 - 1
    section = np.clip(1 - np.abs(across) ** 2.3, 0, 1)
    return _WATER_PER_MM * at(thick) * np.sqrt(section)


def _smoothed(values: np.ndarray, steps: int) -> np.ndarray:
    kernel = np.hanning(2 * steps + 3)
    padded = np.pad(values, steps + 1, mode='edge')
    return np.convolve(padded, kernel / kernel.sum(), mode='valid')


def _lungs(mm: np.ndarray, spine: Spine, rng: np.random.Generator) -> np.ndarray:
    """Share ``(h, w)`` of the trunk along the ray that is air: above two diaphragms that fall towards the back."""
    air = np.zeros(mm.shape[:2], np.float32)
    base = 0.5 * (spine.corners[_LUNG_BASE, TL] + spine.corners[_LUNG_BASE, TR]) + rng.normal(0, [0, 22])
    slope, bow = rng.uniform(0.2, 0.7), rng.uniform(0.0015, 0.004)
    for _ in range(2):
        dx = mm[..., 0] - base[0]
        dome = base[1] + rng.normal(0, 5) + slope * dx + bow * np.square(np.minimum(dx + 20, 0))
        air += 0.16 / (1 + np.exp(np.clip((mm[..., 1] - dome) / 2.0, -30, 30)))
    return air


def _bowel_gas(mm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Attenuation ``(h, w)`` to take away: bubbles in the belly, in clusters, and sometimes in the rectum."""
    gas = np.zeros(mm.shape[:2], np.float32)
    bubbles = []
    for _ in range(rng.integers(2, 8)):
        cluster = rng.uniform([-150, -190], [-30, 40])
        for _ in range(rng.integers(2, 9)):
            bubbles.append((cluster + rng.normal(0, 16, 2), rng.uniform(4, 17, 2), rng.uniform(0.1, 1.0)))
    if rng.random() < 0.6:
        bubbles.append((np.array([15, 75]) + rng.normal(0, 10, 2), rng.uniform(10, 24, 2), rng.uniform(0.4, 1.0)))
    x, y = mm[..., 0], mm[..., 1]
    for center, radii, depth in bubbles:
        angle = rng.uniform(0, np.pi)
        reach = 1.5 * radii.max()
        near = (np.abs(x - center[0]) < reach) & (np.abs(y - center[1]) < reach)
        dx, dy = x[near] - center[0], y[near] - center[1]
        along = (dx * np.cos(angle) + dy * np.sin(angle)) / radii[0]
        across = (dy * np.cos(angle) - dx * np.sin(angle)) / radii[1]
        lobes = 1 + 0.15 * np.sin(3 * np.arctan2(across, along) + angle)
        gas[near] += depth * np.sqrt(np.clip(1 - (along**2 + across**2) * lobes, 0, 1))
    return gas


def _clouds(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise ``(height, width)`` of about unit variance, in three octaves."""
    noise = np.zeros((height, width), np.float32)
    for cells, weight in ((5, 0.8), (14, 0.35), (50, 0.2)):
        coarse = rng.standard_normal((cells, cells), dtype=np.float32)
        noise += weight * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return noise
