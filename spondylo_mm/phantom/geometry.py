"""A lumbar spine in millimetres, sampled so that its projection has the step statistics of the real radiographs.

Patient frame: x towards the back, y down, origin at the centre of the superior endplate of S1. Angles are in degrees
from the vertical, positive where the lower end lies further back. The patient faces left here; ``view.py`` mirrors.

Vertebrae are listed caudal first. ``V`` is their number: all of ``LEVELS_TO_T5``, so that those above the field of view
exist too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy import BL, BR, LEVELS, NUM_CORNERS, TL, TR
from ..clinical.meyerding import GRADE_BOUNDS_PERCENT, NO_SLIP_PERCENT

LEVELS_TO_T5 = LEVELS + ('T8', 'T7', 'T6', 'T5')

# Steps from one centre to the next one down, as measured on the 501 squashed 640 px images of the BUU part of the
# dataset, bottom up from L5-S1; the last five are an extrapolation into the thoracic kyphosis, which no label shows.
STEP_DEGREES = np.array([39.6, 10.3, -6.0, -15.6, -18.7, -16.2, -12.0, -7.0, -1.0, 5.0, 10.0, 13.0, 15.0])
STEP_SD = np.array([14.9, 14.1, 13.1, 12.1, 12.1, 12.1, 11.0, 9.9])
# Their correlations on the same images: neighbours .68 .75 .77 .80 and step 1 with step 5 -.22 for the lumbar steps,
# the rest from the centres of the boxes, rounded so that the matrix is positive definite.
STEP_CORRELATION = np.array([
    [1.00, 0.68, 0.38, 0.02, -0.22, -0.40, -0.29, -0.20],
    [0.68, 1.00, 0.75, 0.39, 0.00, -0.22, -0.25, -0.30],
    [0.38, 0.75, 1.00, 0.77, 0.43, 0.15, -0.05, -0.20],
    [0.02, 0.39, 0.77, 1.00, 0.80, 0.59, 0.37, 0.10],
    [-0.22, 0.00, 0.43, 0.80, 1.00, 0.87, 0.75, 0.50],
    [-0.40, -0.22, 0.15, 0.59, 0.87, 1.00, 0.91, 0.69],
    [-0.29, -0.25, -0.05, 0.37, 0.75, 0.91, 1.00, 0.85],
    [-0.20, -0.30, -0.20, 0.10, 0.50, 0.69, 0.85, 1.00],
])  # yapf: disable
_STEP_MEMORY = 0.85  # correlation of the extrapolated steps with the one below, as between the topmost measured ones
NOMINAL_STRETCH = 1.47  # x against y on the squashed images: what makes the tight boxes as wide as the real ones

# Bodies and discs of an average adult, mm, bottom up from S1 and from the L5-S1 disc: about those of Panjabi et al.
# (Spine 1991;16:888-901, 1992;17:299-306) enlarged 1.1 times as on a radiograph, fitted to the real spacings and boxes.
BODY_DEPTH = np.array([34.5, 34.0, 34.0, 34.0, 33.5, 32.5, 31.5, 30.0, 28.5, 27.5, 26.5, 26.0, 25.0, 24.0])
BODY_HEIGHT = np.array([26.0, 25.5, 26.0, 26.5, 26.5, 26.0, 24.5, 23.0, 21.5, 20.5, 20.0, 19.5, 19.0, 18.5])
DISC_HEIGHT = np.array([9.5, 11.0, 10.5, 10.0, 8.8, 7.2, 5.8, 4.8, 4.4, 4.0, 3.8, 3.6, 3.4])
_STATURE_SD = 0.06  # relative
_DEPTH_SD, _HEIGHT_SD, _DISC_SD = 0.03, 0.03, 0.15  # relative, per level
_MIN_GAP = 1.8  # mm between facing endplates at either corner: discs are narrow but bodies never touch
_BODY_SHARE = 0.45  # of the lordosis between two levels is in the wedges of the bodies, the rest in the disc
_MAX_TILT = 62.0  # degrees; steeper, the lower edge of S1 would come to lie above the upper one
_MAX_WEDGE = 7.0  # degrees by which one endplate of a body may lean

# Slips, in % of the lower superior endplate. Over-represented against any clinic so that a few hundred images hold
# every grade.
SLIP_PROBABILITY = 0.30
RETRO_PROBABILITY = 0.06
GRADE_WEIGHTS = (0.48, 0.22, 0.13, 0.10, 0.07)  # Meyerding I to V
_MAX_SLIP = 120.0  # a vertebra further off would lie in front of the sacrum, not on it
_CLEAR_OF_BOUND = 1.0  # no slip is drawn this near to the next grade
_LUMBOSACRAL_SHARE = 0.6  # of the slips: at L5/S1, the others at L4/L5
_RETRO_RANGE = (-20.0, -NO_SLIP_PERCENT - _CLEAR_OF_BOUND)
_NORMAL_SLIP_SD, _NORMAL_SLIP_MAX = 1.5, NO_SLIP_PERCENT - _CLEAR_OF_BOUND  # walls are never perfectly in line
_MAX_DRAWS = 1000


@dataclass(frozen=True)
class Spine:
    """A spine in the patient frame.

    Attributes:
        corners: ``(V, 4, 2)`` mm, TL, TR, BL, BR for a patient who faces left: TL is anterior-superior.
        slip_percent: ``(V - 1,)``, of each vertebra but S1 on the one below it; + antero, - retro.
        tilt: ``(V,)`` degrees, of each body's axis.
    """

    corners: np.ndarray
    slip_percent: np.ndarray
    tilt: np.ndarray

    @property
    def centers(self) -> np.ndarray:
        """Mean corner of each vertebra, ``(V, 2)`` mm."""
        return self.corners.mean(axis=1)


@dataclass(frozen=True)
class _Sizes:
    """What stays while the angles are fitted: per level depth of the two endplates, height, and the disc below, mm."""

    superior: np.ndarray
    inferior: np.ndarray
    height: np.ndarray
    disc: np.ndarray
    sacral_shift: float  # how far the lower edge of S1 lies behind its axis


def sample_spine(rng: np.random.Generator) -> Spine:
    """Draw a spine whose bodies are convex and do not overlap.

    The steps between centres are drawn jointly, the bodies' tilts are the smoothest that give these steps, and then the
    slipped vertebra is moved, with everything above it, along the endplate it slips on.
    """
    for _ in range(_MAX_DRAWS):
        sizes = _sample_sizes(rng)
        normal_slip = np.clip(rng.normal(0, _NORMAL_SLIP_SD, len(DISC_HEIGHT)), -_NORMAL_SLIP_MAX, _NORMAL_SLIP_MAX)
        tilt = _fit_tilts(_sample_steps(rng), sizes, normal_slip)
        spine = _stack(tilt, sizes, _sample_slips(rng, normal_slip))
        if _is_anatomical(spine, sizes):
            return spine
    raise RuntimeError(f'no valid spine in {_MAX_DRAWS} draws: the geometry constants contradict each other')


def _sample_steps(rng: np.random.Generator) -> np.ndarray:
    """Step angles in mm space, ``(V - 1,)`` degrees."""
    covariance = STEP_CORRELATION * np.outer(STEP_SD, STEP_SD)
    deviation = list(rng.multivariate_normal(np.zeros(len(STEP_SD)), covariance, method='cholesky'))
    innovation_sd = STEP_SD[-1] * np.sqrt(1 - _STEP_MEMORY**2)
    while len(deviation) < len(STEP_DEGREES):
        deviation.append(_STEP_MEMORY * deviation[-1] + rng.normal(0, innovation_sd))
    on_image = np.radians(np.clip(STEP_DEGREES + deviation, -70, 70))
    return np.degrees(np.arctan(np.tan(on_image) / NOMINAL_STRETCH))


def _sample_sizes(rng: np.random.Generator) -> _Sizes:
    stature = np.exp(rng.normal(0, _STATURE_SD))
    depth = BODY_DEPTH * stature * (1 + rng.normal(0, _DEPTH_SD) + rng.normal(0, _DEPTH_SD / 2, len(BODY_DEPTH)))
    height = BODY_HEIGHT * stature * (1 + rng.normal(0, _HEIGHT_SD) + rng.normal(0, _HEIGHT_SD / 2, len(BODY_HEIGHT)))
    disc = DISC_HEIGHT * stature * np.clip(1 + rng.normal(0, _DISC_SD, len(DISC_HEIGHT)), 0.5, 1.5)
    inferior = depth * 1.03  # lumbar bodies are a little deeper below
    inferior[0] = depth[0] * rng.uniform(0.5, 0.8)  # the sacrum narrows
    return _Sizes(depth, inferior, height, disc, sacral_shift=depth[0] * rng.normal(0.1, 0.1))


def _sample_slips(rng: np.random.Generator, normal_slip: np.ndarray) -> np.ndarray:
    slip = normal_slip.copy()
    kind = rng.random()
    if kind < SLIP_PROBABILITY:
        grade = rng.choice(len(GRADE_WEIGHTS), p=GRADE_WEIGHTS)
        low, high = (NO_SLIP_PERCENT, *GRADE_BOUNDS_PERCENT, _MAX_SLIP)[grade : grade + 2]
        slip[int(rng.random() >= _LUMBOSACRAL_SHARE)] = rng.uniform(low + _CLEAR_OF_BOUND, high - _CLEAR_OF_BOUND)
    elif kind < SLIP_PROBABILITY + RETRO_PROBABILITY:
        slip[rng.integers(1, 3)] = rng.uniform(*_RETRO_RANGE)  # L4/L5 or L3/L4
    return slip


def _fit_tilts(steps: np.ndarray, sizes: _Sizes, slip: np.ndarray) -> np.ndarray:
    """Tilts ``(V,)`` of the bodies whose stacked centres step as asked; the smoothest of the many that do."""
    tilt = _SMOOTHEST_TILTS @ steps
    for _ in range(3):  # a step is only nearly the mean of two tilts
        realised = _step_degrees(_stack(tilt, sizes, slip).centers)
        tilt = tilt + _SMOOTHEST_TILTS @ (steps - realised)
    return tilt


def _smoothest_tilts(count: int, roughness_cost: float = 0.15) -> np.ndarray:
    """Matrix ``(count, count - 1)`` from steps to tilts: least squares with a small price on second differences."""
    mean_of_neighbours = 0.5 * (np.eye(count - 1, count) + np.eye(count - 1, count, 1))
    second_difference = np.diff(np.eye(count), 2, axis=0)
    normal = mean_of_neighbours.T @ mean_of_neighbours + roughness_cost * second_difference.T @ second_difference
    return np.linalg.solve(normal, mean_of_neighbours.T)


_SMOOTHEST_TILTS = _smoothest_tilts(len(LEVELS_TO_T5))


def _step_degrees(centers: np.ndarray) -> np.ndarray:
    step = centers[:-1] - centers[1:]
    return np.degrees(np.arctan2(step[:, 0], step[:, 1]))


def _directions(degrees: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors down an axis of this tilt and backwards across it, each ``(..., 2)``."""
    angle = np.radians(degrees)
    return np.stack([np.sin(angle), np.cos(angle)], -1), np.stack([np.cos(angle), -np.sin(angle)], -1)


