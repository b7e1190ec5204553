"""From stored values to grey levels, and how large an image may be: what image files and DICOM have in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import InputError

# The largest detectors have about 4300 x 4300 pixels; three of them stitched to a full spine make 55 million. What
# claims to be larger is no radiograph, and is refused before its pixels are decoded into memory.
MAX_PIXELS = 64_000_000

# Three of them stitched are 12,900 pixels long. A strip that is longer still may have no more pixels than that, and yet
# be longer than image writers take, or enlarged for drawing need gigabytes.
MAX_SIDE = 20_000

# Smaller ones are icons and thumbnails, if not damaged: no vertebra would be seen on them.
MIN_SIDE = 16

# 12-bit data sits in 16-bit files at any offset; collimation borders and burnt-in letters are the darkest and brightest
# pixels. Half a per cent at either end is less than a border and more than a letter.
_WINDOW_PERCENTILES = (0.5, 99.5)


def check_size(path: Path, width: int, height: int) -> None:
    """Refuse what is too large or too small to be a radiograph.

    Raises:
        InputError: it is.
    """
    if width * height > MAX_PIXELS:
        raise InputError(
            f'{path}: {width}x{height} pixels are more than a radiograph has '
            f'({MAX_PIXELS // 1_000_000} million): crop or scale it down'
        )
    if max(width, height) > MAX_SIDE:
        raise InputError(
            f'{path}: {width}x{height} pixels: no radiograph has a side of more than {MAX_SIDE}: crop or scale it down'
        )
    if min(width, height) < MIN_SIDE:
        raise InputError(f'{path}: {width}x{height} pixels are too few for a radiograph: give the whole image')


def windowed(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values (H, W) of any type as uint8, ``low`` and what is below black, ``high`` and what is above white."""
    scaled = (values.astype(np.float32) - low) * (255 / max(high - low, 1e-6))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def windowed_by_percentiles(values: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
    """Values (H, W) of any type as uint8, the 0.5th percentile black and the 99.5th white; NaN counts as 0.

    Args:
        counts: (H, W) bool, the values that percentiles are taken of; None, or nowhere: all.
    """
    values = np.nan_to_num(values.astype(np.float32))
    counted = values[counts] if counts is not None and counts.any() else values
    low, high = np.percentile(counted, _WINDOW_PERCENTILES)
    if high <= low:  # nearly every pixel has one value: keep whatever contrast there is
        low, high = counted.min(), counted.max()
    return windowed(values, low, high)
