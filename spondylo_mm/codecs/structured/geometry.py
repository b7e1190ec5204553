"""How one vertebra lies to another and how it is shaped, in numbers that no stretching of the image changes.

Training images are squashed to a square, each by another factor, and every network input is. So lengths are measured in
the vertebra's own frame: its endplate vector e (mean of the two endplates, left to right) and its axis x (from the
middle of the inferior to that of the superior endplate).

All corners are TL, TR, BL, BR in any pixels; ``...`` are leading axes that broadcast.
"""

from __future__ import annotations

import numpy as np

from ...anatomy import BL, BR, TL, TR

# What becomes of each feature in the mirrored image (a patient who faces the other way).
SHAPE_MIRRORED = np.array([-1.0, -1.0, 1.0, -1.0])
LINK_MIRRORED = np.array([-1.0, 1.0, 1.0, -1.0, -1.0, 1.0])

_DEGENERATE = 100.0  # in body sizes and radians: what a quadrilateral without area gets, far from any vertebra


def shape_features(corners: np.ndarray) -> np.ndarray:
    """Direction and shape of vertebrae ``(..., 4, 2)``: ``(..., 4)``.

    Tilt of the endplates and of the axis against the image, as angles after the vertebra was stretched to be as high as
    wide; taper, by which the inferior endplate is longer than the superior one, in endplates; and wedge, by which the
    right wall is higher than the left one, in walls. The last two are those of a body: a sacrum narrows downwards.
    """
    endplate, axis, _ = _frame(corners)
    difference = (corners[..., BR, :] - corners[..., BL, :]) - (corners[..., TR, :] - corners[..., TL, :])
    taper, wedge = _in_frame(endplate, axis, difference)
    tilt = np.arctan2(endplate[..., 1], -axis[..., 1])
    lean = np.arctan2(axis[..., 0], endplate[..., 0])
    return np.stack([tilt, lean, taper, -wedge], axis=-1)


def link_features(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Where ``upper`` ``(..., 4, 2)`` lies as seen from ``lower`` ``(..., 4, 2)``: ``(..., 6)``.

    The step between the centres along the lower one's endplate and axis, in its endplates and axes; then the 2 x 2
    matrix, row by row, that takes the lower one's endplate and axis to the upper one's: relative size on its diagonal,
    turn beside it.
    """
    endplate, axis, centre = _frame(lower)
    upper_endplate, upper_axis, upper_centre = _frame(upper)
    across, along = _in_frame(endplate, axis, upper_centre - centre)
    ee, xe = _in_frame(endplate, axis, upper_endplate)
    ex, xx = _in_frame(endplate, axis, upper_axis)
    return np.stack([across, along, ee, ex, xe, xx], axis=-1)


def spacing(link: np.ndarray) -> np.ndarray:
    """Distance of centres along the axis ``(...)`` from link features ``(..., 6)``, in mean heights of the two.

    Of both, so that a collapsed vertebra does not look like a missing one.
    """
    return 2 * link[..., 1] / np.maximum(1 + link[..., 5], 0.1)


def _frame(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Endplate, axis and centre, ``(..., 2)`` each."""
    tl, tr, bl, br = (corners[..., corner, :] for corner in (TL, TR, BL, BR))
    return (tr + br - tl - bl) / 2, (tl + tr - bl - br) / 2, (tl + tr + bl + br) / 4


def _in_frame(endplate: np.ndarray, axis: np.ndarray, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Components ``(...)`` of a vector along endplate and axis."""
    area = _cross(endplate, axis)  # negative for a vertebra: y points down
    is_sound = area < -1e-6
    area = np.where(is_sound, area, -1.0)
    return (
        np.where(is_sound, (_cross(vector, axis) / area), _DEGENERATE).clip(-_DEGENERATE, _DEGENERATE),
        np.where(is_sound, (_cross(endplate, vector) / area), _DEGENERATE).clip(-_DEGENERATE, _DEGENERATE),
    )


def _cross(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]
