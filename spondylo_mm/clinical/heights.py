"""Heights of discs and the wedge of bodies, free of units so that neither magnification nor stature matters."""

from __future__ import annotations

import numpy as np

from ..anatomy import BL, BR, LEVELS, TL, TR
from .measure import Measure, absent, measure
from .patient_spine import PatientSpine

# Share of the way from the anterior to the posterior edge of a disc.
ANTERIOR, MIDDLE, POSTERIOR = 0.0, 0.5, 1.0

# A disc is a third of a body's depth high. Bone does not overlap bone: a negative height is a slip so far that no disc
# is between the bodies, or a wrong corner; a little of it is the noise of a collapsed disc.
DISC_LIMITS = (-5.0, 100.0)  # % of the depth
WEDGE_LIMITS = (0.2, 3.0)  # a severe fracture leaves half the height


def disc_height(spine: PatientSpine, lower: int, place: float) -> Measure:
    """Height of the disc above slot ``lower``, in % of the mean depth of the vertebra above it.

    After Frobin et al. (Clin Biomech 1997;12 Suppl 1:S1-63): the distances of the two facing corners from the bisectrix
    add up to the height, which a slip along the disc does not change; the mean depth of the cranial vertebra takes out
    the magnification. The bisectrix here is that of the two endplates, not of the bodies' midplanes (S1 shows none),
    and nothing is corrected to a standard lordosis: Frobin's norms do not apply.

    Args:
        place: ``ANTERIOR``, ``MIDDLE`` or ``POSTERIOR``; the middle is that of the straight endplates.
    """
    upper = lower + 1
    fault = spine.body_fault(upper) or spine.superior_endplate_fault(lower)
    if fault:
        return absent(fault)
    points, sd = spine.points(*((upper, corner) for corner in (TL, TR, BL, BR)), (lower, TL), (lower, TR))
    beyond = 'the bodies do not face each other across a disc'
    return measure(lambda six: _height(six, place), points, sd, DISC_LIMITS, ' % of the depth', beyond)


def wedge_ratio(spine: PatientSpine, slot: int) -> Measure:
    """Anterior over posterior height of a body, the lengths of its walls; under 1 where it is lower in front.

    Not for S1, whose lower edge is none.
    """
    if LEVELS[slot] == 'S1':
        return absent('S1 has no lower endplate')
    fault = spine.body_fault(slot)
    if fault:
        return absent(fault)
    points, sd = spine.points(*((slot, corner) for corner in (TL, TR, BL, BR)))
    return measure(_wedge, points, sd, WEDGE_LIMITS, '')


def _height(points: np.ndarray, place: float) -> np.ndarray:
    """Height of points (..., 6, 2): the upper body's TL TR BL BR, the lower one's TL TR."""
    superior = points[..., 0, :] - points[..., 1, :]  # front to back of each endplate, reversed
    inferior = points[..., 2, :] - points[..., 3, :]
    below = points[..., 4, :] - points[..., 5, :]
    along = inferior / _length(inferior)[..., None] + below / _length(below)[..., None]
    up = np.stack([-along[..., 1], along[..., 0]], axis=-1) / _length(along)[..., None]
    across = (1 - place) * (points[..., 2, :] - points[..., 4, :]) + place * (points[..., 3, :] - points[..., 5, :])
    depth = (_length(superior) + _length(inferior)) / 2
    return 100.0 * (across * up).sum(axis=-1) / depth


def _wedge(points: np.ndarray) -> np.ndarray:
    return _length(points[..., 0, :] - points[..., 2, :]) / _length(points[..., 1, :] - points[..., 3, :])


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.hypot(vectors[..., 0], vectors[..., 1])
