"""From attenuation to what the detector measures: heel effect, scatter, grid, blur, quantum and electronic noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .parameters import chance, draw, log_uniform, uniform

_AIR = 80.0  # exposure over that behind the bodies from which on a detector is saturated and nothing is told apart


@dataclass(frozen=True)
class Exposure:
    """Tube, grid and detector."""

    heel: float = uniform(-0.35, 0.35, 'loss of exposure from end to end of the field: anode heel and grid cut-off')
    heel_across: float = uniform(-0.2, 0.2, 'loss from side to side: a grid off centre')
    scatter: float = log_uniform(0.05, 0.9, 'scatter to primary behind the bodies: good grid to none')
    scatter_mm: float = uniform(15, 45, 'spread of the scatter')
    focal_mm: float = log_uniform(0.1, 0.5, 'blur by focal spot, motion and detector; 0.15 mm pixels at best')
    quantum: float = log_uniform(0.002, 0.02, 'relative noise behind the bodies per 0.5 mm square: generous to starved')
    electronic: float = log_uniform(0.0005, 0.006, 'noise of the reader, relative to the exposure behind the bodies')
    grain_px: float = uniform(0.3, 1.0, 'correlation of the noise: needle or powder phosphor, resampling')
    has_grid_lines: bool = chance(0.12, 'a stationary grid, its lines aliased by resampling')
    grid_period_px: float = uniform(2.2, 7.0, 'their distance after resampling')
    grid_depth: float = log_uniform(0.002, 0.02, 'their modulation')


def expose(attenuation: np.ndarray, mm_per_pixel: float, reference: float, rng: np.random.Generator) -> np.ndarray:
    """Exposure of the detector ``(H, W)`` float32, 1 where the attenuation is ``reference``, that of the bodies."""
    exposure = draw(Exposure, rng)
    height, width = attenuation.shape
    primary = np.exp(np.minimum(reference - attenuation, np.float32(np.log(_AIR))))
    y, x = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)[None]
    primary *= 1 + np.float32(exposure.heel) * y + np.float32(exposure.heel_across) * x
    # Scatter arises where there is tissue, and reaches further than any anatomy: an eighth of the resolution does.
    small = (max(width // 8, 1), max(height // 8, 1))
    source = cv2.resize(
        np.minimum(primary, 4) * np.minimum(attenuation / reference, 1), small, interpolation=cv2.INTER_AREA
    )
    veil = cv2.GaussianBlur(source, (0, 0), sigmaX=exposure.scatter_mm / (8 * mm_per_pixel))
    primary += np.float32(exposure.scatter) * cv2.resize(veil, (width, height), interpolation=cv2.INTER_LINEAR)
    measured = cv2.GaussianBlur(primary, (0, 0), sigmaX=max(exposure.focal_mm / mm_per_pixel, 0.15))
    if exposure.has_grid_lines:
        lines = np.cos(2 * np.pi / exposure.grid_period_px * np.arange(width) + rng.uniform(0, 2 * np.pi))
        measured *= 1 + np.float32(exposure.grid_depth) * lines.astype(np.float32)
    noise = cv2.GaussianBlur(rng.standard_normal((height, width), dtype=np.float32), (0, 0), sigmaX=exposure.grain_px)
    noise *= np.float32(2 * np.sqrt(np.pi) * max(exposure.grain_px, 0.3))  # what the blur took from its variance
    per_pixel = exposure.quantum * 0.5 / mm_per_pixel
    measured += noise * np.sqrt(np.float32(per_pixel**2) * measured + np.float32(exposure.electronic**2))
    return np.maximum(measured, 1e-3)
