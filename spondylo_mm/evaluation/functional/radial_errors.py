"""Radial error: the distance from a predicted corner to the true one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# The published baselines are measured on images of 512 x 512; errors of any image are brought to that size.
REFERENCE_SIZE = 512.0


def reference_scale(size: Sequence[float]) -> float:
    """Factor from pixels of an image of ``size`` (width, height) to px@512."""
    return REFERENCE_SIZE / max(size)


def radial_errors(
    predicted: np.ndarray, true: np.ndarray, size: Sequence[float], spacing: Sequence[float] = (1.0, 1.0)
) -> np.ndarray:
    """Distances between predicted and true corners in image pixels, or in mm with a ``spacing``.

    A predicted corner that is NaN or infinite has the image's diagonal as its error: the greatest that a prediction
    inside the image can have. It is a miss at every radius and can only raise a mean; leaving it out would lower it.

    Args:
        predicted, true: (..., 2) image pixels, of shapes that broadcast.
        size: (width, height) of the image in pixels.
        spacing: mm per pixel in x and y.

    Returns:
        (...) distances; NaN where the *true* corner is NaN, that is, not labelled.
    """
    scale = np.asarray(spacing, dtype=float)
    vectors = (np.asarray(predicted, dtype=float) - np.asarray(true, dtype=float)) * scale
    errors = np.hypot(vectors[..., 0], vectors[..., 1])
    invalid = ~np.isfinite(predicted).all(axis=-1)
    errors = np.where(invalid, np.hypot(*(np.asarray(size, dtype=float) * scale)), errors)
    return np.where(np.isnan(true).any(axis=-1), np.nan, errors)
