"""Random fields: cloudy tissue, streaks of muscle and vessels, trabeculae."""

from __future__ import annotations

import cv2
import numpy as np


def clouds(width: int, height: int, octaves: tuple[tuple[int, float], ...], rng: np.random.Generator) -> np.ndarray:
    """Smooth noise ``(height, width)``: the sum of octaves ``(cells across the image, weight)``."""
    noise = np.zeros((height, width), np.float32)
    for cells, weight in octaves:
        rows = max(round(cells * height / width), 2)
        coarse = np.float32(weight) * rng.standard_normal((rows, max(cells, 2)), dtype=np.float32)
        noise += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return noise


def streaks(
    width: int, height: int, length: float, breadth: float, degrees: float, rng: np.random.Generator
) -> np.ndarray:
    """Noise ``(height, width)`` of about unit variance, drawn out to ``length x breadth`` pixels along a direction."""
    reach = float(np.hypot(width, height))
    cells = (max(int(reach / length), 2) + 3, max(int(reach / breadth), 2) + 3)
    field = rng.standard_normal(cells[::-1], dtype=np.float32)
    angle = np.radians(degrees)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    # image pixel -> cell of the field, the field's centre at the image's
    matrix = np.stack([along / length, across / breadth])
    offset = 0.5 * (np.array(cells) - 1) - matrix @ (0.5 * np.array([width, height]))
    return cv2.warpAffine(
        field,
        np.column_stack([matrix, offset]).astype(np.float32),
        (width, height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )


def trabeculae(width: int, height: int, mm_per_pixel: float, rng: np.random.Generator) -> np.ndarray:
    """The texture of spongy bone ``(height, width)``: fine grain, mostly drawn out along the load, and patches."""
    fine = rng.standard_normal((height, width), dtype=np.float32)
    fine = cv2.GaussianBlur(fine, (0, 0), sigmaX=0.35 / mm_per_pixel, sigmaY=1.0 / mm_per_pixel)
    fine *= np.float32(1 / max(float(fine.std()), 1e-6))
    patches = clouds(width, height, ((28, 0.6), (60, 0.5)), rng)
    return np.clip(0.7 * fine + patches, -3, 3)


def bands(count: int, steps: int, low: float, rng: np.random.Generator) -> np.ndarray:
    """Shares ``(steps,)`` in [low, 1] that wander along a line: a cortex is not seen equally well everywhere."""
    knots = rng.uniform(low, 1, max(count, 2))
    return np.interp(np.linspace(0, len(knots) - 1, steps), np.arange(len(knots)), knots)
