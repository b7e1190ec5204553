"""A measured value with its uncertainty, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Z95 = 1.96  # half the width of a normal distribution's central 95 %, in standard deviations

# Step of the numerical derivative in shares of the points' extent: the error of a central difference goes with its
# square, that of rounding with its inverse.
_STEP = 1e-5


@dataclass(frozen=True)
class Measure:
    """One value read from corners.

    Attributes:
        value: in the unit of what was measured; None where it could not be.
        sd: its standard deviation, where the corners' are known.
        interval: 95 % interval (low, high), likewise; cut where the quantity's limits are.
        reason: why there is no value; None where there is one.
    """

    value: float | None = None
    sd: float | None = None
    interval: tuple[float, float] | None = None
    reason: str | None = None


def absent(reason: str) -> Measure:
    """No value, and why."""
    return Measure(reason=reason)


def measure(
    quantity: Callable[[np.ndarray], np.ndarray],
    points: np.ndarray,
    sd: np.ndarray | None,
    limits: tuple[float, float],
    unit: str,
    beyond: str = 'a corner is wrong',
) -> Measure:
    """Apply a formula to points and carry their uncertainty through it.

    Args:
        quantity: from points (..., M, 2) to values (...).
        points: (M, 2), finite.
        sd: (M, 2) standard deviations of the points along x and y, errors of different points being independent; None,
            or not finite, where they are not known.
        limits: (low, high) beyond which no patient's value lies. A value beyond them tells of wrong corners and is
            absent: a wrong number is worse than none.
        unit: for the reason, such as ``' %'``.
        beyond: what a value beyond the limits means.

    Returns:
        The value; its standard deviation to first order (the gradient times the points' deviations) and from it a
        normal 95 % interval. First order holds while the deviations are small against the distances between the points.
    """
    with np.errstate(divide='ignore', invalid='ignore'):
        value = float(quantity(points))
    low, high = limits
    if not low <= value <= high:  # nor is NaN
        return absent(f'{value:.3g}{unit} is beyond what is possible ({low:g} to {high:g}): {beyond}')
    if sd is None or not np.isfinite(sd).all():
        return Measure(value)
    spread = float(np.linalg.norm(_gradient(quantity, points) * sd))
    return Measure(value, spread, (max(low, value - Z95 * spread), min(high, value + Z95 * spread)))


def _gradient(quantity: Callable[[np.ndarray], np.ndarray], points: np.ndarray) -> np.ndarray:
    """Derivative (M, 2) of a quantity by each coordinate, by central differences."""
    step = _STEP * np.ptp(points, axis=0).max()
    moves = step * np.eye(points.size).reshape(-1, *points.shape)
    return ((quantity(points + moves) - quantity(points - moves)) / (2 * step)).reshape(points.shape)
