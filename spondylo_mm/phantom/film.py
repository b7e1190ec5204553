"""From the detector's exposure to a grey image: processing as CR and DR units do it, window and level, collimation."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .parameters import chance, draw, log_uniform, uniform


@dataclass(frozen=True)
class Processing:
    """Settings of the unit and of whoever exported the image."""

    fine_gain: float = log_uniform(0.15, 2.2, 'unsharp masking over 1-2 mm: off to harsh')
    fine_mm: float = uniform(0.8, 2.5, 'its width')
    medium_gain: float = log_uniform(0.25, 2.0, 'contrast of structures of 5-12 mm, multi-scale processing')
    medium_mm: float = uniform(4, 12, 'their size')
    equalised: float = uniform(0.1, 0.8, 'share of the large-scale differences taken out: tissue compensation')
    equalised_mm: float = uniform(30, 80, 'what is large-scale')
    latitude: float = log_uniform(1.15, 3.1, 'half the range of log exposure from black to white: contrast')
    level: float = uniform(0.27, 0.64, 'grey of the bodies: some films are dark, few are bright')
    sigmoid: float = uniform(0.0, 1.0, 'from a straight line with clipped ends to a film-like S curve')
    gamma: float = uniform(0.75, 1.35, 'of the display the export was made for')
    black: float = uniform(0.85, 1.05, 'share of the grey of open air that is taken off: archives show it black')
    has_clahe: bool = chance(0.12, 'adaptive histogram equalisation, as screenshots of viewers show it')
    clahe_limit: float = uniform(1.0, 3.0, 'its clip limit')
    is_inverted: bool = chance(0.02, 'some archives hold raw polarity: bone black')


def develop(
    exposure: np.ndarray, mm_per_pixel: float, bodies: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, bool]:
    """Grey ``(H, W)`` in [0, 1], bright where much is absorbed, and whether it is to be inverted in the end.

    Args:
        exposure: ``(H, W)`` float32, positive.
        mm_per_pixel: For the widths of the filters.
        bodies: ``(N, 2)`` px (column, row) of places in the vertebral bodies, for which the unit sets the level.
        rng: Source of its settings.
    """
    processing = draw(Processing, rng)
    density = -np.log(exposure)
    fine = cv2.GaussianBlur(density, (0, 0), sigmaX=processing.fine_mm / mm_per_pixel)
    medium = _blurred_coarsely(density, processing.medium_mm / mm_per_pixel, 4)
    large = _blurred_coarsely(density, processing.equalised_mm / mm_per_pixel, 8)
    result = density + np.float32(processing.fine_gain) * (density - fine)
    result += np.float32(processing.medium_gain) * (fine - medium)
    result -= np.float32(processing.equalised) * large

    typical = float(np.median(result[bodies[:, 1], bodies[:, 0]]))
    straight = processing.level + (result - typical) / (2 * processing.latitude)
    # The S curve has the same slope where the bodies are, and ends at black and white.
    odds = np.log(processing.level / (1 - processing.level))
    steepness = 1 / (2 * processing.latitude * processing.level * (1 - processing.level))
    curved = 1 / (1 + np.exp(-np.clip(odds + steepness * (result - typical), -30, 30)))
    share = np.float32(processing.sigmoid)
    grey = share * curved + (1 - share) * np.clip(straight, 0, 1)
    darkest = np.float32(processing.black) * np.percentile(grey[::4, ::4], 0.5)
    grey = np.clip((grey - darkest) / (1 - darkest), 0, 1) ** np.float32(processing.gamma)
    if processing.has_clahe:
        equaliser = cv2.createCLAHE(processing.clahe_limit, (8, 8))
        grey = equaliser.apply(np.round(255 * grey).astype(np.uint8)).astype(np.float32) / np.float32(255)
    return np.clip(grey, 0, 1), processing.is_inverted


def _blurred_coarsely(image: np.ndarray, sigma: float, factor: int) -> np.ndarray:
    """A Gaussian blur so broad that it is done at a fraction of the resolution."""
    height, width = image.shape
    small = cv2.resize(image, (max(width // factor, 1), max(height // factor, 1)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigmaX=max(sigma / factor, 0.3))
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


@dataclass(frozen=True)
class Collimation:
    """Lead shutters and the frame of the export."""

    side: float = uniform(0.1, 0.6, 'chance that the shutter before or behind the patient is in the image')
    top: float = uniform(0.05, 0.35, 'the same of the upper one')
    bottom: float = uniform(0.1, 0.45, 'the same of the lower one')
    penumbra: float = log_uniform(0.002, 0.03, 'width of its edge, shares of the image')
    slant_degrees: float = uniform(-2.5, 2.5, 'of the tube head against the detector')
    leak: float = log_uniform(0.001, 0.02, 'grey under the shutters: scatter that the unit did not mask')
    has_frame: bool = chance(0.35, 'a line of black or white along an edge, left by cropping or scanning')


def collimate(grey: np.ndarray, keep: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Black out what the collimator covers, on random sides, never within ``keep``.

    Args:
        grey: ``(H, W)`` in [0, 1].
        keep: left, top, right, bottom of what must stay in view, px.
    """
    collimation = draw(Collimation, rng)
    height, width = grey.shape
    x, y = np.arange(width, dtype=np.float32)[None], np.arange(height, dtype=np.float32)[:, None]
    tangent = np.tan(np.radians(collimation.slant_degrees))
    sides = (
        (x, y - height / 2, keep[0], height, collimation.side),
        (y, x - width / 2, keep[1], width, collimation.top),
        (width - 1 - x, height / 2 - y, width - keep[2], height, collimation.side),
        (height - 1 - y, width / 2 - x, height - keep[3], width, collimation.bottom),
    )
    shadow = 1 - collimation.leak * rng.uniform(0, 1)
    for inwards, along, room, length, probability in sides:
        edge, falls = rng.uniform(0, 0.9) * room - abs(tangent) * length / 2, rng.random() < probability
        if falls and edge > 2:
            penumbra = max(min(collimation.penumbra * width, room - edge), 1)
            open_share = np.clip((inwards - edge - tangent * along) / penumbra + 0.5, 0, 1)
            grey = grey * (1 - np.float32(shadow) * (1 - open_share))
    if collimation.has_frame:
        _frame(grey, keep, rng)
    return grey


def _frame(grey: np.ndarray, keep: np.ndarray, rng: np.random.Generator) -> None:
    """Write one or two lines of even grey along edges that are clear of ``keep``."""
    height, width = grey.shape
    for _ in range(rng.integers(1, 3)):
        depth, value = int(rng.integers(1, 5)), rng.choice([0.0, 0.0, 0.5, 1.0])
        side = rng.integers(4)
        if side == 0 and keep[0] > depth:
            grey[:, :depth] = value
        elif side == 1 and keep[2] < width - depth:
            grey[:, width - depth :] = value
        elif side == 2 and keep[3] < height - depth:
            grey[height - depth :] = value
        elif side == 3 and keep[1] > depth:
            grey[:depth] = value
