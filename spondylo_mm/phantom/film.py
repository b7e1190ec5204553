"""From attenuation to a grey image: exposure with scatter and noise, film response, collimation, side marker."""

from __future__ import annotations

import cv2
import numpy as np

from .view import View

_SCATTER_MM = 25.0  # how broad the veil of scattered radiation is
_MARKER_TEXTS = ('L', 'R', 'LT', 'RT', 'LT.', 'RT.')


def expose(attenuation: np.ndarray, mm_per_pixel: float, reference: float, rng: np.random.Generator) -> np.ndarray:
    """Grey image ``(H, W)`` in [0, 1], bright where much is absorbed.

    Args:
        attenuation: ``(H, W)`` float32.
        mm_per_pixel: For the widths of blur and scatter.
        reference: Attenuation of the lumbar bodies, which the film is exposed for.
        rng: Source of the exposure's settings and of the noise.
    """
    primary = np.exp(reference - attenuation)
    # Scatter: a broad veil that costs contrast where the patient is thick.
    height, width = primary.shape
    coarse = cv2.resize(np.minimum(primary, 20), (width // 8, height // 8), interpolation=cv2.INTER_AREA)
    veil = cv2.GaussianBlur(coarse, (0, 0), sigmaX=_SCATTER_MM / (8 * mm_per_pixel))
    exposure = primary + rng.uniform(0.05, 0.25) * cv2.resize(np.minimum(veil, 2), (width, height))
    sigma = rng.uniform(0.25, 0.6) / mm_per_pixel  # focal spot and screen, 0.25-0.6 mm
    exposure = cv2.GaussianBlur(exposure, (0, 0), sigmaX=sigma)
    exposure = _with_quantum_noise(exposure, rng.uniform(0.01, 0.035), rng)
    density = -np.log(np.maximum(exposure, 1e-4))

    sharpen = rng.uniform(0, 1.2)
    if sharpen > 0.2:  # the edge enhancement of digital systems, over 2 mm
        density += sharpen * (density - cv2.GaussianBlur(density, (0, 0), sigmaX=2 / mm_per_pixel))
    # Film response: a sigmoid about the bodies, whose latitude and centre vary with exposure and development.
    latitude, centre = rng.uniform(1.0, 1.7), rng.uniform(-0.3, 0.9)
    grey = 1 / (1 + np.exp(-(density - centre) / latitude))
    darkest = 1 / (1 + np.exp((6 + centre) / latitude))
    return np.clip((grey - darkest) / (1 - darkest), 0, 1) ** rng.uniform(0.9, 1.3)


def _with_quantum_noise(exposure: np.ndarray, relative: float, rng: np.random.Generator) -> np.ndarray:
    """Noise whose variance is the exposure, ``relative`` where it is 1, correlated as by a screen."""
    noise = rng.standard_normal(exposure.shape, dtype=np.float32)
    noise = 1.8 * cv2.GaussianBlur(noise, (0, 0), sigmaX=0.6)
    return np.maximum(exposure + relative * np.sqrt(exposure) * noise, 1e-4)


def collimate(grey: np.ndarray, keep: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Black out what the collimator covers, on random sides, never within ``keep``.

    Args:
        grey: ``(H, W)`` in [0, 1].
        keep: left, top, right, bottom of what must stay in view, px.
    """
    height, width = grey.shape
    x, y = np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
    penumbra = rng.uniform(1, 0.02 * width) if rng.random() < 0.5 else 1.0
    sides = (
        (x, y, keep[0], 0.35),
        (y, x, keep[1], 0.2),
        (width - 1 - x, y, width - keep[2], 0.35),
        (height - 1 - y, x, height - keep[3], 0.35),
    )
    for inwards, along, room, probability in sides:
        if rng.random() < probability:
            edge = rng.uniform(0, 0.8) * room
            slant = rng.normal(0, 0.006) * edge / max(room, 1)
            grey = grey * np.clip((inwards - edge - slant * along) / penumbra + 0.5, 0, 1)
    return grey


def stamp_marker(grey: np.ndarray, view: View, keep: np.ndarray, rng: np.random.Generator) -> None:
    """Write a side marker into ``grey``, outside ``keep``: white letters or black on a white plate, some mirrored."""
    text = _MARKER_TEXTS[rng.integers(len(_MARKER_TEXTS))]
    size_mm, plate, mirrored = rng.uniform(9, 16), rng.random() < 0.5, rng.random() < 0.25
    font, scale, thickness = cv2.FONT_HERSHEY_SIMPLEX, 1.5, 4
    (text_width, text_height), _ = cv2.getTextSize(text, font, scale, thickness)
    patch = np.full((text_height + 24, text_width + 24), 255 if plate else 0, np.uint8)
    cv2.putText(patch, text, (12, text_height + 12), font, scale, 0 if plate else 255, thickness, cv2.LINE_AA)
    if mirrored:
        patch = patch[:, ::-1]
    spacing_x, spacing_y = view.spacing  # a squashed radiograph has squashed letters
    per_unit = size_mm / text_height
    shape = (max(round(patch.shape[1] * per_unit / spacing_x), 3), max(round(patch.shape[0] * per_unit / spacing_y), 3))
    patch = cv2.resize(patch, shape, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    width, height = shape
    for _ in range(20):
        x, y = rng.integers(0, max(view.width - width, 1)), rng.integers(0, max(view.height - height, 1))
        if x + width < keep[0] or x > keep[2] or y + height < keep[1] or y > keep[3]:
            area = grey[y : y + height, x : x + width]
            letters = 0.97 * patch[: area.shape[0], : area.shape[1]]
            area[:] = letters if plate else np.maximum(area, letters)
            return
