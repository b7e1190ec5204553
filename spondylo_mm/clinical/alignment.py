"""Angles of the lumbar spine between endplates (Cobb), in degrees; + lordotic, - kyphotic.

Superior endplates throughout, as usual where the sacrum takes part. Segmental angles then add up to the lordosis of the
levels they span.
"""

from __future__ import annotations

import numpy as np

from ..anatomy import BL, BR, LEVELS, TL, TR
from .measure import Measure, absent, measure
from .patient_spine import PatientSpine

# No patient's: wider than any reported. Beyond them an endplate's ends are wrong.
MAX_LORDOSIS = 120.0
MAX_SEGMENT = 75.0
MAX_SACRAL_SLOPE = 90.0

_SACRUM = LEVELS.index('S1')


def lordosis(spine: PatientSpine, top: int) -> Measure:
    """Angle between the superior endplates of slot ``top`` (L1 or L4, say) and of S1."""
    return _between(spine, (top, TL, TR), (_SACRUM, TL, TR), MAX_LORDOSIS)


def segmental_angle(spine: PatientSpine, lower: int) -> Measure:
    """Angle between the superior endplates of the vertebra above slot ``lower`` and of ``lower``: body and disc."""
    return _between(spine, (lower + 1, TL, TR), (lower, TL, TR), MAX_SEGMENT)


def disc_angle(spine: PatientSpine, lower: int) -> Measure:
    """Angle between the endplates that face each other across the disc above slot ``lower``."""
    return _between(spine, (lower + 1, BL, BR), (lower, TL, TR), MAX_SEGMENT)


def sacral_slope(spine: PatientSpine) -> Measure:
    """Angle of S1's superior endplate with the horizontal of the image; + falling towards the front.

    Means what it says only if the film is upright and the patient stood: nothing in the image tells.
    """
    fault = spine.superior_endplate_fault(_SACRUM)
    if fault:
        return absent(fault)
    points, sd = spine.points((_SACRUM, TL), (_SACRUM, TR))
    return measure(_slope, points, sd, (-MAX_SACRAL_SLOPE, MAX_SACRAL_SLOPE), ' degrees')


Endplate = tuple[int, int, int]  # slot, its anterior and its posterior corner


def _between(spine: PatientSpine, upper: Endplate, lower: Endplate, limit: float) -> Measure:
    for slot, anterior, _ in (upper, lower):
        fault = spine.superior_endplate_fault(slot) if anterior == TL else spine.body_fault(slot)
        if fault:
            return absent(fault)
    points, sd = spine.points(*((slot, corner) for slot, *ends in (upper, lower) for corner in ends))
    return measure(_cobb, points, sd, (-limit, limit), ' degrees')


def _cobb(points: np.ndarray) -> np.ndarray:
    """Angle of points (..., 4, 2): anterior and posterior end of the upper, then of the lower endplate.

    The turn from the lower endplate, seen from its posterior end, to the upper one, + where the anterior end rises.
    """
    upper = points[..., 0, :] - points[..., 1, :]
    lower = points[..., 2, :] - points[..., 3, :]
    cross = lower[..., 0] * upper[..., 1] - lower[..., 1] * upper[..., 0]
    return np.degrees(np.arctan2(cross, (upper * lower).sum(axis=-1)))


def _slope(points: np.ndarray) -> np.ndarray:
    """Fall towards the front of points (..., 2, 2), anterior and posterior end."""
    forwards = points[..., 0, :] - points[..., 1, :]
    return np.degrees(np.arctan2(forwards[..., 1], -forwards[..., 0]))
