"""Ribs of both sides: back from the joint, round, and forwards and down across the bodies and the belly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .canvas import Canvas
from .geometry import Spine
from .noise import bands
from .parameters import draw, log_uniform, uniform
from .placing import Placed, behind, rounded

_REACH = (-18.0, 70.0, 190.0)  # mm that T12, T11 and higher ribs come forwards of the posterior wall


@dataclass(frozen=True)
class Ribs:
    """How the rib cage is seen."""

    density: float = log_uniform(0.8, 3.2, 'osteopenic to young; deep in the lung or behind the liver')
    steepness: float = uniform(0.25, 1.0, 'fall towards the front: inspiration to expiration, kyphosis')
    behind_mm: float = uniform(24, 48, 'how far the angle of the ribs lies behind the bodies')
    apart_mm: float = uniform(0, 14, 'between left and right ribs: magnification and rotation of the trunk')
    width_mm: float = uniform(6.5, 11.0, 'breadth of a rib')
    bow: float = uniform(0.7, 1.5, 'curvature of the forward course')


def draw_ribs(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """Add the ribs of every thoracic vertebra to ``canvas``."""
    ribs = draw(Ribs, rng)
    along = np.linspace(0, 1, 7)
    thoracic = [corners for level, corners in zip(spine.levels, spine.corners, strict=True) if level.startswith('T')]
    for number, corners in enumerate(thoracic):
        axes, wall = behind(corners)
        reach = _REACH[min(number, len(_REACH) - 1)] * rng.uniform(0.8, 1.1)
        for side in (-0.5, 0.5):
            place = Placed(axes, wall + side * ribs.apart_mm * np.array([1.0, 0.5]) + rng.normal(0, 1.5, 2))
            far = ribs.behind_mm + rng.normal(0, 2) + side * 0.5 * ribs.apart_mm
            fall = 38 + max(reach, 20) * ribs.steepness * along**ribs.bow
            forwards = np.column_stack([0.93 * far - (reach + 0.93 * far) * along**1.15, fall])
            bend = [(4, -4), (0.5 * far, 1), (0.85 * far, 10), (far, 22), (0.98 * far, 32)]
            curve = place(rounded(np.concatenate([bend, forwards]), closed=False))
            density = ribs.density * rng.uniform(0.8, 1.2)
            # A rib is a flat tube: dense where it turns into the ray at its angle, two thin lines along its course.
            across = ribs.width_mm * np.array([0.0, 1.0])
            for edge in (-0.5, 0.5):
                shares = bands(6, len(curve) - 1, 0.0, rng) * np.linspace(1, 0.05, len(curve) - 1) ** 1.5
                canvas.add_line(curve + edge * across, 0.13 * density, 1.2, 0.6, shares)
            turn = len(curve) // 2
            canvas.add_line(curve[:turn], 0.08 * density, 0.8 * ribs.width_mm, 0.9, bands(4, turn - 1, 0.2, rng))
            course = curve[turn // 2 :]
            canvas.add_line(course, 0.03 * density, 0.9 * ribs.width_mm, 0.7, np.linspace(1, 0.1, len(course) - 1))
