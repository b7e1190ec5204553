"""Bodies and discs stacked into a spine: from the steps between centres to the corners.

Patient frame as in ``geometry.py``; ``V`` vertebrae, caudal first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy import BL, BR, NUM_CORNERS, TL, TR
from .body_traits import BICONCAVE, BICONCAVE_WALL_SHARE, CRUSH, WEDGE, BodyTraits
from .step_statistics import (
    BODY_DEPTH,
    BODY_HEIGHT,
    BODY_WEDGE,
    DEPTH_SD,
    DISC_HEIGHT,
    DISC_SD,
    HEIGHT_SD,
    NOMINAL_STRETCH,
    STATURE_SD,
    STEP_DEGREES,
    WEDGE_SD,
    WEDGE_SHARE,
)

_DEPTH_BELOW = 1.03  # inferior over superior endplate: lumbar bodies are a little deeper below
_SACRUM_DEPTH_BELOW = (0.5, 0.8)  # the sacrum narrows
_SACRUM_SHIFT = (0.1, 0.1)  # mean and sd, of its depth: its lower edge lies behind its axis
_DISC_LOSS = 0.55  # of its height that a worn-out disc has lost
_MEAN_WEAR = 0.26  # of all discs: the mean height in the table is that of discs worn so far
_MOST_DISC = 0.48  # of the lower of the two bodies beside it: healthy lumbar discs are 0.35 to 0.45
_MIN_GAP = 1.8  # mm between facing endplates at either corner: discs are narrow but bodies never touch
_MAX_WEDGE = 14.0  # degrees between the endplates of a body without fracture


@dataclass(frozen=True)
class Sizes:
    """What stays while the angles are fitted.

    Attributes:
        superior, inferior: ``(V,)`` mm, depth of the endplates.
        height: ``(V,)`` mm, of the axis.
        disc: ``(V - 1,)`` mm.
        wedge: ``(V,)`` degrees, what the body's own form adds to the wedge that goes with the curve.
        sacral_shift: mm, by which the lower edge of S1 lies behind its axis.
    """

    superior: np.ndarray
    inferior: np.ndarray
    height: np.ndarray
    disc: np.ndarray
    wedge: np.ndarray
    sacral_shift: float


def sample_sizes(rng: np.random.Generator, traits: BodyTraits) -> Sizes:
    """Draw the sizes of bodies and discs; worn discs and fractured bodies are lower."""
    count = len(BODY_DEPTH)
    stature = np.exp(rng.normal(0, STATURE_SD))
    depth = BODY_DEPTH * stature * _varied(rng, DEPTH_SD, count)
    height = BODY_HEIGHT * stature * _varied(rng, HEIGHT_SD, count)
    worn = 1 - _DISC_LOSS * (traits.degeneration - _MEAN_WEAR)
    disc = DISC_HEIGHT * stature * worn * np.clip(_varied(rng, DISC_SD, count - 1), 0.5, 1.5)
    disc = np.minimum(disc, _MOST_DISC * np.minimum(height[:-1], height[1:]))
    inferior = _DEPTH_BELOW * depth
    inferior[0] = depth[0] * rng.uniform(*_SACRUM_DEPTH_BELOW)
    wedge = np.clip(rng.normal(0, WEDGE_SD, count), -2.5 * WEDGE_SD, 2.5 * WEDGE_SD)
    for index, kind in enumerate(traits.fracture):
        lost = traits.height_loss[index]
        if kind == WEDGE:  # the anterior wall is lower, the posterior one stands
            wedge[index] -= np.degrees(np.arctan2(lost * height[index], depth[index]))
        height[index] *= 1 - lost * {None: 0.0, WEDGE: 0.5, CRUSH: 1.0, BICONCAVE: BICONCAVE_WALL_SHARE}[kind]
    return Sizes(depth, inferior, height, disc, wedge, depth[0] * rng.normal(*_SACRUM_SHIFT))


def _varied(rng: np.random.Generator, sd: float, count: int) -> np.ndarray:
    return 1 + rng.normal(0, sd) + rng.normal(0, sd / 2, count)


def fit_tilts(steps: np.ndarray, sizes: Sizes, slip: np.ndarray) -> np.ndarray:
    """Tilts ``(V,)`` of the bodies whose stacked centres step as asked; the smoothest of the many that do."""
    tilt = _SMOOTHEST_TILTS @ steps
    for _ in range(3):  # a step is only nearly the mean of two tilts
        centers = stack(tilt, sizes, slip).mean(axis=1)
        step = centers[:-1] - centers[1:]
        tilt = tilt + _SMOOTHEST_TILTS @ (steps - np.degrees(np.arctan2(step[:, 0], step[:, 1])))
    return tilt


def _smoothest_tilts(count: int, roughness_cost: float = 0.15) -> np.ndarray:
    """Matrix ``(count, count - 1)`` from steps to tilts: least squares with a small price on second differences."""
    mean_of_neighbours = 0.5 * (np.eye(count - 1, count) + np.eye(count - 1, count, 1))
    second_difference = np.diff(np.eye(count), 2, axis=0)
    normal = mean_of_neighbours.T @ mean_of_neighbours + roughness_cost * second_difference.T @ second_difference
    return np.linalg.solve(normal, mean_of_neighbours.T)


def undistorted(image_degrees: np.ndarray) -> np.ndarray:
    """Angles on an image of the nominal stretch to angles in the patient."""
    return np.degrees(np.arctan(np.tan(np.radians(image_degrees)) / NOMINAL_STRETCH))


_SMOOTHEST_TILTS = _smoothest_tilts(len(BODY_DEPTH))
_USUAL_TILT = _SMOOTHEST_TILTS @ undistorted(STEP_DEGREES)


def stack(tilt: np.ndarray, sizes: Sizes, slip: np.ndarray) -> np.ndarray:
    """Put body on body: each posterior-inferior corner projects on the endplate below at exactly ``slip`` percent.

    Returns:
        Corners ``(V, 4, 2)`` mm, the superior endplate of the lowest vertebra centred at the origin.
    """
    superior_tilt, inferior_tilt = _endplate_tilts(tilt, sizes.wedge)
    down, back = directions(tilt)
    superior_down, superior_back = directions(superior_tilt)
    inferior_back = directions(inferior_tilt)[1]

    half_axis = 0.5 * sizes.height[:, None] * down
    half_superior = 0.5 * sizes.superior[:, None] * superior_back
    half_inferior = 0.5 * sizes.inferior[:, None] * inferior_back
    corners = np.empty((len(tilt), NUM_CORNERS, 2))
    corners[:, TL], corners[:, TR] = -half_axis - half_superior, -half_axis + half_superior
    corners[:, BL], corners[:, BR] = half_axis - half_inferior, half_axis + half_inferior
    corners[0, [BL, BR]] += sizes.sacral_shift * back[0]
    corners[0] -= corners[0, [TL, TR]].mean(axis=0)

    opening = np.radians(superior_tilt[:-1] - inferior_tilt[1:])  # of the disc, towards the front
    for upper in range(1, len(tilt)):
        lower, depth = upper - 1, sizes.inferior[upper]
        rise = depth * np.sin(opening[lower])  # of the anterior over the posterior corner
        behind = max(sizes.disc[lower] - 0.5 * rise, _MIN_GAP, _MIN_GAP - rise)
        place = corners[lower, TR] - behind * superior_down[lower]
        place = place - slip[lower] / 100 * sizes.superior[lower] * superior_back[lower]
        corners[upper] += place - corners[upper, BR]
    return corners


def _endplate_tilts(tilt: np.ndarray, own_wedge: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tilts of the superior and inferior endplates: the level's usual wedge, a share of the curve, the body's own."""
    curve = np.zeros(len(tilt))
    deviation = tilt - _USUAL_TILT
    curve[1:-1] = 0.5 * (deviation[:-2] - deviation[2:])  # more lordosis here than usual
    wedge = np.clip(BODY_WEDGE + WEDGE_SHARE * curve, -_MAX_WEDGE, _MAX_WEDGE) + own_wedge
    superior, inferior = tilt - 0.5 * wedge, tilt + 0.5 * wedge
    inferior[0] = tilt[0]
    return superior, inferior


def directions(degrees: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors down an axis of this tilt and backwards across it, each ``(..., 2)``."""
    angle = np.radians(degrees)
    return np.stack([np.sin(angle), np.cos(angle)], -1), np.stack([np.cos(angle), -np.sin(angle)], -1)


def gaps(corners: np.ndarray) -> np.ndarray:
    """Mean height ``(V - 1,)`` mm of each disc space."""
    return np.linalg.norm(corners[:-1, [TL, TR]].mean(axis=1) - corners[1:, [BL, BR]].mean(axis=1), axis=1)