def _stack(tilt: np.ndarray, sizes: _Sizes, slip: np.ndarray) -> Spine:
    """Put body on body: each posterior-inferior corner projects on the endplate below at exactly ``slip`` percent."""
    lean = np.clip(0.5 * _BODY_SHARE * np.diff(tilt), -_MAX_WEDGE, _MAX_WEDGE)
    superior_tilt = tilt + np.append(lean, 0.0)
    inferior_tilt = tilt - np.insert(lean, 0, 0.0)
    down, back = _directions(tilt)
    superior_down, superior_back = _directions(superior_tilt)
    inferior_back = _directions(inferior_tilt)[1]

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
    return Spine(corners, slip, tilt)


def _is_anatomical(spine: Spine, sizes: _Sizes) -> bool:
    """Each disc about as thick as drawn, no body on its back, every body convex."""
    top, bottom = spine.corners[:-1, [TL, TR]].mean(axis=1), spine.corners[1:, [BL, BR]].mean(axis=1)
    slipped = np.abs(spine.slip_percent) > _NORMAL_SLIP_MAX
    disc = np.linalg.norm(top - bottom, axis=1)
    outline = spine.corners[:, [TL, TR, BR, BL]]
    edge = np.roll(outline, -1, axis=1) - outline
    following = np.roll(edge, -1, axis=1)
    turn = edge[..., 0] * following[..., 1] - edge[..., 1] * following[..., 0]
    return bool(
        (turn > 0).all()
        and (np.abs(spine.tilt) < _MAX_TILT).all()
        and (slipped | (disc < 1.5 * sizes.disc + _MIN_GAP)).all()
    )
