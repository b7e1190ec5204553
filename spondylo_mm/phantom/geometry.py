"""A lumbar spine in millimetres, sampled so that its projection has the step statistics of the real radiographs.

Patient frame: x towards the back, y down, origin at the centre of the superior endplate of S1. Angles are in degrees
from the vertical, positive where the lower end lies further back. The patient faces left here; ``view.py`` mirrors.

Vertebrae are listed caudal first. ``V`` is their number: all up to the mid-thoracic spine, so that those above the
field of view exist too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy import BL, BR, LEVELS, TL, TR
from ..clinical.meyerding import GRADE_BOUNDS_PERCENT, NO_ANTEROLISTHESIS_PERCENT, NO_RETROLISTHESIS_PERCENT
from .body_traits import BodyTraits, sample_traits
from .stacking import Sizes, fit_tilts, gaps, sample_sizes, stack, undistorted
from .step_statistics import DISC_HEIGHT, STEP_CORRELATION, STEP_DEGREES, STEP_MEMORY, STEP_SD

LEVELS_TO_T5 = LEVELS + ('T8', 'T7', 'T6', 'T5')

# Lumbosacral transition: the complete forms only, which change the count on a lateral view. All forms together are 4 to
# 30 % of people (Konin & Walz, AJNR 2010;31:1778-86), most of them incomplete.
L6, SACRALISED_L5 = 'L6', 'sacralised L5'
TRANSITION_PROBABILITY = {L6: 0.03, SACRALISED_L5: 0.03}
LEVELS_WITH = {
    None: LEVELS_TO_T5,
    L6: ('S1', 'L6', *LEVELS_TO_T5[1:-1]),
    SACRALISED_L5: (*LEVELS_TO_T5[1:], 'T4'),  # the lowest disc is L4/L5; L5 is the top of the sacrum
}

# Slips, in % of the lower superior endplate. Over-represented against any clinic so that a few hundred images hold
# every grade.
SLIP_PROBABILITY = 0.30
RETRO_PROBABILITY = 0.06
GRADE_WEIGHTS = (0.48, 0.22, 0.13, 0.10, 0.07)  # Meyerding I to V
_MAX_SLIP = 120.0  # a vertebra further off would lie in front of the sacrum, not on it
_CLEAR_OF_BOUND = 1.0  # no slip is drawn this near to the next grade
_LUMBOSACRAL_SHARE = 0.6  # of the slips: at L5/S1, the others at L4/L5
_RETRO_RANGE = (-20.0, -NO_RETROLISTHESIS_PERCENT - _CLEAR_OF_BOUND)
# Walls are never in line. Bodies that have not slipped stand anywhere where the literature sees no slip: evenly, for a
# model that has met aligned walls only expects them, and reads less of a slip than there is.
_NORMAL_RANGE = (-NO_RETROLISTHESIS_PERCENT + _CLEAR_OF_BOUND, NO_ANTEROLISTHESIS_PERCENT - _CLEAR_OF_BOUND)
_MAX_TILT = 62.0  # degrees; steeper, the lower edge of S1 would come to lie above the upper one
_MAX_GAP = 1.2  # times the disc's drawn height, and 2 mm: what wedged neighbours may add in the middle
_STEEPEST_STEP = 70.0  # degrees on the image
_MAX_DRAWS = 1000


@dataclass(frozen=True)
class Spine:
    """A spine in the patient frame.

    Attributes:
        corners: ``(V, 4, 2)`` mm, TL, TR, BL, BR for a patient who faces left: TL is anterior-superior.
        slip_percent: ``(V - 1,)``, of each vertebra but S1 on the one below it; + antero, - retro.
        tilt: ``(V,)`` degrees, of each body's axis.
        traits: Form of the bodies beyond their corners; None for bodies of average form.
        transition: ``'L6'`` (six lumbar vertebrae), ``'sacralised L5'`` (four; L5 is the top of the sacrum) or None.
    """

    corners: np.ndarray
    slip_percent: np.ndarray
    tilt: np.ndarray
    traits: BodyTraits | None = None
    transition: str | None = None

    @property
    def levels(self) -> tuple[str, ...]:
        """Name of each vertebra, ``V`` of them."""
        return LEVELS_WITH[self.transition]

    @property
    def centers(self) -> np.ndarray:
        """Mean corner of each vertebra, ``(V, 2)`` mm."""
        return self.corners.mean(axis=1)


@dataclass(frozen=True)
class SlipRates:
    """How often a spine has a slip, and of which grades I to V."""

    antero: float = SLIP_PROBABILITY
    retro: float = RETRO_PROBABILITY
    grade_weights: tuple[float, ...] = GRADE_WEIGHTS

    @classmethod
    def with_antero(cls, share: float) -> SlipRates:
        """This share of spines with a vertebra slipped forwards; retrolistheses are as many as usual, if that leaves
        room."""
        return cls(antero=share, retro=min(RETRO_PROBABILITY, 1 - share))


USUAL_SLIPS = SlipRates()


def sample_spine(rng: np.random.Generator, rates: SlipRates = USUAL_SLIPS) -> Spine:
    """Draw a spine whose bodies are convex and do not overlap.

    The steps between centres are drawn jointly, the bodies' tilts are the smoothest that give these steps, and then the
    slipped vertebra is moved, with everything above it, along the endplate it slips on.
    """
    normal_slip = rng.uniform(*_NORMAL_RANGE, len(DISC_HEIGHT))
    slip = _sample_slips(rng, normal_slip, rates)
    slipped = slip != normal_slip
    transition = _sample_transition(rng)
    for _ in range(_MAX_DRAWS):
        traits = sample_traits(rng, len(slip) + 1, slipped)
        sizes = sample_sizes(rng, traits)
        tilt = fit_tilts(undistorted(_sample_steps(rng)), sizes, normal_slip)
        corners = stack(tilt, sizes, slip)
        if _is_anatomical(corners, tilt, sizes, slipped):
            return Spine(corners, slip, tilt, traits, transition)
    raise RuntimeError(f'no valid spine in {_MAX_DRAWS} draws: the geometry constants contradict each other')


def _sample_steps(rng: np.random.Generator) -> np.ndarray:
    """Step angles on an image of the nominal stretch, ``(V - 1,)`` degrees."""
    covariance = STEP_CORRELATION * np.outer(STEP_SD, STEP_SD)
    deviation = list(rng.multivariate_normal(np.zeros(len(STEP_SD)), covariance, method='cholesky'))
    innovation_sd = STEP_SD[-1] * np.sqrt(1 - STEP_MEMORY**2)
    while len(deviation) < len(STEP_DEGREES):
        deviation.append(STEP_MEMORY * deviation[-1] + rng.normal(0, innovation_sd))
    return np.clip(STEP_DEGREES + deviation, -_STEEPEST_STEP, _STEEPEST_STEP)


def _sample_slips(rng: np.random.Generator, normal_slip: np.ndarray, rates: SlipRates) -> np.ndarray:
    slip = normal_slip.copy()
    kind = rng.random()
    if kind < rates.antero:
        grade = rng.choice(len(rates.grade_weights), p=rates.grade_weights)
        low, high = (NO_ANTEROLISTHESIS_PERCENT, *GRADE_BOUNDS_PERCENT, _MAX_SLIP)[grade : grade + 2]
        slip[int(rng.random() >= _LUMBOSACRAL_SHARE)] = rng.uniform(low + _CLEAR_OF_BOUND, high - _CLEAR_OF_BOUND)
    elif kind < rates.antero + rates.retro:
        slip[rng.integers(1, 3)] = rng.uniform(*_RETRO_RANGE)  # L4/L5 or L3/L4
    return slip


def _sample_transition(rng: np.random.Generator) -> str | None:
    draw = rng.random()
    for transition, probability in TRANSITION_PROBABILITY.items():
        if draw < probability:
            return transition
        draw -= probability
    return None


def _is_anatomical(corners: np.ndarray, tilt: np.ndarray, sizes: Sizes, slipped: np.ndarray) -> bool:
    """Each disc about as thick as drawn, no body on its back, every body convex."""
    outline = corners[:, [TL, TR, BR, BL]]
    edge = np.roll(outline, -1, axis=1) - outline
    following = np.roll(edge, -1, axis=1)
    turn = edge[..., 0] * following[..., 1] - edge[..., 1] * following[..., 0]
    return bool(
        (turn > 0).all()
        and (np.abs(tilt) < _MAX_TILT).all()
        and (slipped | (gaps(corners) < _MAX_GAP * sizes.disc + 2)).all()
    )
